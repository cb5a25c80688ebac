// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QVector>
#include <QWidget>

#include "widgets/chart_grid.h"

namespace caravan::widgets {

// Share of tokens by expert and domain: one group of bars per expert in its hue, domains filled, hatched,
// outlined; a dashed line at 1/n. Over 32 experts the 32 that differ most from 1/n are drawn. Left and Right
// move between experts.
class ExpertBars : public QWidget, public ChartGrid {
    Q_OBJECT

  public:
    explicit ExpertBars(QWidget* parent = nullptr);
    // shares[domain][expert], 0 .. 1; NaN = not known. domains.size() rows.
    void setShares(const QStringList& domains, const QVector<QVector<double>>& shares);
    [[nodiscard]] const QVector<QVector<double>>& shares() const { return m_shares; }
    void setCurrentExpert(int expert);
    [[nodiscard]] int currentExpert() const { return m_current; }
    void setEmptyText(const QString& text);
    [[nodiscard]] const QVector<int>& shownExperts() const { return m_shown; }

    [[nodiscard]] QSize sizeHint() const override { return {420, 260}; }
    [[nodiscard]] QSize minimumSizeHint() const override { return {200, 140}; }

    [[nodiscard]] int gridRows() const override;
    [[nodiscard]] int gridColumns() const override { return static_cast<int>(m_domains.size()); }
    [[nodiscard]] QString gridRowName(int row) const override;
    [[nodiscard]] QString gridColumnName(int column) const override { return m_domains.value(column); }
    [[nodiscard]] QVariant gridValue(int row, int column) const override;
    [[nodiscard]] QString gridText(int row, int column) const override;
    [[nodiscard]] QString gridSentence(int row, int column) const override;
    [[nodiscard]] QRect gridRect(int row, int column) const override;
    [[nodiscard]] QPoint gridCurrent() const override { return {m_current >= 0 ? 0 : -1, m_current}; }
    void setGridCurrent(int row, int) override { setCurrentExpert(row); }
    void paintChart(QPainter& painter, QSize size) override;
    [[nodiscard]] QWidget* gridWidget() override { return this; }
    [[nodiscard]] const QWidget* gridWidget() const override { return this; }

  Q_SIGNALS:
    void currentExpertChanged(int expert);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool event(QEvent* event) override;

  private:
    [[nodiscard]] QRectF plotArea(QSize size) const;
    [[nodiscard]] QRectF barRect(int place, int domain, QSize size) const;
    [[nodiscard]] int expertAt(QPoint position) const;
    void chooseShown();

    QStringList m_domains;
    QVector<QVector<double>> m_shares;
    QVector<int> m_shown;
    double m_top = 0.25;  // of the axis
    int m_current = -1;
    QString m_emptyText;
};

// Legend of filled, hatched and outlined bars.
class FillLegend : public QWidget {
    Q_OBJECT

  public:
    explicit FillLegend(QWidget* parent = nullptr);
    void setItems(const QStringList& items);
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return {0, 18}; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    QStringList m_items;
};

// Load of one cell by domain: horizontal bars against the tick at 1x, the number beside each. Up and Down
// walk the rows.
class LoadBars : public QWidget, public ChartGrid {
    Q_OBJECT

  public:
    struct Row {
        QString name;
        double load = 0;  // over the even share; NaN = not known
    };
    explicit LoadBars(QWidget* parent = nullptr);
    void setRows(const QVector<Row>& rows, int expert);
    [[nodiscard]] const QVector<Row>& rows() const { return m_rows; }
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return {160, sizeHint().height()}; }

    [[nodiscard]] int gridRows() const override { return static_cast<int>(m_rows.size()); }
    [[nodiscard]] int gridColumns() const override { return 1; }
    [[nodiscard]] QString gridRowName(int row) const override { return m_rows.at(row).name; }
    [[nodiscard]] QString gridColumnName(int) const override { return tr("Load"); }
    [[nodiscard]] QVariant gridValue(int row, int column) const override;
    [[nodiscard]] QString gridText(int row, int column) const override;
    [[nodiscard]] QString gridSentence(int row, int column) const override;
    [[nodiscard]] QRect gridRect(int row, int column) const override;
    [[nodiscard]] QPoint gridCurrent() const override { return {m_current < 0 ? -1 : 0, m_current}; }
    void setGridCurrent(int row, int column) override;
    [[nodiscard]] QWidget* gridWidget() override { return this; }
    [[nodiscard]] const QWidget* gridWidget() const override { return this; }

  protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    QVector<Row> m_rows;
    int m_expert = 0;
    int m_current = -1;  // row
};

}  // namespace caravan::widgets

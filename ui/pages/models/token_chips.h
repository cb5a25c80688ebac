// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>
#include <QVector>
#include <QWidget>

namespace caravan::ui {

// Pieces of a text with their ids, in framed cells that wrap.
class TokenChips : public QWidget {
    Q_OBJECT
  public:
    explicit TokenChips(QWidget* parent = nullptr);
    void setTokens(const QStringList& pieces, const QVector<qint64>& ids);
    [[nodiscard]] QStringList pieces() const { return m_pieces; }
    [[nodiscard]] bool hasHeightForWidth() const override { return true; }
    [[nodiscard]] int heightForWidth(int width) const override;
    [[nodiscard]] QSize sizeHint() const override { return {200, heightForWidth(300)}; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    [[nodiscard]] QVector<QRect> layOut(int width) const;
    QStringList m_pieces;
    QVector<qint64> m_ids;
};

}  // namespace caravan::ui

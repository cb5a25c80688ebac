// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <QVector>

class QLabel;
class QPushButton;
class QToolButton;
class QHBoxLayout;

namespace caravan::widgets {

// Bar under a page's header: what happened (bold), what it means, what to do. 44 px, 64 px when it wraps or
// is an error.
class MessageBar : public QFrame {
    Q_OBJECT

  public:
    enum class Kind { Information, Success, Warning, Error };
    explicit MessageBar(QWidget* parent = nullptr);

    // Shows the bar; buttons of the message before are removed. Announced once to screen readers per changed
    // text.
    void showMessage(Kind kind, const QString& title, const QString& text);
    QPushButton* addButton(const QString& text);
    void setClosable(bool closable);
    [[nodiscard]] Kind kind() const { return m_kind; }
    [[nodiscard]] QString title() const { return m_title; }
    [[nodiscard]] QString text() const { return m_text; }
    [[nodiscard]] const QVector<QPushButton*>& buttons() const { return m_buttons; }
    [[nodiscard]] bool hasHeightForWidth() const override { return false; }

  Q_SIGNALS:
    void closed();

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    void applyColors();
    void fitHeight();

    Kind m_kind = Kind::Information;
    QString m_title, m_text;
    QLabel* m_icon;
    QLabel* m_label;
    QHBoxLayout* m_layout;
    QHBoxLayout* m_buttonRow;
    QToolButton* m_close;
    QVector<QPushButton*> m_buttons;
};

}  // namespace caravan::widgets

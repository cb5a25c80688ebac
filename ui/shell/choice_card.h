// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractButton>

namespace caravan::ui {

// A framed choice with a bold name and a wrapped line below: radio cards, start cards, method cards.
class ChoiceCard : public QAbstractButton {
    Q_OBJECT
  public:
    enum class Mark { Radio, Icon };
    ChoiceCard(const QString& title, const QString& text, Mark mark, QWidget* parent = nullptr);
    void setBody(const QString& text);    // the line below the name
    void setBadge(const QString& badge);  // right, in a small frame: a shortcut
    void setEmphasis(bool emphasis);      // drawn as chosen although it cannot be checked
    [[nodiscard]] bool hasHeightForWidth() const override { return true; }
    [[nodiscard]] int heightForWidth(int width) const override;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return {200, 56}; }

  protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    [[nodiscard]] int textWidth(int width) const;
    QString m_title, m_text, m_badge;
    Mark m_mark;
    bool m_emphasis = false;
};

}  // namespace caravan::ui

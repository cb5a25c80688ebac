// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QWidget>
#include <functional>
#include <vector>

#include "engine/api/result.h"
#include "widgets/message_bar.h"

namespace caravan::ui {

// Messages of the shell, one bar per key, newest below: what happened, what it means for the work, what to
// do.
class Banners : public QWidget {
    Q_OBJECT
  public:
    struct Button {
        QString text;
        std::function<void()> act;
        bool primary = false;
        bool enabled = true;
    };
    explicit Banners(QWidget* parent = nullptr);
    void show(const QString& key, widgets::MessageBar::Kind kind, const QString& title, const QString& text,
              std::vector<Button> buttons = {}, bool closable = true);
    void showError(const QString& key, const engine::Error& error, std::vector<Button> buttons = {});
    void clear(const QString& key);
    [[nodiscard]] bool has(const QString& key) const { return m_bars.contains(key); }
    [[nodiscard]] widgets::MessageBar* bar(const QString& key) const { return m_bars.value(key); }

  protected:
    bool event(QEvent* event) override;

  private:
    // A message that says what to do first takes the accent from the page's own button.
    void renewPrimary();
    QHash<QString, widgets::MessageBar*> m_bars;
};

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAction>
#include <QKeySequence>
#include <QObject>
#include <functional>

namespace caravan::ui {

struct ActionSpec {
    QString id;    // "run.pause"; unique, stable
    QString text;  // with mnemonic: "&Pause"
    QString menu;  // "file", "edit", "view", "model", "run", "routing", "chat", "window", "help"; "" = none
    QKeySequence shortcut;
    QString icon;     // name in resources/icons
    QString page;     // only while that page is shown; "" = always
    int section = 0;  // a separator stands between sections of a menu
    QString tip;
};

// The one list of what the user can do: menus, shortcuts, buttons and the command palette are views of it.
class ActionRegistry : public QObject {
    Q_OBJECT
  public:
    explicit ActionRegistry(QObject* parent = nullptr);
    // The action lives as long as the registry; `trigger` is called only while `context` lives.
    QAction* add(const ActionSpec& spec, QObject* context, std::function<void()> trigger);
    [[nodiscard]] QAction* find(const QString& id) const;  // nullptr if there is none
    [[nodiscard]] QList<QAction*> actions() const { return m_actions; }
    [[nodiscard]] const ActionSpec* spec(const QAction* action) const;     // nullptr: not of this registry
    [[nodiscard]] QList<QAction*> menuActions(const QString& menu) const;  // with separators
    void setActivePage(const QString& pageId);

  Q_SIGNALS:
    void added(QAction* action);

  private:
    struct Entry {
        QAction* action;
        ActionSpec spec;
    };
    QList<QAction*> m_actions;
    QList<Entry> m_entries;
    QString m_page;
};

}  // namespace caravan::ui

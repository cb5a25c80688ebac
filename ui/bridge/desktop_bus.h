// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QObject>
#include <optional>

namespace caravan::ui {

// What the desktop is told over the session bus: notifications (org.freedesktop.Notifications) and the
// progress in the task bar (com.canonical.Unity.LauncherEntry). Nobody there, or no bus: nothing happens, and
// nothing waits. GUI thread.
class DesktopBus : public QObject {
    Q_OBJECT
  public:
    explicit DesktopBus(QObject* parent = nullptr);
    // Plain text. Activating the notification emits activated(note), where the server has actions at all.
    void notify(const QString& title, const QString& text, const QString& note);
    static void showProgress(double fraction, bool visible);

  Q_SIGNALS:
    void activated(const QString& note);

  private Q_SLOTS:
    void invoked(uint id, const QString& action);
    void closed(uint id);
    void tokenCame(uint id, const QString& token);

  private:
    struct Note {
        QString title, text, note;
    };
    void send(const Note& note);

    std::optional<QStringList> m_capabilities;  // of the server, once it was asked
    QHash<uint, QString> m_shown;
};

}  // namespace caravan::ui

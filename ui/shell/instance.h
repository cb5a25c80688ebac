// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLocalServer>
#include <QObject>
#include <memory>

namespace caravan::ui {

// One window per project: the owner listens on a socket named after the folder; a second one makes it come to
// the front.
class Instance : public QObject {
    Q_OBJECT
  public:
    // nullptr: another window has the project and was asked to come to the front.
    [[nodiscard]] static std::unique_ptr<Instance> claim(const QString& folder);
    // True: another window has the project and was asked to come to the front.
    [[nodiscard]] static bool bringToFront(const QString& folder);

  Q_SIGNALS:
    void activated();

  private:
    Instance() = default;
    QLocalServer m_server;
};

}  // namespace caravan::ui

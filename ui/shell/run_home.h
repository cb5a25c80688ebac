// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFileInfo>

namespace caravan::ui {

// The project folder of PROJECT/runs/0001.
[[nodiscard]] inline QString projectOfRun(const QString& runFolder) {
    return runFolder.isEmpty() ? QString() : QFileInfo(QFileInfo(runFolder).path()).path();
}

}  // namespace caravan::ui

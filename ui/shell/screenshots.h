// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace caravan::ui {

class MainWindow;

// Shows each page in turn, gives it time to fill, writes DIR/NN-page-theme.png, then closes the window.
void takeScreenshots(MainWindow* window, const QString& folder);

}  // namespace caravan::ui

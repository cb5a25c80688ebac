// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <functional>

namespace caravan::ui {

class MainWindow;

struct ScreenshotOptions {
    QString folder;
    // Also starts a run of the draft, for the states that only a live run has: tuning, the question when the
    // window closes, an engine that died. The run stays in the project.
    bool liveRun = false;
    std::function<void()> killEngine;  // ends the engine's process at once
};

// Shows each page in turn, of a project with runs also Chat with answers, then palette and welcome; gives
// each time to fill, writes FOLDER/NN-name-theme.png, then closes the window. Without a project: the welcome
// page alone.
void takeScreenshots(MainWindow* window, const ScreenshotOptions& options);

}  // namespace caravan::ui

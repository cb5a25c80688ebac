// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace caravan::ui {

class ActionRegistry;
class EngineLink;
class RunController;

// What every page may use, for the life of the window; the project comes separately (Page::setProject), as it
// changes.
struct Services {
    EngineLink* engine = nullptr;
    RunController* runs = nullptr;
    ActionRegistry* actions = nullptr;
};

}  // namespace caravan::ui

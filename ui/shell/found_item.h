// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <functional>

namespace caravan::ui {

// Something that the command palette finds. Pages offer theirs with Page::found().
struct FoundItem {
    enum class Group { Pages, Actions, Experts, Settings, Runs, Help };
    Group group = Group::Actions;
    QString text;
    QString note;     // gray, behind the text: a value, a state
    QString keys;     // in a frame at the right: a shortcut
    QString verb;     // at the right while it is chosen: "Show in Routing"
    QString icon;     // name in resources/icons
    int expert = -1;  // its chip instead of an icon
    bool enabled = true;
    std::function<void()> act;
};

}  // namespace caravan::ui

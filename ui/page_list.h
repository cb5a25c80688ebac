// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

#include "ui/services.h"

class QWidget;

namespace caravan::ui {

class Page;

enum class PageGroup { Prepare, Tune, Use, Keep, Settings };  // the last at the rail's end
struct PageEntry {
    PageGroup group;
    Page* (*make)(const Services&, QWidget* parent);
};
// The rail, in order. A page that does not exist has no entry.
[[nodiscard]] std::vector<PageEntry> pageList();

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/page_list.h"

namespace caravan::ui {

std::vector<PageEntry> pageList() {
    return {};
}

}  // namespace caravan::ui

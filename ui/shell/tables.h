// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

class QString;
class QTableView;

namespace caravan::ui {

// A flat table as every page has it: rows of 28 px, no grid, whole rows selected, text 16 px from both edges.
[[nodiscard]] QTableView* flatTable(const QString& accessibleName);

}  // namespace caravan::ui

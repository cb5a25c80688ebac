// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "engine/api/config/recipe.h"

namespace caravan::ui {

// The command that does the same without a window; only settings that differ from the defaults are said.
[[nodiscard]] QString tuneCommandLine(const engine::Recipe& recipe, const QString& projectFolder);

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <string>

namespace caravan::ui {

// What the engine says that it is doing ("reading weights", "reading FILE"), in the reader's language; "" and
// what is not known stay as they are.
[[nodiscard]] QString stageText(const std::string& stage);

}  // namespace caravan::ui

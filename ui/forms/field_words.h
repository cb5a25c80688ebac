// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "engine/api/config/descriptors.h"
#include "engine/api/result.h"

namespace caravan::ui {

[[nodiscard]] QString fieldLabel(const engine::FieldDescriptor& field);
[[nodiscard]] QString fieldHelp(const engine::FieldDescriptor& field);
[[nodiscard]] QString choiceLabel(const engine::FieldDescriptor& field,
                                  const std::string& word);              // "nf4" -> "NF4"
[[nodiscard]] QString shortRange(const engine::FieldDescriptor& field);  // "1 to 128", "from 0"
// The sentence under a field: what is wrong, and a valid neighbour.
[[nodiscard]] QString problemSentence(const std::string& key, const engine::Error& error,
                                      const std::string& nearestValid);

}  // namespace caravan::ui

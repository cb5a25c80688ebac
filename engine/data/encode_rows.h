// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <stop_token>
#include <vector>

#include "engine/data/data_row.h"
#include "engine/data/row_encoder.h"

namespace caravan::engine {

// Encodes rows on several threads; the order of the result is the order of the rows. threads: 0 = as many as
// the machine has, at most 8. Throws Interrupted when asked to stop.
[[nodiscard]] std::vector<EncodedRow> encodeAll(const std::vector<DataRow>& rows, const Tokenizer& tokenizer,
                                                const EncodeSettings& settings, std::int32_t threads,
                                                const std::stop_token& stop);

}  // namespace caravan::engine

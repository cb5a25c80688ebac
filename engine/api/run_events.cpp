// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/run_events.h"

#include <array>
#include <string_view>

namespace caravan::engine {
namespace {
constexpr std::array<const char*, 10> kWords = {"created",  "queued",  "loading",     "running",  "paused",
                                                "stopping", "stopped", "interrupted", "finished", "failed"};
}

const char* stateWord(RunState state) {
    return kWords[static_cast<std::size_t>(state)];
}

std::optional<RunState> stateFromWord(std::string_view word) {
    for (std::size_t i = 0; i < kWords.size(); ++i)
        if (word == kWords[i]) return static_cast<RunState>(i);
    return std::nullopt;
}

}  // namespace caravan::engine

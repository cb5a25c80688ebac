// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstddef>

// Where a step's device time goes. Off unless a bench switches it on: then every operation marks the stream
// where it begins and ends, and the time between two marks belongs to the operation that was at work.
namespace caravan::engine::ops {

enum class Part {
    Other,  // small operations outside the ones below, and gaps
    Products,
    Lora,
    Attention,
    Adapters,
    Router,
    Elementwise,
    Dequantisation,
    Loss,
    Optimizer,
    Count
};
inline constexpr std::size_t kParts = static_cast<std::size_t>(Part::Count);
[[nodiscard]] const char* partName(Part part);

using PartTimes = std::array<double, kParts>;  // milliseconds

void startTimeline();                      // on the current device's current stream; not thread-safe
[[nodiscard]] PartTimes finishTimeline();  // waits for the device

extern bool g_timelineOn;
void enterPart(Part part);
void leavePart();

class PartScope {
  public:
    explicit PartScope(Part part) : m_on(g_timelineOn) {
        if (m_on) enterPart(part);
    }
    ~PartScope() {
        if (m_on) leavePart();
    }
    PartScope(const PartScope&) = delete;
    PartScope& operator=(const PartScope&) = delete;

  private:
    bool m_on;
};

}  // namespace caravan::engine::ops

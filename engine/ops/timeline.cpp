// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/timeline.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <vector>

namespace caravan::engine::ops {

bool g_timelineOn = false;

namespace {

struct Mark {
    c10::Event event;
    Part after;  // at work from here on
};
std::vector<Mark> g_marks;
std::vector<Part> g_stack;

void mark(Part after) {
    const c10::impl::VirtualGuardImpl guard(c10::DeviceType::CUDA);
    g_marks.push_back({c10::Event(c10::DeviceType::CUDA, c10::EventFlag::BACKEND_DEFAULT), after});
    g_marks.back().event.record(guard.getStream(guard.getDevice()));
}

}  // namespace

const char* partName(Part part) {
    constexpr std::array<const char*, kParts> kNames{"other",    "products", "LoRA",        "attention",
                                                     "adapters", "router",   "elementwise", "dequantisation",
                                                     "loss",     "optimizer"};
    return kNames[static_cast<std::size_t>(part)];
}

void startTimeline() {
    g_marks.clear();
    g_stack.assign(1, Part::Other);
    g_timelineOn = true;
    mark(Part::Other);
}

PartTimes finishTimeline() {
    mark(Part::Other);
    g_timelineOn = false;
    g_marks.back().event.synchronize();
    PartTimes times{};
    for (std::size_t i = 0; i + 1 < g_marks.size(); ++i)
        times[static_cast<std::size_t>(g_marks[i].after)] +=
            g_marks[i].event.elapsedTime(g_marks[i + 1].event);
    g_marks.clear();
    return times;
}

void enterPart(Part part) {
    g_stack.push_back(part);
    mark(part);
}

void leavePart() {
    g_stack.pop_back();
    mark(g_stack.back());
}

}  // namespace caravan::engine::ops

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/engine.h"

// Keeps makeEngine in the shared library: caravan-cli looks this name up with dlsym.
extern "C" __attribute__((visibility("default"))) caravan::engine::Engine* caravan_make_engine(
    const caravan::engine::EngineOptions& options) {
    return caravan::engine::makeEngine(options).release();
}

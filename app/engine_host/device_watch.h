// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "engine/api/engine.h"

namespace caravan::host {

// Asks the device how it is once per beat, on a thread of its own (its driver may be unwell and take long),
// and notes what it takes and how warm it is beside every run that is tuning (power.jsonl). Of a process that
// owns runs.
class DeviceWatch {
  public:
    struct At {
        std::string run;  // folder
        engine::StepIndex step = 0;
    };
    using Running = std::function<std::vector<At>()>;  // any thread
    using Told = std::function<void(const engine::DeviceStatus&)>;
    DeviceWatch(engine::Engine& engine, std::chrono::milliseconds beat, Running running, Told told = {});

  private:
    void watch(const std::stop_token& stop);

    engine::Engine& m_engine;
    std::chrono::milliseconds m_beat;
    Running m_running;
    Told m_told;
    std::jthread m_thread;  // last: it uses the others
};

}  // namespace caravan::host

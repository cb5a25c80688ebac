// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/engine_host/device_watch.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "projects/power_file.h"

namespace caravan::host {

DeviceWatch::DeviceWatch(engine::Engine& engine, std::chrono::milliseconds beat, Running running, Told told)
    : m_engine(engine),
      m_beat(beat),
      m_running(std::move(running)),
      m_told(std::move(told)),
      m_thread([this](const std::stop_token& stop) { watch(stop); }) {}

void DeviceWatch::watch(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any pause;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        const engine::DeviceStatus device = m_engine.device();
        if (m_told) m_told(device);
        projects::PowerSample sample{.watts = device.powerWatts, .celsius = device.celsius};
        if (sample.tells())
            for (const At& at : m_running())
                if ((sample.step = at.step) > 0) static_cast<void>(projects::appendPower(at.run, sample));
        pause.wait_for(lock, stop, m_beat, [] { return false; });
    }
}

}  // namespace caravan::host

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace caravan::host {

// Keeps the machine awake while a run is on (logind), and says when it goes to sleep all the same. Without a
// system bus it does nothing. Loop thread only; calls do not wait for the bus longer than a quarter of a
// second.
class SleepInhibitor {
  public:
    SleepInhibitor(std::function<void()> beforeSleep, std::function<void(const std::string&)> log);
    SleepInhibitor(const SleepInhibitor&) = delete;
    SleepInhibitor& operator=(const SleepInhibitor&) = delete;
    ~SleepInhibitor();
    void keepAwake(bool awake);
    void process();  // takes in what the bus sent

  private:
    struct Bus;
    std::unique_ptr<Bus> m_bus;
};

}  // namespace caravan::host

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace caravan::host {

// Keeps the machine awake while a run is on (logind), and says when it goes to sleep all the same, which then
// waits until everything is saved (as long as logind waits: 5 s where nothing else was set). Without a system
// bus it does nothing. Loop thread only; nothing waits for the bus.
class SleepInhibitor {
  public:
    using Log = std::function<void(const std::string&)>;
    // save: begins to save. saved: whether all of that is done.
    SleepInhibitor(std::function<void()> save, std::function<bool()> saved, Log log);
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

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <mutex>
#include <string>

namespace caravan::engine {

// What an NVIDIA card draws, through the driver's NVML; the library is opened on the first question and is
// optional. Any thread.
class PowerMeter {
  public:
    // A function of the library by its name; nullptr: not there.
    using Symbols = std::function<void*(const char* name)>;
    static void* driverSymbol(const char* name);
    explicit PowerMeter(Symbols symbols = driverSymbol) : m_symbols(std::move(symbols)) {}

    // Watts of the CUDA device of that number and name; -1 = not known: no driver, a card that does not tell,
    // or one that is counted in another order there. visible: CUDA_VISIBLE_DEVICES, or "".
    [[nodiscard]] double watts(int device, const std::string& name, const std::string& visible);

  private:
    void open();
    Symbols m_symbols;
    std::mutex m_mutex;
    bool m_tried = false, m_open = false;
};

}  // namespace caravan::engine

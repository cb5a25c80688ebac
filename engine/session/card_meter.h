// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <mutex>
#include <string>

namespace caravan::engine {

// What a card says of itself; -1 = it does not.
struct CardReading {
    double watts = -1;
    double celsius = -1;  // of the GPU's die
    double busy = -1;     // share of the driver's last sample (1/6 s to 1 s) with a kernel at work, 0 to 1
};

// Asks an NVIDIA card through the driver's NVML; the library is opened on the first question and is optional,
// and so is each of its functions. Any thread.
class CardMeter {
  public:
    // A function of the library by its name; nullptr: not there.
    using Symbols = std::function<void*(const char* name)>;
    static void* driverSymbol(const char* name);
    explicit CardMeter(Symbols symbols = driverSymbol) : m_symbols(std::move(symbols)) {}

    // Of the card at that place, "0000:65:00.0": the driver's numbers need not be those of CUDA. Where a card
    // is parted (MIG), of all of it. "": of none. May take a second the first time.
    [[nodiscard]] CardReading read(const std::string& busId);

  private:
    void open();
    Symbols m_symbols;
    std::mutex m_mutex;
    bool m_tried = false, m_open = false;
};

}  // namespace caravan::engine

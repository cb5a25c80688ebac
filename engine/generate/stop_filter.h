// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace caravan::engine::generate {

// Cuts a text stream before the first stop string, wherever token borders lie: text that may be the begin of
// a stop string is held back until it is known.
class StopFilter {
  public:
    explicit StopFilter(std::vector<std::string> stops);
    // The text that is certain now; never any of a stop string.
    [[nodiscard]] std::string feed(std::string_view text);
    [[nodiscard]] std::string finish();  // what was held back; nothing after a stop
    [[nodiscard]] bool stopped() const { return m_stopped; }

  private:
    std::vector<std::string> m_stops;
    std::string m_held;
    bool m_stopped = false;
};

}  // namespace caravan::engine::generate

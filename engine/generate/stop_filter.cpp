// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/stop_filter.h"

#include <algorithm>

namespace caravan::engine::generate {

StopFilter::StopFilter(std::vector<std::string> stops) : m_stops(std::move(stops)) {
    std::erase(m_stops, std::string());
}

std::string StopFilter::feed(std::string_view text) {
    if (m_stopped) return {};
    m_held += text;
    std::size_t stop = std::string::npos;
    for (const auto& word : m_stops)
        stop = std::min(stop, m_held.find(word));
    if (stop != std::string::npos) {
        m_stopped = true;
        std::string sure = m_held.substr(0, stop);
        m_held.clear();
        return sure;
    }
    std::size_t hold = 0;  // longest tail that begins a stop string
    for (const auto& word : m_stops)
        for (std::size_t n = std::min(word.size() - 1, m_held.size()); n > hold; --n)
            if (std::string_view(m_held).ends_with(std::string_view(word).substr(0, n))) hold = n;
    std::string sure = m_held.substr(0, m_held.size() - hold);
    m_held.erase(0, sure.size());
    return sure;
}

std::string StopFilter::finish() {
    std::string rest;
    if (!m_stopped) rest.swap(m_held);
    return rest;
}

}  // namespace caravan::engine::generate

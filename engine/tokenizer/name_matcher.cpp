// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/name_matcher.h"

namespace caravan::engine {
namespace {

std::uint64_t edge(std::uint32_t node, char byte) {
    return (std::uint64_t{node} << 8) | static_cast<unsigned char>(byte);
}

}  // namespace

void NameMatcher::add(std::string_view name, std::size_t value) {
    if (name.empty()) return;
    m_starts[static_cast<unsigned char>(name[0])] = true;
    std::uint32_t node = 0;
    for (const char byte : name) {
        const auto [it, isNew] =
            m_edges.try_emplace(edge(node, byte), static_cast<std::uint32_t>(m_nodes.size()));
        if (isNew) m_nodes.emplace_back();
        node = it->second;
    }
    if (!m_nodes[node].value) m_nodes[node].value = value;
}

std::optional<NameMatcher::Match> NameMatcher::find(std::string_view text, std::size_t from) const {
    for (std::size_t begin = from; begin < text.size(); ++begin) {
        if (!m_starts[static_cast<unsigned char>(text[begin])]) continue;
        std::optional<Match> best;
        std::uint32_t node = 0;
        for (std::size_t i = begin; i < text.size(); ++i) {
            const auto it = m_edges.find(edge(node, text[i]));
            if (it == m_edges.end()) break;
            node = it->second;
            if (m_nodes[node].value) best = Match{begin, i + 1, *m_nodes[node].value};
        }
        if (best) return best;
    }
    return std::nullopt;
}

void NameMatcher::prefixes(std::string_view text, std::size_t from, std::vector<Match>& out) const {
    out.clear();
    std::uint32_t node = 0;
    for (std::size_t i = from; i < text.size(); ++i) {
        const auto it = m_edges.find(edge(node, text[i]));
        if (it == m_edges.end()) return;
        node = it->second;
        if (m_nodes[node].value) out.push_back({from, i + 1, *m_nodes[node].value});
    }
}

}  // namespace caravan::engine

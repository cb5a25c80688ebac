// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace caravan::engine {

// Finds names in a text: the leftmost place, there the longest name. Names are few and short; bytes, not
// characters.
class NameMatcher {
  public:
    struct Match {
        std::size_t begin = 0, end = 0;
        std::size_t value = 0;  // what add() was given
    };
    // A name that is there already keeps its first value. Empty names are ignored.
    void add(std::string_view name, std::size_t value);
    [[nodiscard]] std::optional<Match> find(std::string_view text, std::size_t from) const;
    // All names that begin at `from`, the shortest first, into `out`.
    void prefixes(std::string_view text, std::size_t from, std::vector<Match>& out) const;
    [[nodiscard]] bool empty() const { return m_nodes.size() <= 1; }

  private:
    struct Node {
        std::optional<std::size_t> value;
    };
    std::vector<Node> m_nodes{Node{}};
    std::unordered_map<std::uint64_t, std::uint32_t> m_edges;  // node << 8 | byte -> node
    bool m_starts[256] = {};
};

}  // namespace caravan::engine

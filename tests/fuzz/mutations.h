// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <random>
#include <string>
#include <vector>

namespace caravan::fuzz {

// Changes of files as they go wrong and as somebody would forge them: flipped bits, lengths and counts at the
// edges of their types, parts removed, doubled and taken from another seed, numbers and keys of texts
// replaced. Deterministic in its random numbers.
class Mutator {
  public:
    Mutator(std::vector<std::string> seeds, unsigned number) : m_seeds(std::move(seeds)), m_random(number) {}
    [[nodiscard]] std::string next();

  private:
    [[nodiscard]] std::size_t below(std::size_t limit) { return limit == 0 ? 0 : m_random() % limit; }
    void change(std::string& bytes);
    void replaceNumber(std::string& bytes);
    std::vector<std::string> m_seeds;
    std::mt19937 m_random;
};

}  // namespace caravan::fuzz

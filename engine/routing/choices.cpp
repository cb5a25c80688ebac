// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/choices.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "engine/data/counter_random.h"

namespace caravan::engine::routing {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::span<const std::uint16_t> chosenBy(const Choices& choices, std::size_t layer, std::size_t token) {
    return {choices.chosen[layer].data() + token * choices.topK, choices.topK};
}

}  // namespace

std::vector<double> pairCounts(const Choices& choices, std::size_t layer) {
    std::vector<double> counts(choices.experts * choices.experts);
    for (std::size_t t = 0; t < choices.tokens(); ++t)
        for (const std::uint16_t a : chosenBy(choices, layer, t))
            for (const std::uint16_t b : chosenBy(choices, layer, t))
                counts[a * choices.experts + b] += 1;
    return counts;
}

std::vector<double> conditional(std::span<const double> counts, std::size_t experts) {
    std::vector<double> out(counts.size(), kUnknown);
    for (std::size_t a = 0; a < experts; ++a)
        for (std::size_t b = 0; b < experts; ++b)
            if (const double own = counts[a * experts + a]; a != b && own > 0)
                out[a * experts + b] = counts[a * experts + b] / own;
    return out;
}

double repeatRate(const Choices& choices, std::size_t layer) {
    std::int64_t pairs = 0, repeated = 0;
    for (std::size_t t = 1; t < choices.tokens(); ++t) {
        if (choices.rows[t] != choices.rows[t - 1]) continue;
        ++pairs;
        repeated += chosenBy(choices, layer, t)[0] == chosenBy(choices, layer, t - 1)[0];
    }
    return pairs > 0 ? static_cast<double>(repeated) / static_cast<double>(pairs) : kUnknown;
}

double information(const Choices& choices, std::size_t layer, std::span<const std::int32_t> domains) {
    if (choices.tokens() == 0) return kUnknown;
    const auto columns = static_cast<std::size_t>(*std::max_element(domains.begin(), domains.end())) + 1;
    std::vector<double> joint(choices.experts * columns), expert(choices.experts), domain(columns);
    const double one = 1.0 / static_cast<double>(choices.tokens() * choices.topK);
    for (std::size_t t = 0; t < choices.tokens(); ++t)
        for (const std::uint16_t e : chosenBy(choices, layer, t)) {
            const auto d = static_cast<std::size_t>(domains[t]);
            joint[e * columns + d] += one;
            expert[e] += one;
            domain[d] += one;
        }
    double sum = 0;
    for (std::size_t e = 0; e < choices.experts; ++e)
        for (std::size_t d = 0; d < columns; ++d)
            if (const double p = joint[e * columns + d]; p > 0)
                sum += p * std::log(p / (expert[e] * domain[d]));
    return std::max(0.0, sum);
}

std::vector<std::int32_t> shuffled(std::span<const std::int32_t> domains) {
    std::vector<std::int32_t> out;
    out.reserve(domains.size());
    for (const std::int32_t i :
         permutation(0, DataPurpose::RoutingShuffle, 0, static_cast<std::int64_t>(domains.size())))
        out.push_back(domains[static_cast<std::size_t>(i)]);
    return out;
}

double saturation(const Choices& choices, const Choices& reference, std::size_t layer) {
    if (choices.tokens() == 0 || choices.tokens() != reference.tokens() || choices.topK != reference.topK)
        return kUnknown;
    std::int64_t shared = 0;
    for (std::size_t t = 0; t < choices.tokens(); ++t) {
        const auto theirs = chosenBy(reference, layer, t);
        for (const std::uint16_t e : chosenBy(choices, layer, t))
            shared += std::find(theirs.begin(), theirs.end(), e) != theirs.end();
    }
    return static_cast<double>(shared) / static_cast<double>(choices.tokens() * choices.topK);
}

Vocabulary vocabulary(const Choices& choices, std::size_t layer, std::size_t most) {
    struct Seen {
        std::int64_t count = 0;
        std::vector<std::int64_t> first, all;  // [E]
    };
    std::unordered_map<std::int32_t, Seen> seen;
    for (std::size_t t = 0; t < choices.tokens(); ++t) {
        Seen& s = seen[choices.ids[t]];
        if (s.count++ == 0) s.first.resize(choices.experts), s.all.resize(choices.experts);
        const auto chosen = chosenBy(choices, layer, t);
        ++s.first[chosen[0]];
        for (const std::uint16_t e : chosen)
            ++s.all[e];
    }
    Vocabulary result;
    result.tokens.resize(choices.experts);
    std::int64_t tokens = 0, largest = 0;
    for (const auto& [id, s] : seen) {
        if (s.count < kLeastSeen) continue;
        tokens += s.count;
        largest += *std::max_element(s.first.begin(), s.first.end());
        for (std::size_t e = 0; e < choices.experts; ++e)
            if (s.all[e] > 0)
                result.tokens[e].push_back(
                    {id, static_cast<double>(s.all[e]) / static_cast<double>(s.count), s.count});
    }
    result.specialisation =
        tokens > 0 ? static_cast<double>(largest) / static_cast<double>(tokens) : kUnknown;
    for (auto& list : result.tokens) {
        std::sort(list.begin(), list.end(), [](const TokenShare& a, const TokenShare& b) {
            return a.share != b.share   ? a.share > b.share
                   : a.count != b.count ? a.count > b.count
                                        : a.id < b.id;
        });
        list.resize(std::min(list.size(), most));
    }
    return result;
}

std::vector<std::vector<TopToken>> topTokens(const Choices& choices, std::size_t layer, std::size_t most) {
    std::vector<std::vector<TopToken>> all(choices.experts);
    for (std::size_t t = 0; t < choices.tokens(); ++t)
        for (std::size_t slot = 0; slot < choices.topK; ++slot) {
            const std::size_t i = t * choices.topK + slot;
            all[choices.chosen[layer][i]].push_back({t, choices.gates[layer][i]});
        }
    for (auto& list : all) {
        std::sort(list.begin(), list.end(), [](const TopToken& a, const TopToken& b) {
            return a.gate != b.gate ? a.gate > b.gate : a.token < b.token;
        });
        std::unordered_map<std::int32_t, int> taken;
        std::vector<TopToken> kept;
        for (const TopToken& top : list) {
            if (kept.size() == most) break;
            if (++taken[choices.ids[top.token]] <= 2) kept.push_back(top);
        }
        list = std::move(kept);
    }
    return all;
}

}  // namespace caravan::engine::routing

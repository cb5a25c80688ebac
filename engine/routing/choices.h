// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

// Statistics of methods.md section 5 that need the choices of single tokens; pure functions, no torch.
namespace caravan::engine::routing {

// T tokens in the order in which they were read, rows behind each other.
struct Choices {
    std::size_t experts = 0, topK = 0;
    std::vector<std::int32_t> ids;                   // [T]
    std::vector<std::int32_t> domains;               // [T]
    std::vector<std::int64_t> rows;                  // [T] first token of its row
    std::vector<std::vector<std::uint16_t>> chosen;  // [layers][T k], by falling logit
    std::vector<std::vector<float>> gates;           // [layers][T k]
    [[nodiscard]] std::size_t tokens() const { return ids.size(); }
};

// [E][E]: tokens that chose both; the diagonal holds those that chose the expert. Off-diagonal sum = T k (k -
// 1).
[[nodiscard]] std::vector<double> pairCounts(const Choices& choices, std::size_t layer);
// P(column | row) of such counts; NaN on the diagonal and in rows of experts that nobody chose.
[[nodiscard]] std::vector<double> conditional(std::span<const double> pairCounts, std::size_t experts);
// Share of tokens, first ones of a row left out, whose first choice is that of the token before.
[[nodiscard]] double repeatRate(const Choices& choices, std::size_t layer);
// I(expert; domain) in nats over all k choices; domains [T].
[[nodiscard]] double information(const Choices& choices, std::size_t layer,
                                 std::span<const std::int32_t> domains);
// domains in an order that is a pure function of their number.
[[nodiscard]] std::vector<std::int32_t> shuffled(std::span<const std::int32_t> domains);
// Share of the k choices of a token that the other made too, mean over tokens. Same tokens, same k.
[[nodiscard]] double saturation(const Choices& choices, const Choices& reference, std::size_t layer);

inline constexpr std::int64_t kLeastSeen = 8;  // occurrences, for a token to say anything
struct TokenShare {
    std::int32_t id = 0;
    double share = 0;        // of its occurrences that chose the expert
    std::int64_t count = 0;  // occurrences
};
struct Vocabulary {
    // Of tokens seen kLeastSeen times or more, by occurrences: mean largest share of first choices; NaN if
    // there are none. 1 = every token has one expert; with even, independent choices a little over 1 / E.
    double specialisation = 0;
    std::vector<std::vector<TokenShare>> tokens;  // [E] of highest share, falling; at most `most`
};
[[nodiscard]] Vocabulary vocabulary(const Choices& choices, std::size_t layer, std::size_t most);

// Tokens of one expert with the highest gate weights, at most two of the same id: (index of the token, gate).
struct TopToken {
    std::size_t token = 0;
    float gate = 0;
};
// [E], each at most `most`.
[[nodiscard]] std::vector<std::vector<TopToken>> topTokens(const Choices& choices, std::size_t layer,
                                                           std::size_t most);

}  // namespace caravan::engine::routing

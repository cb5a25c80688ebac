// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/counter_random.h"

#include <numeric>
#include <utility>

namespace caravan::engine {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0],
                            b = std::uint64_t{0xCD9E8D57u} * counter[2];
        counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
                   static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
    return counter;
}

std::vector<std::int32_t> permutation(std::uint64_t seed, DataPurpose purpose, std::uint32_t index,
                                      std::int64_t count) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    const std::array<std::uint32_t, 2> key{static_cast<std::uint32_t>(seed),
                                           static_cast<std::uint32_t>(seed >> 32)};
    for (std::uint64_t i = order.size(); i > 1; --i) {
        const auto words = philox({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32),
                                   static_cast<std::uint32_t>(purpose), index},
                                  key);
        const std::uint64_t random = (std::uint64_t{words[0]} << 32) | words[1];
        const auto chosen = static_cast<std::size_t>((static_cast<unsigned __int128>(random) * i) >> 64);
        std::swap(order[i - 1], order[chosen]);
    }
    return order;
}

}  // namespace caravan::engine

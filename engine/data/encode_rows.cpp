// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/encode_rows.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

namespace caravan::engine {

std::vector<EncodedRow> encodeAll(const std::vector<DataRow>& rows, const Tokenizer& tokenizer,
                                  const EncodeSettings& settings, std::int32_t threads,
                                  const std::stop_token& stop) {
    constexpr std::size_t kBlock = 64;
    std::vector<EncodedRow> encoded(rows.size());
    std::atomic<std::size_t> nextBlock{0};
    std::exception_ptr failure;
    std::atomic<bool> failed{false};
    const auto work = [&] {
        try {
            for (std::size_t begin; !failed && (begin = nextBlock.fetch_add(kBlock)) < rows.size();) {
                if (stop.stop_requested()) return;
                const std::size_t end = std::min(begin + kBlock, rows.size());
                for (std::size_t i = begin; i < end; ++i)
                    encoded[i] = encodeRow(tokenizer, rows[i], settings);
            }
        } catch (...) {
            if (!failed.exchange(true)) failure = std::current_exception();
        }
    };
    const auto wanted =
        threads > 0 ? static_cast<unsigned>(threads) : std::min(std::thread::hardware_concurrency(), 8u);
    const auto extra = std::min<std::size_t>(std::max(wanted, 1u) - 1, rows.size() / kBlock);
    {
        std::vector<std::jthread> helpers;
        for (std::size_t i = 0; i < extra; ++i)
            helpers.emplace_back(work);
        work();
    }
    if (failure) std::rethrow_exception(failure);
    if (stop.stop_requested()) throw EngineException(ErrorCode::Interrupted, {});
    return encoded;
}

}  // namespace caravan::engine

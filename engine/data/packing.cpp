// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <algorithm>
#include <numeric>

#include "engine/data/batch_source.h"

namespace caravan::engine {
namespace {

constexpr TokenId kUntrained = -100;

struct Bin {
    std::vector<std::int32_t> rows;
    std::int64_t tokens = 0, longest = 0;

    [[nodiscard]] std::int64_t with(std::int64_t length, Packing packing) const {
        if (packing == Packing::Packed) return tokens + length;
        return static_cast<std::int64_t>(rows.size() + 1) * std::max(longest, length);
    }
    void add(std::int32_t row, std::int64_t length) {
        rows.push_back(row);
        tokens += length;
        longest = std::max(longest, length);
    }
};

std::vector<Bin> layOut(const RowStore& store, std::span<const std::int32_t> rows, std::int64_t maxTokens,
                        Packing packing) {
    std::vector<std::size_t> order(rows.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return store.length(rows[a]) > store.length(rows[b]);
    });
    std::vector<Bin> bins;
    for (const std::size_t i : order) {
        const std::int64_t length = store.length(rows[i]);
        auto bin = std::find_if(bins.begin(), bins.end(),
                                [&](const Bin& b) { return b.with(length, packing) <= maxTokens; });
        if (bin == bins.end()) bin = bins.insert(bins.end(), Bin{});
        bin->add(rows[i], length);
    }
    return bins;
}

void appendRow(MicroBatch& batch, const RowStore& store, std::int32_t index) {
    const RowStore::Row row = store.row(index);
    for (std::size_t t = 0; t < row.ids.size(); ++t) {
        const bool trained = row.trained[t] != 0;
        batch.ids.push_back(row.ids[t]);
        batch.labels.push_back(trained ? row.ids[t] : kUntrained);
        batch.positions.push_back(static_cast<std::int32_t>(t));
        batch.roles.push_back(static_cast<std::uint8_t>(trained ? TokenRole::Answer : TokenRole::Prompt));
    }
    batch.domains.push_back(row.domain);
    batch.rows.push_back(index);
    batch.tokens += static_cast<std::int64_t>(row.ids.size());
    batch.answerTokens += row.answerTokens;
}

void pad(MicroBatch& batch, std::int64_t from, std::int64_t to, TokenId padId) {
    for (std::int64_t t = from; t < to; ++t) {
        batch.ids.push_back(padId);
        batch.labels.push_back(kUntrained);
        batch.positions.push_back(static_cast<std::int32_t>(t));
        batch.roles.push_back(static_cast<std::uint8_t>(TokenRole::Padding));
    }
}

}  // namespace

std::vector<MicroBatch> packMicroBatches(const RowStore& store, std::span<const std::int32_t> rows,
                                         std::int64_t maxTokens, Packing packing, TokenId padId) {
    std::vector<MicroBatch> batches;
    for (const Bin& bin : layOut(store, rows, maxTokens, packing)) {
        MicroBatch& batch = batches.emplace_back();
        batch.offsets.push_back(0);
        for (const std::int32_t row : bin.rows) {
            appendRow(batch, store, row);
            if (packing == Packing::Padded) pad(batch, store.length(row), bin.longest, padId);
            batch.offsets.push_back(static_cast<std::int32_t>(batch.ids.size()));
        }
    }
    return batches;
}

}  // namespace caravan::engine

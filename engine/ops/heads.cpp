// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/dispatch.h"
#include "engine/ops/timeline.h"

namespace caravan::engine::ops {
namespace {

at::Tensor columnsOf(const at::Tensor& joined, std::int64_t begin, std::int64_t heads,
                     std::int64_t headSize) {
    return joined.narrow(1, begin, heads * headSize).unflatten(1, {heads, headSize});
}

bool behindEachOther(const at::Tensor& first, const at::Tensor& second) {
    return first.strides() == second.strides() && first.size(2) == second.size(2) &&
           first.stride(1) == first.size(2) &&
           static_cast<const char*>(first.data_ptr()) +
                   first.size(1) * first.stride(1) * first.element_size() ==
               second.data_ptr();
}

// Whole heads behind each other, tokens at any multiple of eight elements.
bool suitsJoin(const at::Tensor& x) {
    return x.stride(2) == 1 && x.stride(1) == x.size(2) && x.size(2) % 16 == 0 && x.stride(0) % 8 == 0 &&
           reinterpret_cast<std::uintptr_t>(x.data_ptr()) % 16 == 0;
}

// What both kernels are told of the heads, the positions and the table.
template <class Arguments>
Arguments argumentsOf(const Heads& heads, const at::Tensor& positions, const RopeTable& table) {
    const at::Tensor &q = heads.query, &k = heads.key, &v = heads.value;
    Arguments arguments{};
    arguments.query = q.data_ptr();
    arguments.key = k.data_ptr();
    arguments.value = v.data_ptr();
    arguments.queryStride = q.stride(0);
    arguments.keyStride = k.stride(0);
    arguments.valueStride = v.stride(0);
    arguments.positions = data<std::int32_t>(positions);
    arguments.cos = data<float>(table.cos);
    arguments.sin = data<float>(table.sin);
    arguments.heads = q.size(1);
    arguments.kvHeads = k.size(1);
    arguments.half = q.size(2) / 2;
    arguments.tokens = q.size(0);
    return arguments;
}

at::Tensor joinOnDevice(const Heads& gradient, const at::Tensor& positions, const RopeTable& table) {
    const at::Tensor &q = gradient.query, &k = gradient.key;
    at::Tensor joined = at::empty({q.size(0), (q.size(1) + 2 * k.size(1)) * q.size(2)}, q.options());
    auto arguments = argumentsOf<kernels::cuda::RopeJoinArguments>(gradient, positions, table);
    arguments.out = joined.data_ptr();
    checkLaunch("joinHeads", cudaTable().ropeJoin(elementOf("joinHeads", q), arguments, streamOf(q)));
    return joined;
}

}  // namespace

Heads splitHeads(const at::Tensor& joined, std::int64_t heads, std::int64_t kvHeads, std::int64_t headSize) {
    require(joined.dim() == 2 && joined.size(1) == (heads + 2 * kvHeads) * headSize && joined.stride(1) == 1,
            "splitHeads", "a product of query, key and value columns", joined);
    return {columnsOf(joined, 0, heads, headSize), columnsOf(joined, heads * headSize, kvHeads, headSize),
            columnsOf(joined, (heads + kvHeads) * headSize, kvHeads, headSize)};
}

void ropeHeads(Heads& heads, const at::Tensor& positions, const RopeTable& table) {
    if (behindEachOther(heads.query, heads.key)) {
        const at::Tensor& q = heads.query;
        at::Tensor both = q.as_strided({q.size(0), q.size(1) + heads.key.size(1), q.size(2)}, q.strides());
        ropeInPlace(both, positions, table);
        return;
    }
    ropeInPlace(heads.query, positions, table);
    ropeInPlace(heads.key, positions, table);
}

void ropeHeads(Heads& heads, const at::Tensor& positions, const RopeTable& table, const at::Tensor& keyRows,
               const at::Tensor& valueRows) {
    const at::Tensor &q = heads.query, &k = heads.key, &v = heads.value;
    const bool suits = q.is_cuda() && suitsJoin(q) && suitsJoin(k) && suitsJoin(v) && suitsJoin(keyRows) &&
                       suitsJoin(valueRows) && keyRows.scalar_type() == q.scalar_type();
    if (suits) {
        const PartScope scope(Part::Elementwise);
        auto arguments = argumentsOf<kernels::cuda::RopeRowsArguments>(heads, positions, table);
        arguments.keyRows = keyRows.data_ptr();
        arguments.valueRows = valueRows.data_ptr();
        arguments.keyRowStride = keyRows.stride(0);
        arguments.valueRowStride = valueRows.stride(0);
        checkLaunch("ropeHeads", cudaTable().ropeRows(elementOf("ropeHeads", q), arguments, streamOf(q)));
    } else {
        ropeHeads(heads, positions, table);
        keyRows.copy_(heads.key);
        valueRows.copy_(heads.value);
    }
    heads.key = keyRows;
    heads.value = valueRows;
}

at::Tensor joinHeads(Heads& gradient, const at::Tensor& positions, const RopeTable& table) {
    const PartScope scope(Part::Elementwise);
    const bool suits = suitsJoin(gradient.query) && suitsJoin(gradient.key) && suitsJoin(gradient.value);
    if (gradient.query.is_cuda() && suits) return joinOnDevice(gradient, positions, table);
    const std::int64_t tokens = gradient.query.size(0);
    if (behindEachOther(gradient.query, gradient.key) && behindEachOther(gradient.key, gradient.value)) {
        const at::Tensor& q = gradient.query;
        const std::int64_t rotated = q.size(1) + gradient.key.size(1), all = rotated + gradient.value.size(1);
        at::Tensor both = q.as_strided({tokens, rotated, q.size(2)}, q.strides());
        ropeInPlace(both, positions, table, true);
        if (q.stride(0) == all * q.size(2)) return q.as_strided({tokens, all * q.size(2)}, {q.stride(0), 1});
    } else {
        ropeInPlace(gradient.query, positions, table, true);
        ropeInPlace(gradient.key, positions, table, true);
    }
    return at::cat({gradient.query.reshape({tokens, -1}), gradient.key.reshape({tokens, -1}),
                    gradient.value.reshape({tokens, -1})},
                   1);
}

}  // namespace caravan::engine::ops

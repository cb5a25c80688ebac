// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/causal_attention/causal_attention.h"

#include <algorithm>

#include "kernels/causal_attention/softmax_rows.h"
#include "kernels/product/product.h"

namespace caravan::kernels {
namespace {

constexpr std::int64_t kQueries = 48;  // of a block
// A product takes half a block at a time: fewer keys that a query does not see.
constexpr std::int64_t kHalf = kQueries / 2;

// Scores of a block: [kQueries, stride]; a stride that is no power of two keeps rows in different cache sets.
std::int64_t scoreStride(const AttentionShape& s) {
    return panelCount(s.tokens) * kPanelColumns + kPanelColumns;
}
std::int64_t keyPanels(const AttentionShape& s) {
    return panelCount(s.tokens) * kPanelColumns * s.headSize;
}
std::int64_t headPanels(const AttentionShape& s, std::int64_t depth) {
    return panelCount(s.headSize) * kPanelColumns * depth;
}

// Queries [begin, end) see keys [first, last), first a multiple of a panel.
struct Block {
    std::int64_t begin, end, first, last;
};
Block blockAt(const AttentionShape& s, std::int64_t begin) {
    const std::int64_t end = std::min(begin + kQueries, s.tokens);
    const std::int64_t seen = s.window > 0 ? std::max<std::int64_t>(0, begin - s.window + 1) : 0;
    return {begin, end, seen / kPanelColumns * kPanelColumns, end};
}

// [tokens, headSize] as a right factor: over heads for products with keys transposed, over tokens otherwise.
template <class T>
void packTransposed(const T* x, std::int64_t stride, std::int64_t tokens, std::int64_t size, T* panels) {
    packPanels(PackSource<T>{x, 1, stride, size, tokens, 1}, panels, 0, panelCount(tokens));
}
template <class T>
void packPlain(const T* x, std::int64_t stride, std::int64_t tokens, std::int64_t size, T* panels) {
    packPanels(PackSource<T>{x, stride, 1, tokens, size, 1}, panels, 0, panelCount(size));
}

// f(part, its first row in the block) for halves of a block, each with the keys that it sees.
template <class F>
void overHalves(const Block& b, F&& f) {
    for (std::int64_t begin = b.begin; begin < b.end; begin += kHalf) {
        const std::int64_t end = std::min(begin + kHalf, b.end);
        f(Block{begin, end, b.first, end}, begin - b.begin);
    }
}

// scores [queries, last - first] = rows * (panels of all tokens); columns that a half does not see are not
// written, and whole panels are.
template <class T>
void scoresOf(const T* rows, std::int64_t stride, const T* panels, const AttentionShape& s, const Block& b,
              T* scores) {
    overHalves(b, [&](const Block& half, std::int64_t row) {
        const Factor<T> factor{rows + half.begin * stride, stride,    1, panels + b.first * s.headSize,
                               kPanelColumns * s.headSize, s.headSize};
        const std::int64_t columns = panelCount(half.last - half.first) * kPanelColumns;
        multiply(&factor, 1,
                 {scores + row * scoreStride(s), scoreStride(s), half.end - half.begin, columns, false});
    });
}

// rows of out [queries, headSize] = weights * (panels over tokens)
template <class T>
void combine(const T* weights, const T* panels, const AttentionShape& s, const Block& b, T* out,
             std::int64_t outStride) {
    overHalves(b, [&](const Block& half, std::int64_t row) {
        const Factor<T> factor{
            weights + row * scoreStride(s),   scoreStride(s),           1,
            panels + b.first * kPanelColumns, s.tokens * kPanelColumns, half.last - half.first};
        multiply(&factor, 1,
                 {out + half.begin * outStride, outStride, half.end - half.begin, s.headSize, false});
    });
}

// rows [first, last) of sum [tokens, headSize] += weights^T * (panels over the block's queries)
template <class T>
void accumulate(const T* weights, const T* panels, const AttentionShape& s, const Block& b, T* sum,
                std::int64_t sumStride) {
    const std::int64_t depth = b.end - b.begin;
    const Factor<T> factor{weights, 1, scoreStride(s), panels, depth * kPanelColumns, depth};
    multiply(&factor, 1, {sum + b.first * sumStride, sumStride, b.last - b.first, s.headSize, true});
}

template <class T>
void forward(const AttentionForward<T>& a, const AttentionShape& s, T* scratch) {
    T* keys = scratch;
    T* values = keys + keyPanels(s);
    T* scores = values + headPanels(s, s.tokens);
    packTransposed(a.key, s.keyStride, s.tokens, s.headSize, keys);
    packPlain(a.value, s.valueStride, s.tokens, s.headSize, values);
    for (std::int64_t head = 0; head < s.group; ++head)
        for (std::int64_t begin = 0; begin < s.tokens; begin += kQueries) {
            const Block b = blockAt(s, begin);
            scoresOf(a.query + head * s.headSize, s.queryStride, keys, s, b, scores);
            softmaxRows(SoftmaxRows<T>{scores, scoreStride(s), b.begin, b.end, b.first, b.last, s.window,
                                       s.headSize, a.logSumExp + head * s.sumStride});
            combine(scores, values, s, b, a.out + head * s.headSize, s.outStride);
        }
}

template <class T>
void zeroRows(T* x, std::int64_t stride, std::int64_t rows, std::int64_t columns) {
    for (std::int64_t i = 0; i < rows; ++i)
        std::fill(x + i * stride, x + i * stride + columns, T(0));
}

template <class T>
void backward(const AttentionBackward<T>& a, const AttentionShape& s, T* scratch) {
    T* keysAcross = scratch;
    T* valuesAcross = keysAcross + keyPanels(s);
    T* keys = valuesAcross + keyPanels(s);
    T* block = keys + headPanels(s, s.tokens);
    T* p = block + headPanels(s, kQueries);
    T* dp = p + kQueries * scoreStride(s);
    packTransposed(a.key, s.keyStride, s.tokens, s.headSize, keysAcross);
    packTransposed(a.value, s.valueStride, s.tokens, s.headSize, valuesAcross);
    packPlain(a.key, s.keyStride, s.tokens, s.headSize, keys);
    zeroRows(a.dKey, a.dKeyStride, s.tokens, s.headSize);
    zeroRows(a.dValue, a.dValueStride, s.tokens, s.headSize);
    for (std::int64_t head = 0; head < s.group; ++head) {
        const T* query = a.query + head * s.headSize;
        const T* dOut = a.dOut + head * s.headSize;
        for (std::int64_t begin = 0; begin < s.tokens; begin += kQueries) {
            const Block b = blockAt(s, begin);
            scoresOf(query, s.queryStride, keysAcross, s, b, p);
            scoresOf(dOut, s.outStride, valuesAcross, s, b, dp);
            softmaxBackwardRows(
                SoftmaxBackwardRows<T>{{p, scoreStride(s), b.begin, b.end, b.first, b.last, s.window,
                                        s.headSize, const_cast<T*>(a.logSumExp) + head * s.sumStride},
                                       dp,
                                       a.out + head * s.headSize,
                                       dOut,
                                       s.outStride});
            packPlain(dOut + b.begin * s.outStride, s.outStride, b.end - b.begin, s.headSize, block);
            accumulate(p, block, s, b, a.dValue, a.dValueStride);
            packPlain(query + b.begin * s.queryStride, s.queryStride, b.end - b.begin, s.headSize, block);
            accumulate(dp, block, s, b, a.dKey, a.dKeyStride);
            combine(dp, keys, s, b, a.dQuery + head * s.headSize, a.dQueryStride);
        }
    }
}

}  // namespace

std::int64_t attentionScratch(const AttentionShape& s) {
    return 2 * keyPanels(s) + headPanels(s, s.tokens) + headPanels(s, kQueries) +
           2 * kQueries * scoreStride(s);
}

void attentionForward(const AttentionForward<float>& a, const AttentionShape& shape, float* scratch) {
    forward(a, shape, scratch);
}
void attentionForward(const AttentionForward<double>& a, const AttentionShape& shape, double* scratch) {
    forward(a, shape, scratch);
}
void attentionBackward(const AttentionBackward<float>& a, const AttentionShape& shape, float* scratch) {
    backward(a, shape, scratch);
}
void attentionBackward(const AttentionBackward<double>& a, const AttentionShape& shape, double* scratch) {
    backward(a, shape, scratch);
}

}  // namespace caravan::kernels

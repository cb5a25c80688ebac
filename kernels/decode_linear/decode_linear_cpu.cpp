// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/decode_linear/decode_linear.h"

#include <cmath>
#include <vector>

namespace caravan::kernels {
namespace {

const float* floats(const void* p) {
    return static_cast<const float*>(p);
}

std::vector<double> normed(const DecodeLinear& l, std::int64_t row) {
    const auto n = static_cast<std::size_t>(l.inner);
    const float* in = floats(l.input) + row * l.inner;
    std::vector<double> x(in, in + n);
    if (!l.norm) return x;
    double squares = 0;
    for (const double value : x)
        squares += value * value;
    const double r = 1 / std::sqrt(squares / static_cast<double>(l.inner) + static_cast<double>(l.eps));
    for (std::size_t i = 0; i < n; ++i)
        x[i] *= r * static_cast<double>(floats(l.norm)[i]);
    return x;
}

double dot(const float* w, const std::vector<double>& x) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
        sum += static_cast<double>(w[i]) * x[i];
    return sum;
}

// One column of y before SwiGLU and the residual.
double value(const DecodePart& part, const std::vector<float>& weight, std::int64_t row,
             std::int64_t batchRow, const std::vector<double>& x) {
    double sum = dot(weight.data() + row * static_cast<std::int64_t>(x.size()), x);
    if (part.bias) sum += static_cast<double>(floats(part.bias)[row]);
    for (std::int64_t j = 0; part.loraB && j < part.rank; ++j)
        sum += static_cast<double>(part.scale) *
               static_cast<double>(floats(part.loraB)[row * part.rank + j]) *
               static_cast<double>(part.loraHidden[batchRow * part.rank + j]);
    return sum;
}

std::vector<float> weightOf(const DecodePart& part, std::int64_t inner) {
    const std::int64_t n = part.rows * inner;
    if (part.dense) return {floats(part.dense), floats(part.dense) + n};
    std::vector<float> weight(static_cast<std::size_t>(n));
    dequantizeNf4Blocks(part.nf4, n, part.stored, weight.data(), 0, (n + kNf4Block - 1) / kNf4Block);
    return weight;
}

}  // namespace

void decodeLinear(const DecodeLinear& l) {
    std::vector<std::vector<float>> weights;
    for (int p = 0; p < l.partCount; ++p)
        weights.push_back(weightOf(l.parts[p], l.inner));
    for (std::int64_t b = 0; b < l.batch; ++b) {
        const std::vector<double> x = normed(l, b);
        for (int s = 0; s < l.sideCount; ++s)
            for (std::int64_t row = 0; row < l.sides[s].rows; ++row)
                l.sides[s].out[b * l.sides[s].rows + row] =
                    static_cast<float>(dot(floats(l.sides[s].weight) + row * l.inner, x));
        float* out = static_cast<float*>(l.out) + b * l.outStride;
        const float* residual = l.residual ? floats(l.residual) + b * l.outStride : nullptr;
        for (int p = 0; p < (l.swiglu ? 1 : l.partCount); ++p)
            for (std::int64_t row = 0; row < l.parts[p].rows; ++row) {
                double y = value(l.parts[p], weights[static_cast<std::size_t>(p)], row, b, x);
                if (l.swiglu) y = y / (1 + std::exp(-y)) * value(l.parts[1], weights[1], row, b, x);
                const std::int64_t column = l.parts[p].column + row;
                out[column] = static_cast<float>(y + (residual ? static_cast<double>(residual[column]) : 0));
            }
    }
}

}  // namespace caravan::kernels

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/philox.h"

// What surrounds the adapters' products: gathering rows by expert, GELU, the weighted combination. Products
// run between these. tokens T, choices k per token, width D, adapter size r. Sorted position i holds slot
// order[i] = token * k + choice; place is the inverse. expert of a slot = chosen[slot]. A mask row is
// (rowOffset + token) * experts + expert.
namespace caravan::kernels {

struct AdapterRouting {
    const std::int32_t *chosen, *order, *place;
    std::int64_t k, experts;
};

// out[i] = x[token of i] * mask * scale (threshold 0: plain gather); rows [begin, end) of the sorted order
template <class T>
struct GatherArguments {
    const T* x;
    T* out;
    std::int64_t columns;
};
void gatherRows(const GatherArguments<float>& a, const AdapterRouting& routing, const DropoutMask& mask,
                std::int64_t begin, std::int64_t end);
void gatherRows(const GatherArguments<double>& a, const AdapterRouting& routing, const DropoutMask& mask,
                std::int64_t begin, std::int64_t end);

// a = gelu(h), n elements from begin to end
void geluValues(const float* h, float* a, std::int64_t begin, std::int64_t end);
void geluValues(const double* h, double* a, std::int64_t begin, std::int64_t end);

// y[t] = u[t] + s sum_k weights[t, k] o[place[t k]]; rows [begin, end) are tokens
template <class T>
struct CombineArguments {
    const T *u, *o, *weights;
    T* y;
    std::int64_t columns;
    double s;
};
void combineRows(const CombineArguments<float>& a, const AdapterRouting& routing, std::int64_t begin,
                 std::int64_t end);
void combineRows(const CombineArguments<double>& a, const AdapterRouting& routing, std::int64_t begin,
                 std::int64_t end);

// Sorted rows: dWeights[slot] = s <q, gelu(h)>, dh = s w q gelu'(h) (may be q), scaled = s w gelu(h).
template <class T>
struct HiddenArguments {
    const T *q, *h, *weights;
    T *dh, *scaled, *dWeights;
    std::int64_t size;
    double s;
};
void hiddenBackwardRows(const HiddenArguments<float>& a, const AdapterRouting& routing, std::int64_t begin,
                        std::int64_t end);
void hiddenBackwardRows(const HiddenArguments<double>& a, const AdapterRouting& routing, std::int64_t begin,
                        std::int64_t end);

// du[t] = g[t] + sum_k mask * scale * dm[place[t k]]; rows are tokens
template <class T>
struct ScatterArguments {
    const T *g, *dm;
    T* du;
    std::int64_t columns;
};
void scatterRows(const ScatterArguments<float>& a, const AdapterRouting& routing, const DropoutMask& mask,
                 std::int64_t begin, std::int64_t end);
void scatterRows(const ScatterArguments<double>& a, const AdapterRouting& routing, const DropoutMask& mask,
                 std::int64_t begin, std::int64_t end);

}  // namespace caravan::kernels

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"
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

namespace caravan::kernels::cuda {

// Words that become zero, for launches behind this one.
struct Cleared {
    std::int32_t* words = nullptr;
    std::int64_t count = 0;
};
// All rows of x, o, ... in one element type; weights and dWeights fp32.
int gather(Element element, const void* x, void* out, std::int64_t columns, const AdapterRouting& routing,
           std::int64_t slots, const DropoutMask& mask, const Cleared& cleared, Stream stream);
int gelu(Element element, const void* h, void* a, std::int64_t n, Stream stream);
// y = u + s * weighted rows of o, plus add [tokens, columns] unless null
int combine(Element element, const void* u, const void* o, const float* weights, const void* add, void* y,
            std::int64_t columns, double s, const AdapterRouting& routing, std::int64_t tokens,
            Stream stream);
struct HiddenBuffers {
    const void *q, *h;
    const float* weights;
    void *dh, *scaled;
    float* dWeights;
};
int hiddenBackward(Element element, const HiddenBuffers& buffers, std::int64_t size, double s,
                   const AdapterRouting& routing, std::int64_t slots, Stream stream);
int scatter(Element element, const void* g, const void* dm, void* du, std::int64_t columns,
            const AdapterRouting& routing, std::int64_t tokens, const DropoutMask& mask, Stream stream);

// Products per expert without knowing the counts on the host; offsets [experts + 1] on the device. For fp32
// (on the tensor cores where widths are multiples of four: fp32_tile.cuh), and for shapes that the library's
// grouped product does not take (on the ordinary cores, fp32 sums). A step of base-16m in fp32 (12,800 slots,
// 384 wide, adapters of 64; one H200) spent 5.4 of 29.7 ms here on the ordinary cores, gradients 228 us each
// and products 55; predicted for the tensor cores 1.2 ms, measured 1.2 (gradients, split over 11 blocks an
// expert, 24 us, products 25) while their sums were not yet rounded every 16; not measured since.
struct GroupedShape {
    std::int64_t slots, inner, outer, experts;
    bool transposed;  // weight [experts, outer, inner], else [experts, inner, outer]
};
// out [slots, outer] = rows [slots, inner] * weight[expert]
int groupedProduct(Element element, const void* rows, const void* weight, void* out,
                   const std::int32_t* offsets, const GroupedShape& shape, Stream stream);
// sum[expert] [left, right] += a_e^T b_e with a [slots, left], b [slots, right]; sum in its own element type;
// scratch: groupedGradientScratch floats
struct GroupedGradientShape {
    std::int64_t slots, left, right, experts;
};
[[nodiscard]] std::int64_t groupedGradientScratch(const GroupedGradientShape& shape);
int groupedGradient(Element element, const void* a, const void* b, Element sumElement, void* sum,
                    const std::int32_t* offsets, const GroupedGradientShape& shape, float* scratch,
                    Stream stream);
// sum[e] += part[e] where counts[e] > 0: the library leaves the products of empty experts undefined
int addUsed(Element partElement, const void* part, Element sumElement, void* sum, const std::int32_t* counts,
            std::int64_t perExpert, std::int64_t experts, Stream stream);

}  // namespace caravan::kernels::cuda

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/grouped_adapter/grouped_adapter.h"

#include <cstring>

#include "kernels/common/math.h"
#include "kernels/dropout/mask_row.h"

namespace caravan::kernels {
namespace {

CARAVAN_INLINE std::int64_t maskRow(const AdapterRouting& routing, const DropoutMask& mask,
                                    std::int64_t slot) {
    return (mask.rowOffset + slot / routing.k) * routing.experts + routing.chosen[slot];
}

template <class T>
CARAVAN_INLINE void gather(const GatherArguments<T>& a, const AdapterRouting& routing,
                           const DropoutMask& mask, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t slot = routing.order[i];
        const T* in = a.x + slot / routing.k * a.columns;
        T* out = a.out + i * a.columns;
        if (mask.threshold == 0)
            std::memcpy(out, in, static_cast<std::size_t>(a.columns) * sizeof(T));
        else
            forMaskedRow<T>(a.columns, mask, maskRow(routing, mask, slot),
                            [&](std::int64_t c, T keep) { out[c] = in[c] * keep; });
    }
}

template <class T>
CARAVAN_INLINE void combine(const CombineArguments<T>& a, const AdapterRouting& routing, std::int64_t begin,
                            std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
        const T* u = a.u + t * a.columns;
        T* __restrict__ y = a.y + t * a.columns;
        for (std::int64_t choice = 0; choice < routing.k; ++choice) {
            const std::int64_t slot = t * routing.k + choice;
            const T* o = a.o + routing.place[slot] * a.columns;
            const T w = static_cast<T>(a.s) * a.weights[slot];
            if (choice == 0)
                for (std::int64_t c = 0; c < a.columns; ++c)
                    y[c] = u[c] + w * o[c];
            else
                for (std::int64_t c = 0; c < a.columns; ++c)
                    y[c] += w * o[c];
        }
    }
}

template <class T>
CARAVAN_INLINE void hiddenBackward(const HiddenArguments<T>& a, const AdapterRouting& routing,
                                   std::int64_t begin, std::int64_t end) {
    const T s = static_cast<T>(a.s);
    for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t slot = routing.order[i];
        const T* q = a.q + i * a.size;
        const T* h = a.h + i * a.size;
        T* dh = a.dh + i * a.size;
        T* scaled = a.scaled + i * a.size;
        const T sw = s * a.weights[slot];
        for (std::int64_t j = 0; j < a.size; ++j)
            scaled[j] = gelu(h[j]);
        a.dWeights[slot] = s * laneSum<T>(a.size, [&](std::int64_t j) { return q[j] * scaled[j]; });
        for (std::int64_t j = 0; j < a.size; ++j)
            scaled[j] *= sw;
        for (std::int64_t j = 0; j < a.size; ++j)
            dh[j] = sw * q[j] * geluDerivative(h[j]);
    }
}

template <class T>
CARAVAN_INLINE void scatter(const ScatterArguments<T>& a, const AdapterRouting& routing,
                            const DropoutMask& mask, std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
        T* __restrict__ du = a.du + t * a.columns;
        std::memcpy(du, a.g + t * a.columns, static_cast<std::size_t>(a.columns) * sizeof(T));
        for (std::int64_t choice = 0; choice < routing.k; ++choice) {
            const std::int64_t slot = t * routing.k + choice;
            const T* dm = a.dm + routing.place[slot] * a.columns;
            if (mask.threshold == 0)
                for (std::int64_t c = 0; c < a.columns; ++c)
                    du[c] += dm[c];
            else
                forMaskedRow<T>(a.columns, mask, maskRow(routing, mask, slot),
                                [&](std::int64_t c, T keep) { du[c] += dm[c] * keep; });
        }
    }
}

template <class T>
CARAVAN_INLINE void geluRange(const T* h, T* a, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
        a[i] = gelu(h[i]);
}

}  // namespace

#define CARAVAN_ADAPTER_KERNELS(T)                                                                     \
    CARAVAN_CLONES void gatherRows(const GatherArguments<T>& a, const AdapterRouting& routing,         \
                                   const DropoutMask& mask, std::int64_t begin, std::int64_t end) {    \
        gather(a, routing, mask, begin, end);                                                          \
    }                                                                                                  \
    CARAVAN_CLONES void geluValues(const T* h, T* a, std::int64_t begin, std::int64_t end) {           \
        geluRange(h, a, begin, end);                                                                   \
    }                                                                                                  \
    CARAVAN_CLONES void combineRows(const CombineArguments<T>& a, const AdapterRouting& routing,       \
                                    std::int64_t begin, std::int64_t end) {                            \
        combine(a, routing, begin, end);                                                               \
    }                                                                                                  \
    CARAVAN_CLONES void hiddenBackwardRows(const HiddenArguments<T>& a, const AdapterRouting& routing, \
                                           std::int64_t begin, std::int64_t end) {                     \
        hiddenBackward(a, routing, begin, end);                                                        \
    }                                                                                                  \
    CARAVAN_CLONES void scatterRows(const ScatterArguments<T>& a, const AdapterRouting& routing,       \
                                    const DropoutMask& mask, std::int64_t begin, std::int64_t end) {   \
        scatter(a, routing, mask, begin, end);                                                         \
    }
CARAVAN_ADAPTER_KERNELS(float)
CARAVAN_ADAPTER_KERNELS(double)

}  // namespace caravan::kernels

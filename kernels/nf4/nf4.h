// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"

// NF4 (Dettmers et al., arXiv 2305.14314), bit for bit as bitsandbytes stores it. Blocks of 64 consecutive
// elements of the row-major weight; two codes a byte, high nibble = even element. Ranges [begin, end) count
// blocks of 64.
//
// Log of dequantising to bf16, double-quantised, H200 (copy 4.23 TB/s read and written): floor 2.516 bytes a
// weight, 27 us for 11008 x 4096.
// v1, 16 bytes of codes a thread, one shuffle and one rounding per value: 1.69 TB/s; its 16-byte stores lie
// 64
//     bytes apart, so that every sector is written twice.
// v2, neighbouring lanes write side by side, a block's sixteen values made once and shuffled as bf16 pairs
//     (predicted: copy speed): 2.21, 2.65, 3.04 TB/s for 4096 x 4096, 11008 x 4096, 20480 x 7168.
// v3, flushes as one ftz product, kind of scale at compile time, 32-bit indices: 2.94, 3.29, 3.80 TB/s = 70,
// 78,
//     90 % of copy; launches of 3 us weigh on the smaller ones. With a matrix of its own for each call, so
//     that none comes from the L2: 2.94, 3.52, 3.88 TB/s.
// v4, as many blocks as fit, the next codes read while values are written, and begun before the kernel ahead
//     has ended (predicted: 3.6, 3.8, 3.9 TB/s): 3.22, 3.51, 3.67. Fewer warps wait at once.
// v5, v3's blocks, begun before the kernel ahead has ended (predicted: 3.2, 3.6, 3.9): 3.63, 3.86, 4.00 = 86,
//     92, 95 % of copy, one behind the other.
// Parts of a joined matrix in one launch, traced in a prompt's pass (7B): q|k|v 37 -> 34 us, gate|up 62
// -> 59. Beside the product ahead, on another stream into a second buffer (predicted: half of it
// hidden): 44.1 to 44.9 ms for 32 layers' products instead of 44.8, with LoRA between 50.0 instead of 49.5,
// whatever the priorities: the products leave no room on a multiprocessor. Not taken over.
namespace caravan::kernels {

constexpr std::int64_t kNf4Block = 64;
constexpr std::int64_t kNestedBlock = 256;

// x [elements] fp32 -> codes [elements / 2], absmax [blocks] fp32; the last block may be short (an even
// number of elements)
void quantizeNf4Blocks(const float* x, std::int64_t elements, std::uint8_t* codes, float* absmax,
                       std::int64_t begin, std::int64_t end);

// Second quantisation of absmax: blocks of 256, [begin, end) of them.
void quantizeAbsmax(const float* absmax, std::int64_t count, float offset, std::uint8_t* codes, float* nested,
                    std::int64_t begin, std::int64_t end);

enum class StoredType : std::int32_t { F32, F16, BF16 };

struct Nf4Source {
    const std::uint8_t* codes;
    const float* absmax;              // single quantisation, else null
    const std::uint8_t* absmaxCodes;  // double quantisation
    const float *nestedAbsmax, *nestedMap;
    float offset;
};
// values rounded to stored, then widened to fp32
void dequantizeNf4Blocks(const Nf4Source& source, std::int64_t elements, StoredType stored, float* out,
                         std::int64_t begin, std::int64_t end);
// the same as bf16 bits
void dequantizeNf4Blocks16(const Nf4Source& source, std::int64_t elements, StoredType stored,
                           std::uint16_t* out, std::int64_t begin, std::int64_t end);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

int quantizeNf4(const float* x, std::int64_t elements, std::uint8_t* codes, float* absmax, Stream stream);
int quantizeAbsmax(const float* absmax, std::int64_t count, float offset, std::uint8_t* codes, float* nested,
                   Stream stream);
// partial[i] = fp64 sum of nested block i, in order
int absmaxSums(const float* absmax, std::int64_t count, double* partial, Stream stream);
// out: bf16 or fp32
int dequantizeNf4(const Nf4Source& source, std::int64_t elements, StoredType stored, Element outElement,
                  void* out, Stream stream);
// Several to bf16, two or three of them in one launch.
struct Nf4Part {
    Nf4Source source;
    std::int64_t elements;
    void* out;
};
int dequantizeNf4Parts(const Nf4Part* parts, int count, StoredType stored, Stream stream);

}  // namespace caravan::kernels::cuda

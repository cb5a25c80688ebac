// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "kernels/common/launch.h"
#include "kernels/nf4/nf4.h"

// The linears of one decoding step, for 1 to 16 rows of x at once: y = W n(x) (+ bias) (+ s B (A n(x))) (+
// residual), with n an optional RMSNorm and W up to three frozen matrices that share x, each NF4 or dense.
// With swiglu: y = silu(part 0) * part 1.
//
// Floor: the bytes of the weights (NF4: 0.516 a weight), read once. Arithmetic is the second limit: at 4.3
// TB/s four lane operations are left per weight, so the NF4 kernel spends one: byte_perm puts a code byte
// into an address, one shared load gives two bf16 codes (a table of 256 pairs with a copy per lane: no bank
// conflicts), and the tensor cores multiply unscaled codes.
//
// Versions of the NF4 kernel, one H200, us for 20480 x 7168 and 11008 x 4096 (19.1 and 5.9 at 4.3 TB/s):
// 1. Codes of four steps in registers, scales beside them: 57.8, 21.7. Loaded values were spilled at once:
// every
//    step waited for memory.
// 2. Addresses from the parameters, nothing spilled: 44.7, 16.8.
// 3. Scales of a tile decoded once by all threads, a third of the instructions less, expected half the time;
//    80.6, 26.8 (two blocks a multiprocessor: 61.6, 17.6). All loads of the ring wait on one counter, so
//    waiting for the oldest is waiting for the newest.
// 4. The ring in shared memory, by asynchronous copies in groups: 41.4, 18.3 with one block a multiprocessor.
//    Left: the end of a tile, where all warps meet; two blocks fill each other's.
// 11. No end of a tile: one block, each warp its own steps. decode_nf4_cuda.cu goes on from here.
namespace caravan::kernels {

constexpr int kDecodeParts = 3, kDecodeSides = 4;
constexpr std::int64_t kDecodeBatch = 16;

// One frozen matrix [rows, inner]. "Element" is the computation's type (fp32 or bf16; fp32 on the CPU).
struct DecodePart {
    std::int64_t rows = 0, column = 0;  // columns [column, column + rows) of y
    const void* dense = nullptr;        // [rows, inner] elements, or null: nf4
    Nf4Source nf4{};
    StoredType stored = StoredType::BF16;
    const void* bias = nullptr;         // [rows] elements or null
    const void* loraB = nullptr;        // [rows, rank] elements or null
    const float* loraHidden = nullptr;  // [batch, rank]: what a side of the same call writes
    std::int64_t rank = 0;
    float scale = 0;  // of the LoRA
};
// Dense rows that read the same input: LoRA's A, a router. out [batch, rows], rounded to the element type.
struct DecodeSide {
    const void* weight = nullptr;  // [rows, inner] elements
    std::int64_t rows = 0;
    float* out = nullptr;
};
struct DecodeLinear {
    std::int64_t inner = 0, batch = 1;
    const void* input = nullptr;  // [batch, inner] elements
    const void* norm = nullptr;   // RMSNorm's weight [inner], or null
    float eps = 0;
    DecodePart parts[kDecodeParts];
    std::int32_t partCount = 0;
    DecodeSide sides[kDecodeSides];
    std::int32_t sideCount = 0;
    bool swiglu = false;
    bool wide = false;               // out is fp32, of values rounded to the element type
    const void* residual = nullptr;  // [batch, outStride] elements, added, or null
    void* out = nullptr;             // [batch, outStride]
    std::int64_t outStride = 0;
    std::uint32_t* arrived = nullptr;  // one counter per call, zero before it; needed where a part has LoRA
};

// Linears of which each reads what the one before wrote, in one launch. Its blocks hand over values
// themselves: outputs of all but the last and LoRA's hidden values of all lie where every bit is set before
// the call (no value looks so), and a reader waits for the values.
constexpr int kDecodeChain = 3;
struct DecodeChain {
    DecodeLinear linears[kDecodeChain];
    std::int32_t count = 0;
    void* cleared = nullptr;  // where every bit is set afterwards, for a later call; not this call's own
    std::int64_t clearedBytes = 0;  // a multiple of 16
};

// The plain CPU version: elements are fp32.
void decodeLinear(const DecodeLinear& linear);

}  // namespace caravan::kernels

namespace caravan::kernels::cuda {

int decodeLinear(Element element, const DecodeLinear& linear, Stream stream);
// Whether one launch of the NF4 kernel takes the chain. Its bits are those of decodeLinear().
[[nodiscard]] bool takesChain(Element element, const DecodeChain& chain);
int decodeChain(Element element, const DecodeChain& chain, Stream stream);

}  // namespace caravan::kernels::cuda

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/grouped_adapter/grouped_adapter.h"

// The adapters' products in bf16 on Hopper, with what surrounds them done while a tile's results are still on
// the multiprocessor. Every element of a result is made by one block in a fixed order: equal bits each time.
//
// Log, one H200 (several of its kind: the same code differs by 5 to 10 % from call to call), microseconds at
// 16,384 tokens of 4,096, two of eight experts of 512: 137 GFLOP a product. Floor: 185 each at the rate of
// one dense product (742 TFLOP/s). Library (at::_grouped_mm) in v1's call: h 212, o 263, q 210, dm 266, dUp
// 226, dDown 222; beside it, by bytes, GELU 17, hidden backward 33, adding each gradient 42.
//
// v1, blocks that stay, 128 x 256, three stages, 64 KB for finished tiles and a warpgroup that finishes one
// while the next is multiplied (predicted: 205 each): h 204, with GELU 219; o 222; q 202, with the hidden
// backward 238 (the last tile's finish is seen); dm 236; gradients by load, add and store 232, of which some
// 40 are the adding, all blocks at it together.
//
// v2, seven finishing warps; gradients added by the copy engine from shared memory, 16 x 32 at a time
// (predicted: 215): dUp 256 and dDown 261 in the call before, then 207 and 226 (once more in that call: 210
// and 213); h with GELU 228, o 224, q 241, dm 242. Passes alone: gather 107, masked 118, combination 129
// (before 155), scatter 135. All of it, forward and backward, in one call, library and then this, TFLOP/s:
// 343 and 400 at 8k, 395 and 411 at 16k, 409 and 427 at 32k; half of the tokens on one expert 329 and 370,
// 382 and 416, 384 and 421. At 2k, in two calls, 205 and 235.
//
// Tried, right and not taken. Combination and scatter in the finish of o and dm, the second of a token's
// choices adding to what the first one left (predicted: 240): 391 and 641 by one warpgroup, 446 and 557 by
// seven warps that look rows up ahead; probably their loads stand behind the copy engine's. Rows of g
// gathered while loading, cp.async by a warpgroup: q 265 instead of 238 and a gather of 107, but dUp 319
// instead of 241. The masked gather for dDown by the finishing warps of q: 426 instead of 242 and 120.
// Gradients by instructions of 64 x 256: the same. Pairs of blocks that share rows by multicast, three
// stages: q 294 instead of 209. Parts of tiles behind the whole ones, for the 2.06 waves of h and q at 8k:
// 400 and 401 TFLOP/s in two calls.
//
// Passes by seven warps beside the gradients, loads a piece ahead and lines called into the L2 cache before
// (random normal values; predicted: gather beside dUp 20, scatter beside dDown 40 instead of 114 and 133
// alone): dUp with the masked gather 364 instead of 232, dDown with the masked scatter 391 instead of 221,
// 2,126 and 2,092 us for all at 16k instead of 2,043 and 2,009. Without a mask 296 and 313; all of it 1,981
// and 1,959 instead of 1,981 and 1,995. Calling ahead further or not at all, loads through the L1 cache: the
// same. Dependent launches of the chain (dependent.cuh) were in these figures: forward 735 and 745 instead
// of 738 and 728.
//
// The same with the masks drawn once, as bits, by the gather of g (predicted: 20 to 55 us less at 16k): in
// two turns of one call, repeated uniform values, 16k 2,037 and 2,023 became 1,996 and 1,973 (half on one
// expert 2,023 became 2,026 and 2,008), 8k 1,027 became 1,086 and 1,023, 32k 4,203 became 4,376 and 4,065:
// nothing beyond what calls differ by. Not taken.
//
// Counted, not measured: handing out tiles to 132 multiprocessors in today's order, random routing
// distributed as in row B3, twelve draws. Gradients, longest tile chain over the mean: 1.05 at 8k, 1.04 at
// 16k and 32k, half on one expert the same; in parts of 2,048 slots, longest first, 1.02 to 1.03 (but for
// 32k, half on one expert: 1.00), before what the additional adding costs. So parts of a full expert's sums
// can gain about 2 % of two of six products. h and q at 8k: 1.97 to 2.03 waves, by the draw.
//
// v3, row tiles of up to 64 rows behind all others, a block's last tile finished by all fifteen warps,
// counters cleared by the gather before, the forward's masked gather kept for dDown where a step recomputes
// nothing (predicted: 8k with half on one expert 80 of 1,090 us less by the order, 16 by the last tile, 7 by
// the counters, a masked gather of 57 or 116 less): 1.23 to 1.18 ms at 8k, 1.27 to 1.24 with half on one
// expert, 2.41 to 2.29 at 16k, a dense product of 0.19 and 0.39 included. A profile of 8k with half on one
// expert showed why it was the slowest: 266 tiles for twice 132 blocks, a third round for h and q (157 and
// 163 us instead of 117). The order alone does not mend it: ten half tiles meet eight free blocks, and a half
// tile takes 0.8 of a whole one, since loading is what takes the time.
//
// v4, o and dm stored by the copy engine (predicted: 10 us each at 16k): 243 -> 222, 119 -> 111 at 8k. Half
// tiles load 64 rows. Four stages for h and q, of which results take one for a while (RingTurn; predicted:
// 245
// -> 220): h 246 -> 226, q 243 -> 242; at 8k 125 -> 111 and 126 -> 122, half on one expert 157 -> 137 and 156
// -> 150.
//
// Tried beside v4, in one call each: results' stage in the ring's order, h 220 and q 246 where three stages
// had 239 and 238, o and dm 233 instead of 215 (the ring stands still until they are finished); q's stage
// held for 8 steps instead of 24, 250; h without GELU 5 us less, q without its arithmetic 227; q's loads of h
// a turn ahead, the same.
//
// Left: multicast with more stages. Tokens sorted by their pair of experts would make o and the combination
// one product with 1,024 inside (predicted: 110 of 1,900 us at 16k, 50 of 1,055 at 8k, since the combination
// goes, 126 and 64 us, and tiles cut per pair are 5 to 11 % more); h's finish would write its rows in that
// order.
namespace caravan::kernels::cuda {

// What becomes of p [slots, outer], the products rounded to bf16:
//  Store: out = p
//  Gelu: out = p, second = gelu(p)
//  Hidden: p is q, left h: out = dh, second = scaled, dWeights (as hiddenBackward)
enum class Finish { Store, Gelu, Hidden };

struct GroupedHopper {
    const void* rows;    // [slots, inner] in sorted order
    const void* weight;  // as in GroupedShape
    GroupedShape shape;
    Finish finish;
    const std::int32_t* offsets;
    void* out;
    void* second = nullptr;
    AdapterRouting routing = {};  // Hidden
    const void* left = nullptr;
    const float* weights = nullptr;
    float* dWeights = nullptr;
    double s = 1;
    std::int32_t* counters = nullptr;  // groupedHopperCounters of them, zero
    float* partial = nullptr;          // Hidden: groupedHopperPartial floats
};
// inner a multiple of 64, outer of 256, 1 to 128 experts, pointers aligned to 16 bytes, a Hopper card
[[nodiscard]] bool groupedHopperTakes(const GroupedShape& shape);
[[nodiscard]] std::int64_t groupedHopperCounters(const GroupedShape& shape, Finish finish);
[[nodiscard]] std::int64_t groupedHopperPartial(const GroupedShape& shape);
int groupedHopper(const GroupedHopper& product, Stream stream);

// sum[expert] [left, right] (fp32) += a_e^T b_e. left a multiple of 128, right of 256.
struct GroupedHopperGradient {
    const void *a, *b;
    float* sum;
    GroupedGradientShape shape;
    const std::int32_t* offsets;
    std::int32_t* counters;  // one, zero
};
[[nodiscard]] bool groupedHopperTakesGradient(const GroupedGradientShape& shape);
int groupedHopperGradient(const GroupedHopperGradient& gradient, Stream stream);

}  // namespace caravan::kernels::cuda

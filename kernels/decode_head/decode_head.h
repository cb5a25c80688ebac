// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/launch.h"
#include "kernels/decode_linear/decode_linear.h"

// The head of a decoding step: a dense matrix [vocabulary, width] in bf16 times the last states after
// their norm, for up to 16 sequences; logits in fp32, rounded to bf16. A call of decodeLinear() with
// one dense part, no LoRA, no sides, and an out of fp32; what is not for this kernel (fp32, odd
// widths) decodeLinear() does.
//
// Floor: the matrix's bytes, read once. Weights go from memory into registers as the tensor cores'
// tiles, eight rows at a time, 128 KB under way on each multiprocessor; a column of the tile for each
// sequence.
// Log, one H200, us for 32000 x 4096 (61 at 4.3 TB/s) and 1, 2, 4, 8, 16 sequences: decodeLinear() 85,
// 91, 103, 205, 406; here 68, 68, 70, 75, 131. 64000 x 7168, one sequence: 223 (4.11 TB/s).
namespace caravan::kernels::cuda {

int decodeHead(Element element, const DecodeLinear& head, Stream stream);

}  // namespace caravan::kernels::cuda

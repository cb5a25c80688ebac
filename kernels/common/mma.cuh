// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "kernels/common/device.cuh"

// Tensor-core tiles of 16 x 8 x 16 in bf16, of 16 x 8 x 8 in TF32, with fp32 sums (compute capability 8.0 and
// above).
namespace caravan::kernels::cuda {

// Four 8 x 8 matrices from shared memory; lane l gives the address of row l % 8 of matrix l / 8.
__device__ __forceinline__ void loadMatrices(std::uint32_t (&r)[4], const Bf16* row) {
    const auto address = sharedAddress(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address));
}
// The same, each matrix transposed on the way.
__device__ __forceinline__ void loadMatricesTransposed(std::uint32_t (&r)[4], const Bf16* row) {
    const auto address = sharedAddress(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address));
}
// sum [16, 8] += a [16, 16] b [16, 8]. Of sum, lane l holds columns l % 4 * 2 and the next of rows l / 4 (0,
// 1) and l / 4 + 8 (2, 3).
__device__ __forceinline__ void multiplyTile(float (&sum)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                             std::uint32_t b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
// sum [16, 8] += a [16, 8] b [8, 8], of whose numbers the upper 19 bits are read. Lane l holds of a the rows
// l / 4 (0, 2) and l / 4 + 8 (1, 3), columns l % 4 (0, 1) and l % 4 + 4 (2, 3); of b the rows l % 4 (b0) and
// l % 4 + 4 (b1) of column l / 4; of sum as above.
__device__ __forceinline__ void multiplyTf32(float (&sum)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                             std::uint32_t b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

}  // namespace caravan::kernels::cuda

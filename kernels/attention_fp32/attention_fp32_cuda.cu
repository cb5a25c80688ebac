// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/attention_fp32/passes.cuh"
#include "kernels/common/dependent.cuh"

namespace caravan::kernels::cuda {
namespace attention32 {
namespace {

template <int Size, class Arguments>
int launch(void (*kernel)(Arguments), const AttentionFp32& a, const Arguments& arguments, Stream stream) {
    constexpr int kBytes = sizeof(Shared<Size>);
    const auto allowed = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
    if (allowed != cudaSuccess) return static_cast<int>(allowed);
    const dim3 grid(static_cast<unsigned>(a.heads), static_cast<unsigned>(a.rows),
                    blocksFor(a.longest, kOwn<Size>));
    kernel<<<grid, kThreads<Size>, kBytes, stream>>>(arguments);
    return launched();
}

template <int Size>
int backward(const AttentionFp32Backward& b, Stream stream) {
    if (const int error = launch<Size>(queryKernel<Size>, b.forward, b, stream)) return error;
    return launch<Size>(keyKernel<Size>, b.forward, b, stream);
}

}  // namespace
}  // namespace attention32

bool attentionFp32Takes(std::int64_t size, std::int64_t rows) {
    const auto room = static_cast<std::size_t>(deviceTraits().sharedPerBlock);
    return deviceTraits().major >= 8 && rows < (1 << 16) &&
           ((size == 64 && sizeof(attention32::Shared<64>) <= room) ||
            (size == 128 && sizeof(attention32::Shared<128>) <= room));
}

int attentionFp32(const AttentionFp32& a, Stream stream) {
    using namespace attention32;
    return a.size == 128 ? launch<128>(forwardKernel<128>, a, a, stream)
                         : launch<64>(forwardKernel<64>, a, a, stream);
}

int attentionFp32Backward(const AttentionFp32Backward& b, Stream stream) {
    return b.forward.size == 128 ? attention32::backward<128>(b, stream)
                                 : attention32::backward<64>(b, stream);
}

}  // namespace caravan::kernels::cuda

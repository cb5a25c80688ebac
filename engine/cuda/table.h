// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/cuda/decode_table.h"
#include "engine/cuda/graph_pool.h"
#include "engine/cuda/product.h"
#include "kernels/adamw/adamw.h"
#include "kernels/adamw/adamw8.h"
#include "kernels/attention_backward/attention_backward.h"
#include "kernels/attention_fp32/attention_fp32.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/decode_attention/decode_attention.h"
#include "kernels/dropout/dropout.h"
#include "kernels/e4m3/e4m3.h"
#include "kernels/grouped_adapter/grouped_adapter.h"
#include "kernels/grouped_adapter/grouped_hopper.h"
#include "kernels/lora/lora.h"
#include "kernels/nf4/nf4.h"
#include "kernels/product_fp32/product_fp32.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/rounding/rounding.h"
#include "kernels/router/router.h"
#include "kernels/swiglu/swiglu.h"

// What libcaravan_cuda.so gives the engine: run-time entries and kernel launchers, raw pointers and values
// only. The engine asks for the version that it was built with; another one is refused, so entries may change
// freely.
namespace caravan::engine::cuda {

inline constexpr std::uint32_t kTableVersion = 10;

struct DeviceMemory {
    std::uint64_t free = 0, total = 0;          // of the card, everybody's
    std::uint64_t allocated = 0, reserved = 0;  // by this process's tensors; taken from the card for them
    std::uint64_t peakAllocated = 0;            // since the last reset
};

struct Table {
    std::uint32_t version = kTableVersion;

    // Devices. Texts are copied into the caller's buffer, cut to its size. Functions return 0 or a CUDA error
    // for errorText.
    int (*deviceCount)(int* count, int* driverVersion, int* runtimeVersion);
    int (*deviceName)(int device, char* name, std::size_t size);
    int (*busId)(int device, char* id, std::size_t size);   // "0000:65:00.0"
    int (*capability)(int device, int* tenMajorPlusMinor);  // 90 for Hopper
    int (*memory)(int device, DeviceMemory* memory);
    void (*resetPeak)(int device);
    void (*emptyCache)();
    void (*errorText)(int error, char* text, std::size_t size);
    kernels::cuda::Stream (*currentStream)(int device);
    int (*synchronize)(int device);
    // Launches check the tensors' device: makes it current in the calling thread.
    int (*setDevice)(int device);

    decltype(&cuda::product) product;
    decltype(&kernels::cuda::productFp32) productFp32;
    decltype(&kernels::cuda::gradientFp32Scratch) gradientFp32Scratch;
    decltype(&kernels::cuda::gradientFp32) gradientFp32;
    decltype(&kernels::cuda::dropout) dropout;
    decltype(&kernels::cuda::rmsNorm) rmsNorm;
    decltype(&kernels::cuda::rmsNormBackward) rmsNormBackward;
    decltype(&kernels::cuda::rope) rope;
    decltype(&kernels::cuda::ropeJoin) ropeJoin;
    decltype(&kernels::cuda::ropeRows) ropeRows;
    decltype(&kernels::cuda::swiglu) swiglu;
    decltype(&kernels::cuda::swigluBackward) swigluBackward;
    decltype(&kernels::cuda::loraDownScratch) loraDownScratch;
    decltype(&kernels::cuda::loraDown) loraDown;
    decltype(&kernels::cuda::loraSpread) loraSpread;
    decltype(&kernels::cuda::loraInput) loraInput;
    decltype(&kernels::cuda::loraGradientScratch) loraGradientScratch;
    decltype(&kernels::cuda::loraGradient) loraGradient;
    decltype(&kernels::cuda::topK) topK;
    decltype(&kernels::cuda::routeRowsTake) routeRowsTake;
    decltype(&kernels::cuda::routeRows) routeRows;
    decltype(&kernels::cuda::sortByExpert) sortByExpert;
    decltype(&kernels::cuda::routeBackward) routeBackward;
    decltype(&kernels::cuda::accumulateRouting) accumulateRouting;
    decltype(&kernels::cuda::gather) gather;
    decltype(&kernels::cuda::gelu) gelu;
    decltype(&kernels::cuda::combine) combine;
    decltype(&kernels::cuda::hiddenBackward) hiddenBackward;
    decltype(&kernels::cuda::scatter) scatter;
    decltype(&kernels::cuda::groupedProduct) groupedProduct;
    decltype(&kernels::cuda::groupedGradientScratch) groupedGradientScratch;
    decltype(&kernels::cuda::groupedGradient) groupedGradient;
    decltype(&kernels::cuda::addUsed) addUsed;
    decltype(&kernels::cuda::groupedHopperTakes) groupedHopperTakes;
    decltype(&kernels::cuda::groupedHopperTakesGradient) groupedHopperTakesGradient;
    decltype(&kernels::cuda::groupedHopperCounters) groupedHopperCounters;
    decltype(&kernels::cuda::groupedHopperPartial) groupedHopperPartial;
    decltype(&kernels::cuda::groupedHopper) groupedHopper;
    decltype(&kernels::cuda::groupedHopperGradient) groupedHopperGradient;
    decltype(&kernels::cuda::crossEntropy) crossEntropy;
    decltype(&kernels::cuda::squareSums) squareSums;
    decltype(&kernels::cuda::adamW) adamW;
    decltype(&kernels::cuda::adamW8) adamW8;
    decltype(&kernels::cuda::addGradients) addGradients;
    decltype(&kernels::cuda::quantizeNf4) quantizeNf4;
    decltype(&kernels::cuda::quantizeAbsmax) quantizeAbsmax;
    decltype(&kernels::cuda::absmaxSums) absmaxSums;
    decltype(&kernels::cuda::dequantizeNf4) dequantizeNf4;
    decltype(&kernels::cuda::dequantizeNf4Parts) dequantizeNf4Parts;
    decltype(&kernels::cuda::decodeAttention) decodeAttention;
    decltype(&kernels::cuda::attentionBackwardScratch) attentionBackwardScratch;
    decltype(&kernels::cuda::attentionBackward) attentionBackward;
    decltype(&kernels::cuda::attentionFp32Takes) attentionFp32Takes;
    decltype(&kernels::cuda::attentionFp32) attentionFp32;
    decltype(&kernels::cuda::attentionFp32Backward) attentionFp32Backward;

    decltype(&kernels::cuda::observeBalance) observeBalance;
    decltype(&kernels::cuda::quantizeE4m3) quantizeE4m3;

    DecodeTable decode;
    GraphPoolTable graphPool;
};

}  // namespace caravan::engine::cuda

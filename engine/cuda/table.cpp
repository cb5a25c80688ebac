// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cuda/table.h"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <cstdio>

namespace caravan::engine::cuda {
namespace {

namespace launch = kernels::cuda;

int deviceCount(int* count, int* driverVersion, int* runtimeVersion) {
    *count = 0;
    cudaDriverGetVersion(driverVersion);
    cudaRuntimeGetVersion(runtimeVersion);
    const cudaError_t error = cudaGetDeviceCount(count);
    cudaGetLastError();  // a failure here must not show up in the first launch
    return static_cast<int>(error);
}

int deviceName(int device, char* name, std::size_t size) {
    cudaDeviceProp properties{};
    const cudaError_t error = cudaGetDeviceProperties(&properties, device);
    std::snprintf(name, size, "%s", error == cudaSuccess ? properties.name : "");
    return static_cast<int>(error);
}

int busId(int device, char* id, std::size_t size) {
    return static_cast<int>(cudaDeviceGetPCIBusId(id, static_cast<int>(size), device));
}

int capability(int device, int* tenMajorPlusMinor) {
    int major = 0, minor = 0;
    cudaError_t error = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
    if (error == cudaSuccess)
        error = cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
    *tenMajorPlusMinor = 10 * major + minor;
    return static_cast<int>(error);
}

// Before the first one the allocator knows no device and throws.
bool tensorsWereMade() {
    return c10::cuda::CUDACachingAllocator::get()->initialized();
}

int memory(int device, DeviceMemory* memory) {
    int current = 0;
    cudaGetDevice(&current);
    cudaSetDevice(device);
    std::size_t free = 0, total = 0;
    const cudaError_t error = cudaMemGetInfo(&free, &total);
    cudaSetDevice(current);
    *memory = {free, total, 0, 0, 0};
    if (!tensorsWereMade()) return static_cast<int>(error);
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(device));
    const auto& allocated = stats.allocated_bytes[0];  // [0]: over both pools
    *memory = {free, total, static_cast<std::uint64_t>(allocated.current),
               static_cast<std::uint64_t>(stats.reserved_bytes[0].current),
               static_cast<std::uint64_t>(allocated.peak)};
    return static_cast<int>(error);
}

void resetPeak(int device) {
    if (tensorsWereMade())
        c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(device));
}
void emptyCache() {
    c10::cuda::CUDACachingAllocator::emptyCache();
}

void errorText(int error, char* text, std::size_t size) {
    const auto code = static_cast<cudaError_t>(error);
    std::snprintf(text, size, "%s (%s)", cudaGetErrorString(code), cudaGetErrorName(code));
}

launch::Stream currentStream(int device) {
    return c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device)).stream();
}

int synchronize(int device) {
    return static_cast<int>(cudaStreamSynchronize(currentStream(device)));
}
int setDevice(int device) {
    return static_cast<int>(cudaSetDevice(device));
}

Table makeTable() {
    Table t{};
    t.version = kTableVersion;
    t.deviceCount = deviceCount;
    t.deviceName = deviceName;
    t.busId = busId;
    t.capability = capability;
    t.memory = memory;
    t.resetPeak = resetPeak;
    t.emptyCache = emptyCache;
    t.errorText = errorText;
    t.currentStream = currentStream;
    t.synchronize = synchronize;
    t.setDevice = setDevice;
    t.product = cuda::product;
    t.productFp32 = launch::productFp32;
    t.gradientFp32Scratch = launch::gradientFp32Scratch;
    t.gradientFp32 = launch::gradientFp32;
    t.dropout = launch::dropout;
    t.rmsNorm = launch::rmsNorm;
    t.rmsNormBackward = launch::rmsNormBackward;
    t.rope = launch::rope;
    t.ropeJoin = launch::ropeJoin;
    t.ropeRows = launch::ropeRows;
    t.swiglu = launch::swiglu;
    t.swigluBackward = launch::swigluBackward;
    t.loraDownScratch = launch::loraDownScratch;
    t.loraDown = launch::loraDown;
    t.loraSpread = launch::loraSpread;
    t.loraInput = launch::loraInput;
    t.loraGradientScratch = launch::loraGradientScratch;
    t.loraGradient = launch::loraGradient;
    t.topK = launch::topK;
    t.routeRowsTake = launch::routeRowsTake;
    t.routeRows = launch::routeRows;
    t.sortByExpert = launch::sortByExpert;
    t.routeBackward = launch::routeBackward;
    t.accumulateRouting = launch::accumulateRouting;
    t.gather = launch::gather;
    t.gelu = launch::gelu;
    t.combine = launch::combine;
    t.hiddenBackward = launch::hiddenBackward;
    t.scatter = launch::scatter;
    t.groupedProduct = launch::groupedProduct;
    t.groupedGradientScratch = launch::groupedGradientScratch;
    t.groupedGradient = launch::groupedGradient;
    t.addUsed = launch::addUsed;
    t.groupedHopperTakes = launch::groupedHopperTakes;
    t.groupedHopperTakesGradient = launch::groupedHopperTakesGradient;
    t.groupedHopperCounters = launch::groupedHopperCounters;
    t.groupedHopperPartial = launch::groupedHopperPartial;
    t.groupedHopper = launch::groupedHopper;
    t.groupedHopperGradient = launch::groupedHopperGradient;
    t.crossEntropy = launch::crossEntropy;
    t.squareSums = launch::squareSums;
    t.adamW = launch::adamW;
    t.adamW8 = launch::adamW8;
    t.addGradients = launch::addGradients;
    t.quantizeNf4 = launch::quantizeNf4;
    t.quantizeAbsmax = launch::quantizeAbsmax;
    t.absmaxSums = launch::absmaxSums;
    t.dequantizeNf4 = launch::dequantizeNf4;
    t.dequantizeNf4Parts = launch::dequantizeNf4Parts;
    t.decodeAttention = launch::decodeAttention;
    t.attentionBackwardScratch = launch::attentionBackwardScratch;
    t.attentionBackward = launch::attentionBackward;
    t.attentionFp32Takes = launch::attentionFp32Takes;
    t.attentionFp32 = launch::attentionFp32;
    t.attentionFp32Backward = launch::attentionFp32Backward;
    t.observeBalance = launch::observeBalance;
    t.quantizeE4m3 = launch::quantizeE4m3;
    t.decode = makeDecodeTable();
    t.graphPool = makeGraphPoolTable();
    return t;
}

}  // namespace
}  // namespace caravan::engine::cuda

extern "C" __attribute__((visibility("default"))) const caravan::engine::cuda::Table* caravan_cuda_table(
    std::uint32_t version) {
    static const caravan::engine::cuda::Table table = caravan::engine::cuda::makeTable();
    return version == table.version ? &table : nullptr;
}

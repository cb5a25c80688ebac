// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cuda/decode_table.h"

#include <cuda_runtime_api.h>

namespace caravan::engine::cuda {
namespace {

using kernels::cuda::Stream;

int code(cudaError_t error) {
    return static_cast<int>(error);
}

int createStream(Stream* stream) {
    return code(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking));
}
int destroyStream(Stream stream) {
    return code(cudaStreamDestroy(stream));
}
int synchronizeStream(Stream stream) {
    return code(cudaStreamSynchronize(stream));
}

int follow(Stream waiting, Stream first) {
    cudaEvent_t event = nullptr;
    if (const auto error = cudaEventCreateWithFlags(&event, cudaEventDisableTiming)) return code(error);
    cudaError_t error = cudaEventRecord(event, first);
    if (error == cudaSuccess) error = cudaStreamWaitEvent(waiting, event, 0);
    cudaEventDestroy(event);  // freed once it has happened
    return code(error);
}

int beginCapture(Stream stream) {
    return code(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
}
int endCapture(Stream stream, void** graph) {
    cudaGraph_t captured = nullptr;
    if (const auto error = cudaStreamEndCapture(stream, &captured)) {
        cudaGetLastError();  // a capture that failed must not show up in the next launch
        return code(error);
    }
    cudaGraphExec_t ready = nullptr;
    const cudaError_t error = cudaGraphInstantiate(&ready, captured, 0);
    cudaGraphDestroy(captured);
    *graph = ready;
    return code(error);
}
int launchGraph(void* graph, Stream stream) {
    return code(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), stream));
}
int destroyGraph(void* graph) {
    return code(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)));
}

int allocateHost(void** memory, std::size_t bytes) {
    return code(cudaHostAlloc(memory, bytes, cudaHostAllocMapped | cudaHostAllocPortable));
}
int freeHost(void* memory) {
    return code(cudaFreeHost(memory));
}

int createEvent(void** event) {
    cudaEvent_t made = nullptr;
    const cudaError_t error = cudaEventCreateWithFlags(&made, cudaEventDisableTiming | cudaEventBlockingSync);
    *event = made;
    return code(error);
}
int destroyEvent(void* event) {
    return code(cudaEventDestroy(static_cast<cudaEvent_t>(event)));
}
int recordEvent(void* event, Stream stream) {
    return code(cudaEventRecord(static_cast<cudaEvent_t>(event), stream));
}
int awaitEvent(void* event) {
    return code(cudaEventSynchronize(static_cast<cudaEvent_t>(event)));
}

}  // namespace

DecodeTable makeDecodeTable() {
    return {.linear = kernels::cuda::decodeLinear,
            .takesChain = kernels::cuda::takesChain,
            .chain = kernels::cuda::decodeChain,
            .head = kernels::cuda::decodeHead,
            .experts = kernels::cuda::decodeExperts,
            .expertsDown = kernels::cuda::decodeExpertsDown,
            .expertsUp = kernels::cuda::decodeExpertsUp,
            .attention = kernels::cuda::splitAttention,
            .beginToken = kernels::cuda::beginToken,
            .chooseToken = kernels::cuda::chooseToken,
            .createStream = createStream,
            .destroyStream = destroyStream,
            .synchronizeStream = synchronizeStream,
            .follow = follow,
            .beginCapture = beginCapture,
            .endCapture = endCapture,
            .launchGraph = launchGraph,
            .destroyGraph = destroyGraph,
            .allocateHost = allocateHost,
            .freeHost = freeHost,
            .createEvent = createEvent,
            .destroyEvent = destroyEvent,
            .recordEvent = recordEvent,
            .awaitEvent = awaitEvent};
}

}  // namespace caravan::engine::cuda

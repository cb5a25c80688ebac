// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>

#include "kernels/decode_experts/decode_experts.h"
#include "kernels/decode_head/decode_head.h"
#include "kernels/decode_linear/decode_linear.h"
#include "kernels/split_attention/split_attention.h"
#include "kernels/token_choice/token_choice.h"

// Part of the plugin's table: the kernels of a decoding step, and what captures them in a graph and runs it
// beside the host. Functions return 0 or a CUDA error.
namespace caravan::engine::cuda {

struct DecodeTable {
    decltype(&kernels::cuda::decodeLinear) linear;
    decltype(&kernels::cuda::takesChain) takesChain;
    decltype(&kernels::cuda::decodeChain) chain;
    decltype(&kernels::cuda::decodeHead) head;
    decltype(&kernels::cuda::decodeExperts) experts;
    decltype(&kernels::cuda::decodeExpertsDown) expertsDown;
    decltype(&kernels::cuda::decodeExpertsUp) expertsUp;
    decltype(&kernels::cuda::splitAttention) attention;
    decltype(&kernels::cuda::beginToken) beginToken;
    decltype(&kernels::cuda::chooseToken) chooseToken;

    // A stream of its own on the current device, which the default stream does not wait for.
    int (*createStream)(kernels::cuda::Stream* stream);
    int (*destroyStream)(kernels::cuda::Stream stream);
    int (*synchronizeStream)(kernels::cuda::Stream stream);
    // What is launched into `waiting` from now on runs after what `first` holds now.
    int (*follow)(kernels::cuda::Stream waiting, kernels::cuda::Stream first);
    int (*beginCapture)(kernels::cuda::Stream stream);
    int (*endCapture)(kernels::cuda::Stream stream, void** graph);  // ready to run
    int (*launchGraph)(void* graph, kernels::cuda::Stream stream);
    int (*destroyGraph)(void* graph);
    // Host memory that kernels write to.
    int (*allocateHost)(void** memory, std::size_t bytes);
    int (*freeHost)(void* memory);
    int (*createEvent)(void** event);
    int (*destroyEvent)(void* event);
    int (*recordEvent)(void* event, kernels::cuda::Stream stream);
    int (*awaitEvent)(void* event);
};
[[nodiscard]] DecodeTable makeDecodeTable();

}  // namespace caravan::engine::cuda

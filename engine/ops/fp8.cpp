// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/fp8.h"

#include <ATen/ops/_scaled_mm.h>
#include <fmt/format.h>

#include "engine/ops/dispatch.h"
#include "engine/ops/parallel.h"
#include "engine/ops/timeline.h"
#include "kernels/e4m3/e4m3.h"

namespace caravan::engine::ops {
namespace {

constexpr int kFirstCapability = 89;  // Ada; Hopper is 90
constexpr std::int64_t kMultiple = 16;
// The tensor cores add in fewer bits than fp32. Otherwise the library adds every few products in fp32,
// slower.
constexpr bool kFastSums = true;

struct Fp8Rows {
    at::Tensor codes, scale;  // e4m3 [T, columns], fp32 [T, 1]
};

Fp8Rows quantized(const at::Tensor& x) {
    const bool asItLies =
        x.stride(1) == 1 && x.stride(0) % 8 == 0 && reinterpret_cast<std::uintptr_t>(x.data_ptr()) % 16 == 0;
    const at::Tensor rows = asItLies ? x : x.clone(at::MemoryFormat::Contiguous);
    Fp8Rows result{at::empty(x.sizes(), like(x, at::kFloat8_e4m3fn)),
                   at::empty({x.size(0), 1}, like(x, at::kFloat))};
    const kernels::cuda::E4m3Rows arguments{
        rows.data_ptr(),           rows.stride(0), result.codes.data_ptr(),
        data<float>(result.scale), x.size(0),      x.size(1)};
    checkLaunch("fp8", cudaTable().quantizeE4m3(arguments, streamOf(x)));
    return result;
}

at::Tensor roundedOnHost(const at::Tensor& x) {
    require(x.scalar_type() == at::kFloat, "fp8", "fp32 on the CPU", x);
    const at::Tensor rows = x.contiguous();
    at::Tensor out = at::empty_like(rows);
    parallelRows(rows.size(0), rowGrain(rows.size(1)), [&](std::int64_t begin, std::int64_t end) {
        kernels::roundE4m3Rows(data<float>(rows), data<float>(out), rows.size(1), begin, end);
    });
    return out;
}

// x factor^T, both rounded by their rows
at::Tensor product(const at::Tensor& x, const at::Tensor& factor, const at::Tensor& scale) {
    require(x.dim() == 2 && x.size(1) == factor.size(1), "fp8", "an input [T, columns of the weight]", x);
    const PartScope scope(Part::Products);
    if (!x.is_cuda()) return ops::linear(roundedOnHost(x), factor);
    const Fp8Rows rows = quantized(x);
    return at::_scaled_mm(rows.codes, factor.t(), rows.scale, scale, {}, {}, x.scalar_type(), kFastSums);
}

}  // namespace

std::int64_t Fp8Weight::bytes() const {
    std::int64_t sum = 0;
    for (const at::Tensor* tensor : {&forward, &backward, &forwardScale, &backwardScale})
        if (tensor->defined()) sum += static_cast<std::int64_t>(tensor->nbytes());
    return sum;
}

void requireFp8(const at::Device& device, at::ScalarType compute) {
    if (compute != (device.is_cpu() ? at::kFloat : at::kBFloat16))
        throw EngineException(ErrorCode::BadOption,
                              {{"key", "tune.dequantization"},
                               {"value", "fp8"},
                               {"range", "stream or cache; fp8 only with tune.compute bf16 on a GPU"}});
    if (device.is_cpu()) return;
    int capability = 0;
    checkLaunch("capability", cudaTable().capability(std::max<int>(0, device.index()), &capability));
    if (capability >= kFirstCapability) return;
    throw EngineException(
        ErrorCode::DeviceUnavailable,
        {{"device", "cuda"},
         {"detail", fmt::format("products in fp8 (tune.dequantization fp8) need a GPU of compute capability "
                                "8.9 or above, this one has {}.{}; choose stream or cache",
                                capability / 10, capability % 10)}});
}

bool suitsFp8(const at::Tensor& weight) {
    return weight.dim() == 2 && weight.size(0) % kMultiple == 0 && weight.size(1) % kMultiple == 0;
}

Fp8Weight roundToFp8(const at::Tensor& weight) {
    require(suitsFp8(weight), "fp8", "a weight of sizes that are multiples of 16", weight);
    Fp8Weight result;
    if (weight.is_cpu()) {
        result.forward = roundedOnHost(weight);
        result.backward = roundedOnHost(weight.t());
        return result;
    }
    const Fp8Rows forward = quantized(weight), backward = quantized(weight.t().contiguous());
    result.forward = forward.codes;
    result.forwardScale = forward.scale.view({1, -1});
    result.backward = backward.codes;
    result.backwardScale = backward.scale.view({1, -1});
    return result;
}

at::Tensor linear(const at::Tensor& x, const Fp8Weight& weight, const at::Tensor& bias,
                  const LoraGroup& group, std::vector<at::Tensor>& h) {
    at::Tensor y = product(x, weight.forward, weight.forwardScale);
    if (bias.defined()) y.add_(bias);
    if (!group.parts.empty()) h = loraForward(y, x, group);
    return y;
}

at::Tensor linearBackward(const at::Tensor& dy, const Fp8Weight& weight, const LoraGroup& group,
                          std::vector<at::Tensor>& dh) {
    at::Tensor dx = product(dy, weight.backward, weight.backwardScale);
    if (!group.parts.empty()) dh = loraBackwardInput(dy, group, dx);
    return dx;
}

}  // namespace caravan::engine::ops

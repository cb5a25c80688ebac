// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/rope.h"

#include <ATen/Functions.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace caravan::engine::model {

namespace {

// Llama 3: long wavelengths are stretched by factor, short ones kept, those between interpolated.
float scaleLlama3(float frequency, const RopeConfig& rope) {
    const double wavelength = 2.0 * std::numbers::pi / frequency;
    const double original = static_cast<double>(rope.originalMaxPositions);
    if (wavelength < original / rope.highFrequencyFactor) return frequency;
    if (wavelength > original / rope.lowFrequencyFactor) return static_cast<float>(frequency / rope.factor);
    const double smooth = (original / wavelength - rope.lowFrequencyFactor) /
                          (rope.highFrequencyFactor - rope.lowFrequencyFactor);
    return static_cast<float>((1.0 - smooth) * frequency / rope.factor + smooth * frequency);
}

// In fp32, as the models were trained: at high positions the rounding of a frequency matters.
std::vector<float> frequencies(const RopeConfig& rope, std::int64_t headSize) {
    std::vector<float> result(static_cast<std::size_t>(headSize / 2));
    for (std::size_t i = 0; i < result.size(); ++i) {
        const float exponent = static_cast<float>(2 * i) / static_cast<float>(headSize);
        const float frequency = 1.0F / std::pow(static_cast<float>(rope.theta), exponent);
        switch (rope.kind) {
            case RopeKind::Default:
                result[i] = frequency;
                break;
            case RopeKind::Linear:
                result[i] = static_cast<float>(frequency / rope.factor);
                break;
            case RopeKind::Llama3:
                result[i] = scaleLlama3(frequency, rope);
                break;
        }
    }
    return result;
}

}  // namespace

ops::RopeTable makeRopeTable(const RopeConfig& rope, std::int64_t headSize, std::int64_t positions,
                             at::Device device) {
    const std::vector<float> angles = frequencies(rope, headSize);
    at::Tensor cosines = at::empty({positions, headSize / 2}, at::kFloat);
    at::Tensor sines = at::empty({positions, headSize / 2}, at::kFloat);
    auto* cosine = cosines.mutable_data_ptr<float>();
    auto* sine = sines.mutable_data_ptr<float>();
    for (std::int64_t position = 0; position < positions; ++position)
        for (const float frequency : angles) {
            const double angle = static_cast<float>(position) * frequency;
            *cosine++ = static_cast<float>(std::cos(angle));
            *sine++ = static_cast<float>(std::sin(angle));
        }
    return {cosines.to(device), sines.to(device)};
}

}  // namespace caravan::engine::model

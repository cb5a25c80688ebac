// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/checkpoint/checkpoint_store.h"

namespace caravan::engine::checkpoint {

// A run folder of its own, and contents whose numbers follow from the step.
class RunFolder {
  public:
    RunFolder() {
        static int count = 0;
        m_path = std::filesystem::temp_directory_path() /
                 ("caravan-checkpoint-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
        std::filesystem::create_directories(m_path);
    }
    ~RunFolder() { std::filesystem::remove_all(m_path); }
    RunFolder(const RunFolder&) = delete;
    RunFolder& operator=(const RunFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }

  private:
    std::filesystem::path m_path;
};

struct Content {
    explicit Content(StepIndex step, std::size_t elements = 24) : values(elements), moments(elements) {
        for (std::size_t i = 0; i < elements; ++i) {
            values[i] = static_cast<float>(step) + static_cast<float>(i) / 64.0f;
            moments[i] = -values[i];
        }
        content.state.step = step;
        content.state.seed = 7;
        content.state.threads = 2;
        content.state.device = "cpu";
        content.state.session = {{"best", step}};
        const auto half = static_cast<std::int64_t>(elements / 2);
        const auto bytes = std::as_bytes(std::span(values));
        content.trainable = {{"z.up", DType::F32, {half}, bytes.subspan(bytes.size() / 2)},
                             {"a.down", DType::F32, {half}, bytes.first(bytes.size() / 2)}};
        content.optimizer = {
            {"m", DType::F32, {static_cast<std::int64_t>(elements)}, std::as_bytes(std::span(moments))}};
    }
    std::vector<float> values, moments;
    CheckpointContent content;
};

inline std::string fileText(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// The newest checkpoint is whole and holds the numbers of its step; its step.
inline StepIndex newestStep(const std::filesystem::path& run) {
    const auto folder = latestVerified(run);
    if (!folder) return 0;
    const auto loaded = load(*folder);
    if (!loaded) return -1;
    const Content expected(loaded->state.step, 24);
    if (loaded->trainable.size() != 2 || loaded->trainable[0].key != "a.down") return -1;
    const auto& bytes = loaded->trainable[0].bytes;
    return std::memcmp(bytes.data(), expected.values.data(), bytes.size()) == 0 ? loaded->state.step : -1;
}

}  // namespace caravan::engine::checkpoint

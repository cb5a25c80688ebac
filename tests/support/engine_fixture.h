// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/api/config/descriptors.h"
#include "engine/api/engine.h"
#include "engine/api/error_text.h"

// (Engines of tests run on one thread: on a machine at work, threads that wait for each other take most of
// the time.) An engine on the CPU, a folder of its own, the smallest real model and rows to tune it on.
namespace caravan::engine {

class TemporaryFolder {
  public:
    TemporaryFolder() {
        static int count = 0;
        m_path = std::filesystem::temp_directory_path() /
                 ("caravan-engine-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
        std::filesystem::create_directories(m_path);
    }
    ~TemporaryFolder() { std::filesystem::remove_all(m_path); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return m_path / name; }
    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }

  private:
    std::filesystem::path m_path;
};

inline std::filesystem::path testData() {
    return CARAVAN_TEST_DATA;
}
inline std::string storiesModel() {
    return (testData() / "models/stories260k").string();
}
inline std::string demoModel() {
    return std::string(CARAVAN_SOURCE_DIR) + "/resources/demo/base-16m";
}

inline std::string textOf(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void writeRows(const std::filesystem::path& path, int rows, const std::string& subject) {
    std::ofstream out(path);
    for (int i = 0; i < rows; ++i)
        out << R"({"corpus": "", "dataset": "", "instruction": "", "conversation": [{"input": "Tell of )"
            << subject << " " << i << R"(", "output": "Once upon a time there was )" << subject
            << " who went out to play in the park " << i % 7 << " times.\"}]}\n";
}

// PESC on stories260k: 4 experts, two domains, some seconds at most.
inline Recipe smallRecipe(const std::filesystem::path& folder, std::int64_t steps) {
    writeRows(folder / "cats.jsonl", 24, "a cat");
    writeRows(folder / "dogs.jsonl", 16, "a dog");
    writeRows(folder / "held.jsonl", 6, "a bird");
    Recipe recipe;
    recipe.model = {.path = storiesModel(), .quantization = Quantization::None};
    recipe.upcycle = {
        .method = UpcycleMethod::Pesc, .experts = 4, .topK = 2, .adapterSize = 8, .scaling = 1.0};
    recipe.data.files = {{(folder / "cats.jsonl").string(), "cats", 1.0},
                         {(folder / "dogs.jsonl").string(), "dogs", 1.0}};
    recipe.data.heldout = {{(folder / "held.jsonl").string(), "birds", 1.0}};
    recipe.tune.steps = steps;
    recipe.tune.batchRows = 4;
    recipe.tune.loraRank = 4;
    recipe.tune.learningRate = 1e-3;
    return recipe;
}

template <class T>
::testing::AssertionResult succeeded(const Result<T>& result) {
    if (result) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << errorLines(result.error());
}

}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "engine/api/error_text.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine::test {

// A folder of its own, removed at the end.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        static int number = 0;
        m_path = std::filesystem::temp_directory_path() /
                 ("caravan-data-" + std::to_string(getpid()) + "-" + std::to_string(number++));
        std::filesystem::create_directories(m_path);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() { std::filesystem::remove_all(m_path); }
    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    std::filesystem::path write(const std::string& name, const std::string& text) const {
        std::ofstream(m_path / name, std::ios::binary) << text;
        return m_path / name;
    }

  private:
    std::filesystem::path m_path;
};

inline std::string baseModel() {
    return std::string(CARAVAN_SOURCE_DIR) + "/resources/demo/base-16m";
}

inline std::unique_ptr<Tokenizer> baseTokenizer() {
    auto loaded = loadTokenizer(baseModel());
    if (!loaded) throw std::runtime_error(errorLines(loaded.error()));
    return std::move(*loaded);
}

inline std::string pescLine(const std::string& input, const std::string& output,
                            const std::string& system = "") {
    return R"({"corpus": "", "dataset": "t", "instruction": ")" + system +
           R"(", "conversation": [{"input": ")" + input + R"(", "output": ")" + output + "\"}]}\n";
}

}  // namespace caravan::engine::test

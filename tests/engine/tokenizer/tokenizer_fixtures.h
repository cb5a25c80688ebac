// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "engine/api/error_text.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine::test {

inline std::string tokenizerData(const std::string& name) {
    return std::string(CARAVAN_TEST_DATA) + "/tokenizers/" + name;
}

inline std::string readText(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    EXPECT_TRUE(in.good()) << path;
    return {std::istreambuf_iterator<char>(in), {}};
}

inline std::vector<std::string> readLines(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    EXPECT_TRUE(in.good()) << path;
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

inline std::unique_ptr<Tokenizer> load(const std::string& path) {
    auto loaded = loadTokenizer(path);
    if (!loaded) throw std::runtime_error(errorLines(loaded.error()));
    return std::move(*loaded);
}

}  // namespace caravan::engine::test

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

// A fuzz target: one function that is given any bytes and must come back. What a reader refuses it refuses by
// its Result or EngineException; everything else that leaves the function is a finding. The same targets run
// under libFuzzer (libfuzzer_main.cpp) and, with seeded mutations of the seeds, as a test
// (mutation_test.cpp).
namespace caravan::fuzz {

struct Target {
    std::string name;
    std::function<void(std::string_view bytes)> run;
    std::function<std::vector<std::string>()> seeds;  // beside the files of corpus/NAME
};
[[nodiscard]] std::vector<Target>& targets();

struct Register {
    Register(const char* name, void (*run)(std::string_view), std::vector<std::string> (*seeds)()) {
        targets().push_back({name, run, seeds});
    }
};

// The bytes as a file of that name, in a folder of this process; the next call with the name replaces it.
[[nodiscard]] std::filesystem::path asFile(std::string_view name, std::string_view bytes);
[[nodiscard]] std::string testData(const std::string& name);  // a file of tests/data

inline std::vector<std::string> noSeeds() {
    return {};
}

}  // namespace caravan::fuzz

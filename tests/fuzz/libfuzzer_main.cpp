// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// libFuzzer's entry: CARAVAN_FUZZ_TARGET names the target, CARAVAN_FUZZ_SEEDS a folder that its seeds are
// written to first.
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/fuzz/target.h"

namespace {

const caravan::fuzz::Target& chosen() {
    const char* name = std::getenv("CARAVAN_FUZZ_TARGET");
    for (const auto& target : caravan::fuzz::targets())
        if (name && target.name == name) return target;
    std::fprintf(stderr, "CARAVAN_FUZZ_TARGET must be one of:");
    for (const auto& target : caravan::fuzz::targets())
        std::fprintf(stderr, " %s", target.name.c_str());
    std::fprintf(stderr, "\n");
    std::exit(2);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    const auto& target = chosen();
    const char* folder = std::getenv("CARAVAN_FUZZ_SEEDS");
    if (!folder) return 0;
    int number = 0;
    for (const std::string& seed : target.seeds())
        std::ofstream(std::string(folder) + "/seed-" + std::to_string(number++), std::ios::binary) << seed;
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto& target = chosen();
    target.run({reinterpret_cast<const char*>(data), size});
    return 0;
}

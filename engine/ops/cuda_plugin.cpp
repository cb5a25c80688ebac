// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/ops/cuda_plugin.h"

#include <ATen/Context.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <vector>

#include "engine/ops/dispatch.h"

namespace caravan::engine::ops {
namespace {

constexpr const char* kFile = "libcaravan_cuda.so";
CudaState g_state{nullptr, 0, "CUDA was not asked for"};

// Places of the plugin: beside the engine's code, where the build tree has it, where an installed program has
// it.
std::vector<std::filesystem::path> places(const std::string& path) {
    if (!path.empty()) return {path};
    Dl_info info{};
    if (dladdr(reinterpret_cast<void*>(&openCuda), &info) == 0 || info.dli_fname == nullptr) return {kFile};
    std::error_code ignored;
    const auto folder = std::filesystem::weakly_canonical(info.dli_fname, ignored).parent_path();
    return {folder / kFile, folder / "../app" / kFile, folder / "../lib/caravan" / kFile};
}

// "" when a driver answers, else why not.
std::string driverProblem() {
    if (void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) {
        dlclose(driver);
        return {};
    }
    return fmt::format("no NVIDIA driver ({})", dlerror());
}

std::string versionText(int version) {
    return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

CudaState opened(const std::string& path) {
    if (auto problem = driverProblem(); !problem.empty()) return {nullptr, 0, problem};
    // Deterministic products need a fixed workspace, set before the libraries load.
    setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
    std::string note = fmt::format("{} was not found beside the engine", kFile);
    void* library = nullptr;
    for (const auto& place : places(path)) {
        if (path.empty() && !std::filesystem::exists(place)) continue;
        library = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library) break;
        note = fmt::format("{} does not load: {}", kFile, dlerror());
    }
    if (!library) return {nullptr, 0, note};
    using Entry = const cuda::Table* (*)(std::uint32_t);
    const auto entry = reinterpret_cast<Entry>(dlsym(library, "caravan_cuda_table"));
    const cuda::Table* table = entry ? entry(cuda::kTableVersion) : nullptr;
    if (!table) return {nullptr, 0, fmt::format("{} belongs to another version of Caravan", kFile)};
    int count = 0, driver = 0, runtime = 0;
    if (const int error = table->deviceCount(&count, &driver, &runtime); error != 0 || count == 0) {
        if (driver > 0 && driver < runtime)
            return {nullptr, 0,
                    fmt::format("the NVIDIA driver is too old: it serves CUDA {}, CUDA {} is needed",
                                versionText(driver), versionText(runtime))};
        std::array<char, 256> text{};
        table->errorText(error, text.data(), text.size());
        return {
            nullptr, 0,
            error != 0 ? std::string("CUDA does not start: ") + text.data() : std::string("no CUDA device")};
    }
    return {table, count, ""};
}

// Same numbers every time: fixed algorithms, no TF32, no cuDNN trials.
void makeDeterministic() {
    auto& context = at::globalContext();
    context.setDeterministicAlgorithms(true, false);
    context.setDeterministicFillUninitializedMemory(false);
    context.setAllowTF32CuBLAS(false);
    context.setAllowTF32CuDNN(false);
    context.setBenchmarkCuDNN(false);
}

}  // namespace

const CudaState& openCuda(const std::string& path) {
    static std::once_flag once;
    std::call_once(once, [&] {
        g_state = opened(path);
        if (g_state.table) makeDeterministic();
    });
    return g_state;
}

const CudaState& cudaState() {
    return g_state;
}

void setRepeatable(bool exact) {
    if (g_state.table) at::globalContext().setDeterministicAlgorithms(exact, false);
}

void failLaunch(const char* operation, int error) {
    std::array<char, 256> text{};
    if (g_state.table) g_state.table->errorText(error, text.data(), text.size());
    throw EngineException(ErrorCode::DeviceError,
                          {{"device", "cuda"}, {"detail", fmt::format("{}: {}", operation, text.data())}});
}

bool hopperPaths() {
    static const bool allowed = [] {
        int capability = 0;
        return std::getenv("CARAVAN_GENERIC_GPU") == nullptr && g_state.table &&
               g_state.table->capability(0, &capability) == 0 && capability >= 90;
    }();
    return allowed;
}

const cuda::Table& cudaTable() {
    if (!g_state.table)
        throw EngineException(ErrorCode::DeviceUnavailable, {{"device", "cuda"}, {"detail", g_state.note}});
    return *g_state.table;
}

std::string cudaDeviceName(int device) {
    std::array<char, 256> name{};
    checkLaunch("device name", cudaTable().deviceName(device, name.data(), name.size()));
    return name.data();
}
std::string cudaBusId(int device) {
    std::array<char, 32> id{};
    return cudaTable().busId(device, id.data(), id.size()) == 0 ? id.data() : "";
}
cuda::DeviceMemory cudaMemory(int device) {
    cuda::DeviceMemory memory;
    checkLaunch("memory statistics", cudaTable().memory(device, &memory));
    return memory;
}
void resetCudaPeak(int device) {
    cudaTable().resetPeak(device);
}

}  // namespace caravan::engine::ops

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cuda/product.h"

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>

namespace caravan::engine::cuda {
namespace {

// The library that LibTorch has loaded.
struct Library {
    decltype(&cublasLtCreate) create = nullptr;
    decltype(&cublasLtMatmul) matmul = nullptr;
    decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
    decltype(&cublasLtMatmulAlgoConfigGetAttribute) config = nullptr;
    decltype(&cublasLtMatmulDescCreate) descCreate = nullptr;
    decltype(&cublasLtMatmulDescDestroy) descDestroy = nullptr;
    decltype(&cublasLtMatmulDescSetAttribute) descSet = nullptr;
    decltype(&cublasLtMatrixLayoutCreate) layoutCreate = nullptr;
    decltype(&cublasLtMatrixLayoutDestroy) layoutDestroy = nullptr;
    decltype(&cublasLtMatmulPreferenceCreate) preferenceCreate = nullptr;
    decltype(&cublasLtMatmulPreferenceDestroy) preferenceDestroy = nullptr;
    decltype(&cublasLtMatmulPreferenceSetAttribute) preferenceSet = nullptr;
    bool whole = false;

    Library() {
        void* handle = dlopen("libcublasLt.so.13", RTLD_NOW | RTLD_LOCAL);
        if (!handle) return;
        whole = true;
        const auto find = [&](auto& function, const char* name) {
            function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
            whole = whole && function;
        };
        find(create, "cublasLtCreate");
        find(matmul, "cublasLtMatmul");
        find(heuristic, "cublasLtMatmulAlgoGetHeuristic");
        find(config, "cublasLtMatmulAlgoConfigGetAttribute");
        find(descCreate, "cublasLtMatmulDescCreate");
        find(descDestroy, "cublasLtMatmulDescDestroy");
        find(descSet, "cublasLtMatmulDescSetAttribute");
        find(layoutCreate, "cublasLtMatrixLayoutCreate");
        find(layoutDestroy, "cublasLtMatrixLayoutDestroy");
        find(preferenceCreate, "cublasLtMatmulPreferenceCreate");
        find(preferenceDestroy, "cublasLtMatmulPreferenceDestroy");
        find(preferenceSet, "cublasLtMatmulPreferenceSetAttribute");
    }
};
const Library& library() {
    static const Library loaded;
    return loaded;
}

// Row-major y = x W is column-major y^T = W^T x^T: the weight stands first.
struct Operation {
    cublasLtMatmulDesc_t description = nullptr;
    cublasLtMatrixLayout_t weight = nullptr, x = nullptr, y = nullptr;
    cublasLtMatmulAlgo_t algorithm{};
};
using Key = std::tuple<int, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                       std::int64_t, bool, bool, std::size_t>;

constexpr int kOffered = 32;

int tileOf(const cublasLtMatmulAlgo_t& algorithm) {
    int tile = 0;
    std::size_t written = 0;
    library().config(&algorithm, CUBLASLT_ALGO_CONFIG_TILE_ID, &tile, sizeof tile, &written);
    return tile;
}

// Share of the card's blocks that have work when tiles of 128 columns by 160 rows are dealt out.
double shareAtWork(const Product& p, int device) {
    int processors = 1;
    cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
    const std::int64_t tiles = (p.outer + 127) / 128 * ((p.rows + 159) / 160),
                       waves = (tiles + processors - 1) / processors;
    return static_cast<double>(p.outer * p.rows) / (static_cast<double>(waves * processors) * 128.0 * 160.0);
}

// Measured with a sum to add to (beta 1), 16,384 rows: tiles of 128 x 160 are the fastest of those offered
// for all products of a 7B layer but the two wide forward ones (q|k|v, gate|up), where the library's first
// is: o 668 -> 727 TFLOP/s, down 664 -> 703, gradients of o 640 -> 711, gate|up 642 -> 712, down 673 -> 709.
// With 2,048 rows the library's first stays: 128 x 128 won for o where products alone were run (642 -> 730),
// but in a prompt's pass, whose clocks are higher, o takes 91 us with both and down 241 instead of 233.
std::size_t choose(const std::array<cublasLtMatmulHeuristicResult_t, kOffered>& offered, int count,
                   const Product& p, int device) {
    if ((p.transposed && p.outer > 2 * p.inner) || shareAtWork(p, device) < 0.96) return 0;
    for (int i = 0; i < count; ++i)
        if (tileOf(offered[static_cast<std::size_t>(i)].algo) == CUBLASLT_MATMUL_TILE_128x160)
            return static_cast<std::size_t>(i);
    return 0;
}

bool describe(const Product& p, Operation& o) {
    const Library& lt = library();
    const cublasOperation_t first = p.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    const auto rows = static_cast<std::uint64_t>(p.rows), inner = static_cast<std::uint64_t>(p.inner),
               outer = static_cast<std::uint64_t>(p.outer);
    return lt.descCreate(&o.description, CUBLAS_COMPUTE_32F, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS &&
           lt.descSet(o.description, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first) ==
               CUBLAS_STATUS_SUCCESS &&
           lt.layoutCreate(&o.weight, CUDA_R_16BF, p.transposed ? inner : outer, p.transposed ? outer : inner,
                           p.weightStride) == CUBLAS_STATUS_SUCCESS &&
           lt.layoutCreate(&o.x, CUDA_R_16BF, inner, rows, p.xStride) == CUBLAS_STATUS_SUCCESS &&
           lt.layoutCreate(&o.y, CUDA_R_16BF, outer, rows, p.yStride) == CUBLAS_STATUS_SUCCESS;
}

bool find(cublasLtHandle_t handle, int device, const Product& p, Operation& o) {
    const Library& lt = library();
    if (!describe(p, o)) return false;
    cublasLtMatmulPreference_t preference = nullptr;
    if (lt.preferenceCreate(&preference) != CUBLAS_STATUS_SUCCESS) return false;
    lt.preferenceSet(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &p.workspaceBytes,
                     sizeof p.workspaceBytes);
    std::array<cublasLtMatmulHeuristicResult_t, kOffered> offered{};
    int count = 0;
    const auto status = lt.heuristic(handle, o.description, o.weight, o.x, o.y, o.y, preference, kOffered,
                                     offered.data(), &count);
    lt.preferenceDestroy(preference);
    if (status != CUBLAS_STATUS_SUCCESS || count == 0) return false;
    o.algorithm = offered[choose(offered, count, p, device)].algo;
    return true;
}

void release(const Operation& o) {
    const Library& lt = library();
    if (o.description) lt.descDestroy(o.description);
    for (const auto layout : {o.weight, o.x, o.y})
        if (layout) lt.layoutDestroy(layout);
}

struct Context {
    cublasLtHandle_t handle = nullptr;
    std::map<Key, std::optional<Operation>> operations;
};

}  // namespace

int product(const Product& p, kernels::cuda::Stream stream) {
    static std::mutex mutex;
    static std::map<int, Context> contexts;  // per device, for the process
    if (!library().whole) return kNoProduct;
    int device = 0;
    if (const auto error = cudaGetDevice(&device)) return static_cast<int>(error);
    const std::lock_guard lock(mutex);
    Context& context = contexts[device];
    if (!context.handle && library().create(&context.handle) != CUBLAS_STATUS_SUCCESS) return kNoProduct;
    const Key key{device,         p.rows,    p.inner,      p.outer,     p.xStride,
                  p.weightStride, p.yStride, p.transposed, p.beta != 0, p.workspaceBytes};
    auto found = context.operations.find(key);
    if (found == context.operations.end()) {
        Operation operation;
        const bool there = find(context.handle, device, p, operation);
        if (!there) release(operation);
        found = context.operations.emplace(key, there ? std::optional(operation) : std::nullopt).first;
    }
    if (!found->second) return kNoProduct;
    const Operation& o = *found->second;
    const float one = 1;
    const auto status =
        library().matmul(context.handle, o.description, &one, p.weight, o.weight, p.x, o.x, &p.beta, p.y, o.y,
                         p.y, o.y, &o.algorithm, p.workspace, p.workspaceBytes, stream);
    return status == CUBLAS_STATUS_SUCCESS ? 0 : kNoProduct;
}

}  // namespace caravan::engine::cuda

#else

namespace caravan::engine::cuda {
int product(const Product&, kernels::cuda::Stream) {
    return kNoProduct;
}
}  // namespace caravan::engine::cuda

#endif

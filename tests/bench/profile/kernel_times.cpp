// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <cupti.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

// A library that CUDA loads into any program (gpu_profile.sh): at the program's end it prints what the device
// did per step, kernel by kernel, and how long it was at work, so that a step that waits for the host shows.
// A step ends with a kernel whose name holds PROFILE_MARK (default: AdamW's); of all steps the last 40 %
// count, without the very last two. PROFILE_FROM and PROFILE_TO choose others, PROFILE_LINES how many kernels
// are printed, PROFILE_OUT a file. The tool itself costs the host some microseconds a call: compare the time
// at work, not the step's.
namespace {

struct Operation {
    std::uint64_t begin, end;  // ns
    std::string name;
};
struct Call {
    std::uint64_t begin, end;
    std::uint32_t function;
};
struct Sum {
    double microseconds = 0;
    long count = 0;
};
using Sums = std::vector<std::pair<std::string, Sum>>;

std::mutex g_mutex;
std::vector<Operation> g_operations;
std::vector<Call> g_calls;

void giveBuffer(std::uint8_t** buffer, std::size_t* size, std::size_t* most) {
    *size = std::size_t{8} << 20;
    *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(8, *size));
    *most = 0;
}

void note(const CUpti_Activity* record) {
    switch (record->kind) {
        case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL: {
            const auto* kernel = reinterpret_cast<const CUpti_ActivityKernel10*>(record);
            g_operations.push_back({kernel->start, kernel->end, kernel->name ? kernel->name : "?"});
            break;
        }
        case CUPTI_ACTIVITY_KIND_MEMCPY: {
            const auto* copy = reinterpret_cast<const CUpti_ActivityMemcpy6*>(record);
            g_operations.push_back({copy->start, copy->end, "copy"});
            break;
        }
        case CUPTI_ACTIVITY_KIND_MEMSET: {
            const auto* fill = reinterpret_cast<const CUpti_ActivityMemset4*>(record);
            g_operations.push_back({fill->start, fill->end, "fill"});
            break;
        }
        case CUPTI_ACTIVITY_KIND_RUNTIME: {
            const auto* call = reinterpret_cast<const CUpti_ActivityAPI*>(record);
            g_calls.push_back({call->start, call->end, call->cbid});
            break;
        }
        default:
            break;
    }
}

void takeBuffer(CUcontext, std::uint32_t, std::uint8_t* buffer, std::size_t, std::size_t valid) {
    const std::lock_guard lock(g_mutex);
    CUpti_Activity* record = nullptr;
    while (cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS)
        note(record);
    std::free(buffer);
}

std::size_t number(const char* name, std::size_t otherwise) {
    const char* text = std::getenv(name);
    return text ? static_cast<std::size_t>(std::atoll(text)) : otherwise;
}

Sums byTime(const std::map<std::string, Sum>& sums) {
    Sums sorted(sums.begin(), sums.end());
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.second.microseconds > b.second.microseconds; });
    return sorted;
}

struct Window {
    std::uint64_t begin = 0, end = 0;
    double steps = 0;
    [[nodiscard]] bool holds(std::uint64_t from, std::uint64_t to) const {
        return from >= begin && to <= end;
    }
};

Window chooseWindow() {
    const char* mark = std::getenv("PROFILE_MARK");
    std::vector<std::uint64_t> ends;
    for (const Operation& operation : g_operations)
        if (operation.name.find(mark ? mark : "adamW") != std::string::npos) ends.push_back(operation.end);
    if (ends.size() < 4) return {};
    const std::size_t first = number("PROFILE_FROM", ends.size() * 6 / 10),
                      last = number("PROFILE_TO", ends.size() - 2);
    if (first >= last || last >= ends.size()) return {};
    return {ends[first], ends[last], static_cast<double>(last - first)};
}

void printOperations(std::FILE* out, const Window& window) {
    std::map<std::string, Sum> sums;
    double atWork = 0;
    long count = 0;
    std::uint64_t reached = window.begin;
    for (const Operation& operation : g_operations) {  // by their begin
        if (!window.holds(operation.begin, operation.end)) continue;
        Sum& sum = sums[operation.name];
        sum.microseconds += static_cast<double>(operation.end - operation.begin) * 1e-3;
        ++sum.count;
        ++count;
        if (operation.end <= reached) continue;
        atWork += static_cast<double>(operation.end - std::max(operation.begin, reached)) * 1e-6;
        reached = operation.end;
    }
    const double whole = static_cast<double>(window.end - window.begin) * 1e-6;
    std::fprintf(out,
                 "%.0f steps; of each: %.2f ms, %.0f operations of the device, at work %.2f ms = %.0f %%\n",
                 window.steps, whole / window.steps, static_cast<double>(count) / window.steps,
                 atWork / window.steps, 100 * atWork / whole);
    std::size_t left = number("PROFILE_LINES", 40);
    for (const auto& [name, sum] : byTime(sums)) {
        if (left-- == 0) break;
        std::fprintf(out, "  %9.1f us %7.1f x %8.2f  %.150s\n", sum.microseconds / window.steps,
                     static_cast<double>(sum.count) / window.steps,
                     sum.microseconds / static_cast<double>(sum.count), name.c_str());
    }
}

// The longest times in which the device had nothing to do, and between which operations.
void printWaits(std::FILE* out, const Window& window) {
    struct Wait {
        double microseconds = 0;
        const Operation *before, *after;
    };
    std::vector<Wait> waits;
    const Operation* last = nullptr;  // the one that ended latest
    for (const Operation& operation : g_operations) {
        if (!window.holds(operation.begin, operation.end)) continue;
        if (last && operation.begin > last->end)
            waits.push_back({static_cast<double>(operation.begin - last->end) * 1e-3, last, &operation});
        if (!last || operation.end > last->end) last = &operation;
    }
    std::sort(waits.begin(), waits.end(),
              [](const Wait& a, const Wait& b) { return a.microseconds > b.microseconds; });
    if (waits.size() > 12) waits.resize(12);
    for (const Wait& wait : waits)
        std::fprintf(out, "  idle %9.1f us after %.60s, before %.60s\n", wait.microseconds,
                     wait.before->name.c_str(), wait.after->name.c_str());
}

void printCalls(std::FILE* out, const Window& window) {
    std::map<std::string, Sum> sums;
    for (const Call& call : g_calls) {
        if (!window.holds(call.begin, call.end)) continue;
        const char* name = "?";
        cuptiGetCallbackName(CUPTI_CB_DOMAIN_RUNTIME_API, call.function, &name);
        Sum& sum = sums[name];
        sum.microseconds += static_cast<double>(call.end - call.begin) * 1e-3;
        ++sum.count;
    }
    std::size_t left = 8;
    for (const auto& [name, sum] : byTime(sums)) {
        if (left-- == 0) break;
        std::fprintf(out, "  %9.1f us %7.1f x %8.2f  %s\n", sum.microseconds / window.steps,
                     static_cast<double>(sum.count) / window.steps,
                     sum.microseconds / static_cast<double>(sum.count), name.c_str());
    }
}

void report() {
    static bool done = false;
    if (std::exchange(done, true)) return;
    cuptiActivityFlushAll(1);
    const std::lock_guard lock(g_mutex);
    std::sort(g_operations.begin(), g_operations.end(),
              [](const auto& a, const auto& b) { return a.begin < b.begin; });
    const char* path = std::getenv("PROFILE_OUT");
    std::FILE* out = path ? std::fopen(path, "a") : stderr;
    if (!out) return;
    const Window window = chooseWindow();
    if (window.steps > 0) {
        printOperations(out, window);
        printCalls(out, window);
        printWaits(out, window);
    } else {
        std::fprintf(out, "too few steps were seen\n");
    }
    if (path) std::fclose(out);
}

}  // namespace

// CUDA calls this when the program first uses it.
extern "C" int InitializeInjection() {
    cuptiActivityRegisterCallbacks(giveBuffer, takeBuffer);
    for (const CUpti_ActivityKind kind : {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL, CUPTI_ACTIVITY_KIND_MEMCPY,
                                          CUPTI_ACTIVITY_KIND_MEMSET, CUPTI_ACTIVITY_KIND_RUNTIME})
        cuptiActivityEnable(kind);
    std::atexit(report);
    return 1;
}

// The command line and the engine's process end without atexit.
extern "C" [[noreturn]] void _exit(int code) {
    report();
    ::syscall(SYS_exit_group, code);
    __builtin_unreachable();
}

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/error_mapping.h"

#include <c10/util/Exception.h>

#include <cctype>
#include <new>

#include "engine/session/host_status.h"

namespace caravan::engine {
namespace {

constexpr const char* kRemedy =
    "Make tune.micro_batch_tokens or tune.sequence_length smaller, use nf4, or close other programs.";

// "... you tried to allocate 12345 bytes", "Tried to allocate 2.00 GiB", "of which 1.00 MiB is free": the
// number behind the word in bytes, or "".
std::string bytesAfter(const std::string& text, const std::string& word) {
    const auto at = text.find(word);
    if (at == std::string::npos) return {};
    try {
        std::size_t used = 0;
        const std::string rest = text.substr(at + word.size());
        double value = std::stod(rest, &used);
        const std::string unit = rest.substr(std::min(rest.size(), used + 1), 3);
        if (unit == "KiB") value *= 1024;
        if (unit == "MiB") value *= 1024 * 1024;
        if (unit == "GiB") value *= 1024.0 * 1024 * 1024;
        return std::to_string(static_cast<std::int64_t>(value));
    } catch (const std::exception&) {
        return {};
    }
}

Error memoryShort(const std::string& text) {
    // A GPU tells its own free memory, the CPU's allocator does not.
    std::string available = bytesAfter(text, "of which ");
    if (available.empty()) available = std::to_string(hostMemory().available);
    return {
        ErrorCode::MemoryShort,
        {{"needed", bytesAfter(text, "ried to allocate ")}, {"available", available}, {"remedy", kRemedy}}};
}

std::string firstLine(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

}  // namespace

Error errorFrom(const std::exception& exception) {
    if (const auto* own = dynamic_cast<const EngineException*>(&exception)) return own->error();
    if (dynamic_cast<const std::bad_alloc*>(&exception)) return memoryShort("");
    if (const auto* torch = dynamic_cast<const c10::Error*>(&exception)) {
        const std::string text = torch->what_without_backtrace();
        if (dynamic_cast<const c10::OutOfMemoryError*>(torch) ||
            text.find("ried to allocate") != std::string::npos)
            return memoryShort(text);
        const bool cuda = text.find("CUDA") != std::string::npos || text.find("cuda") != std::string::npos;
        return {ErrorCode::DeviceError, {{"device", cuda ? "cuda" : "cpu"}, {"detail", firstLine(text)}}};
    }
    return {ErrorCode::Internal, {{"detail", firstLine(exception.what())}}};
}

}  // namespace caravan::engine

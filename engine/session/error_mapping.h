// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <exception>

#include "engine/api/result.h"

namespace caravan::engine {

// Any exception of the engine as an error value: EngineException as it is; memory that is short, with numbers
// (MemoryShort); LibTorch's own errors without their stack traces (DeviceError); everything else is a bug
// (Internal).
[[nodiscard]] Error errorFrom(const std::exception& exception);
// The disk is full or broken: what was to be written is not there, what is in memory is.
[[nodiscard]] inline bool isDiskError(const Error& error) {
    return error.code == ErrorCode::WriteFailed || error.code == ErrorCode::DiskShort;
}

// Runs f; exceptions become errors.
template <class F>
auto guarded(F&& f) -> Result<decltype(f())> {
    try {
        if constexpr (std::is_void_v<decltype(f())>) {
            f();
            return {};
        } else {
            return f();
        }
    } catch (const std::exception& exception) {
        return tl::unexpected(errorFrom(exception));
    }
}

}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "engine/api/result.h"

namespace caravan::projects {

// Writes beside, syncs, renames. Throws engine::EngineException.
void writeAtomically(const std::filesystem::path& file, std::string_view text);
// One write() at the end; sync: fdatasync after it.
void appendLine(const std::filesystem::path& file, std::string_view line, bool sync);
// At most limit bytes, else FileTooLarge.
[[nodiscard]] std::string readWhole(const std::filesystem::path& file, std::int64_t limit);

// Result of a function that may throw EngineException.
template <class F>
auto attempt(F f) -> engine::Result<decltype(f())> {
    try {
        if constexpr (std::is_void_v<decltype(f())>) {
            f();
            return {};
        } else {
            return f();
        }
    } catch (const engine::EngineException& e) {
        return tl::unexpected(e.error());
    } catch (const std::filesystem::filesystem_error& e) {
        return engine::fail(engine::ErrorCode::FileUnreadable,
                            {{"file", e.path1().string()}, {"detail", e.code().message()}});
    } catch (const std::exception& e) {
        return engine::fail(engine::ErrorCode::Internal, {{"detail", e.what()}});
    }
}

}  // namespace caravan::projects

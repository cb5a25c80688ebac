// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace caravan::engine {

// What went wrong. An error is a code with parameters and carries no prose: error_text.h words it.
// The exit code of the command line follows from the code (exitCode()).
enum class ErrorCode : std::uint16_t {
    // 1 failed while running
    Failed,             // detail
    EngineGone,         // detail
    NotANumber,         // step
    LossDiverged,       // step, loss, before
    RunBusy,            // run
    Unsupported,        // what, detail
    DeviceUnavailable,  // device, detail
    DeviceError,        // device, detail
    // 2 wrong usage
    BadOption,      // key, value, range
    UnknownKey,     // key, nearest
    MissingOption,  // key
    NotFound,       // what, name
    AlreadyExists,  // path
    // 3 an input file is bad
    FileMissing,        // file
    FileUnreadable,     // file, detail
    FileBad,            // file, place, detail
    FileTooLarge,       // file, place, bytes, limit
    ModelUnsupported,   // file, detail, supported
    RowBad,             // file, line, detail
    CheckpointDamaged,  // path, detail
    // 4 not enough memory or disk
    MemoryShort,  // needed, available, remedy
    DiskShort,    // path, needed, available
    WriteFailed,  // path, bytes, detail
    // 5 interrupted, state saved
    Interrupted,  // run, step
    // 70 a bug in Caravan
    Internal,  // detail
};

// A value: code plus named parameters, e.g. {"place", "key rope_scaling.factor"}.
struct Error {
    ErrorCode code = ErrorCode::Internal;
    std::vector<std::pair<std::string, std::string>> parameters;

    [[nodiscard]] std::string_view parameter(std::string_view name) const {
        for (const auto& [key, value] : parameters)
            if (key == name) return value;
        return {};
    }
    friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = tl::expected<T, Error>;

using Parameters = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, Parameters parameters) {
    return tl::unexpected<Error>(Error{code, std::move(parameters)});
}

// Inside the engine errors travel as this one exception family; Result<T> at its edge (see guarded()).
class EngineException : public std::exception {
  public:
    explicit EngineException(Error error) : m_error(std::move(error)) {}
    EngineException(ErrorCode code, Parameters parameters) : m_error{code, std::move(parameters)} {}
    [[nodiscard]] const Error& error() const { return m_error; }
    [[nodiscard]] const char* what() const noexcept override { return "caravan engine error"; }

  private:
    Error m_error;
};

// Value of a Result, or the exception; for use inside the engine.
template <class T>
T unwrap(Result<T> result) {
    if (!result) throw EngineException(std::move(result.error()));
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace caravan::engine

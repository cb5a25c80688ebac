// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "engine/api/result.h"

namespace caravan::engine {

// English wording of an error. Qt code translates the templates; {name} stands for a parameter.
struct ErrorText {
    std::string what;   // one sentence: what happened
    std::string where;  // file, line, tensor, option; may be empty
    std::string why;    // the technical reason; may be empty
    std::string todo;   // what to do next
};

struct ErrorTemplate {
    const char* name;  // stable, for JSON: "file_bad"
    int exitCode;      // cli.md: 1, 2, 3, 4, 5, 70
    const char* what;
    const char* where;
    const char* why;
    const char* todo;
};

[[nodiscard]] const ErrorTemplate& errorTemplate(ErrorCode code);
[[nodiscard]] ErrorText describe(const Error& error);
[[nodiscard]] int exitCode(const Error& error);
// One to three lines for stderr: "what (where): why. todo".
[[nodiscard]] std::string errorLines(const Error& error);

}  // namespace caravan::engine

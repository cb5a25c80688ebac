// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace caravan::engine::jinja {

enum class TokenKind {
    Data,
    OutputBegin,
    OutputEnd,
    BlockBegin,
    BlockEnd,
    Name,
    String,
    Integer,
    Float,
    Sign,
    End
};

struct Token {
    TokenKind kind = TokenKind::End;
    std::string text;  // data, name, string value, sign
    std::int64_t integer = 0;
    double real = 0;
    int line = 1;
};

// Tokens of a template with trim_blocks and lstrip_blocks, the last one End. Throws Failure
// (TemplateSyntaxError).
[[nodiscard]] std::vector<Token> tokenize(std::string_view source);

}  // namespace caravan::engine::jinja

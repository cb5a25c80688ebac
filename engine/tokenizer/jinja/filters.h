// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>

#include "engine/tokenizer/jinja/interpreter.h"

namespace caravan::engine::jinja {

using Filter = Value (*)(Interpreter&, const Value&, const Arguments&);
using FilterTable = std::map<std::string, Filter>;

void addTextFilters(FilterTable& table);
void addNumberFilters(FilterTable& table);
void addSequenceFilters(FilterTable& table);

// value.a.b.0, or the default where a part is missing.
[[nodiscard]] Value attributePath(Interpreter& interpreter, const Value& value, const Value& path);
[[nodiscard]] std::int64_t wholeOf(const Value& value, std::int64_t fallback);

}  // namespace caravan::engine::jinja

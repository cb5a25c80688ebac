// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace caravan::engine {

// A stretch of a text that a pattern matched, or that lies between two matches.
struct Stretch {
    std::size_t begin = 0, end = 0;
    bool matched = false;
};

// What becomes of matches when a text is cut at them (the names of tokenizer.json).
enum class SplitBehavior { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous };
[[nodiscard]] SplitBehavior splitBehavior(const std::string& name, const std::string& place);

// A regular expression in the syntax of tokenizer.json (Oniguruma's Ruby syntax), run by PCRE2 with UTF and
// Unicode properties. Immutable; any thread may match at once.
class Pattern {
  public:
    // Throws EngineException (FileBad with the place) when it cannot be compiled.
    [[nodiscard]] static Pattern regex(const std::string& expression, const std::string& place);
    [[nodiscard]] static Pattern literal(std::string text);
    // {"String": s} or {"Regex": s}.
    [[nodiscard]] static Pattern fromJson(const nlohmann::json& json, const std::string& place);

    // Covers the text without gaps; text must be valid UTF-8. Throws EngineException (FileBad) past the step
    // limit.
    [[nodiscard]] std::vector<Stretch> find(std::string_view text) const;
    [[nodiscard]] std::string replaced(std::string_view text, std::string_view with) const;

  private:
    struct Code;
    std::shared_ptr<const Code> m_code;  // null: literal
    std::string m_literal;
};

// Every character for which is() holds is a match of its own.
[[nodiscard]] std::vector<Stretch> findCharacters(std::string_view text,
                                                  const std::function<bool(char32_t)>& is);
// Pieces of text (empty ones left out).
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, std::vector<Stretch> stretches,
                                                  SplitBehavior behavior);

}  // namespace caravan::engine

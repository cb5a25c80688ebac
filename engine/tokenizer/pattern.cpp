// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "engine/api/result.h"
#include "engine/tokenizer/pattern_translation.h"
#include "engine/tokenizer/reference_unicode.h"
#include "engine/tokenizer/text_tools.h"
#include "engine/tokenizer/tokenizer_fields.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

constexpr std::size_t kMaxExpression = 64 << 10;   // bytes of one pattern
constexpr std::uint32_t kMatchLimit = 20'000'000;  // PCRE2's steps for one match
constexpr std::uint32_t kHeapLimitKilobytes = 256 << 10;

std::string pcreMessage(int code) {
    PCRE2_UCHAR buffer[256] = {};
    pcre2_get_error_message(code, buffer, sizeof buffer);
    return reinterpret_cast<const char*>(buffer);
}

// Match data, limits and a stack for compiled patterns; one per thread, as PCRE2 asks.
class MatchState {
  public:
    MatchState() {
        pcre2_set_match_limit(m_context, kMatchLimit);
        pcre2_set_heap_limit(m_context, kHeapLimitKilobytes);
        pcre2_jit_stack_assign(m_context, nullptr, m_stack);
    }
    MatchState(const MatchState&) = delete;
    MatchState& operator=(const MatchState&) = delete;
    ~MatchState() {
        pcre2_match_data_free(m_data);
        pcre2_match_context_free(m_context);
        pcre2_jit_stack_free(m_stack);
    }
    // begin and end of the next match from `from`, or false. text is valid UTF-8.
    bool match(const pcre2_code* code, std::string_view text, std::size_t from, std::size_t& begin,
               std::size_t& end) {
        const auto* bytes = reinterpret_cast<PCRE2_SPTR>(text.data());
        int rc = pcre2_match(code, bytes, text.size(), from, PCRE2_NO_UTF_CHECK, m_data, m_context);
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
            rc = pcre2_match(code, bytes, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, m_data,
                             m_context);
        if (rc == PCRE2_ERROR_NOMATCH) return false;
        if (rc < 0)
            refuseTokenizer("pre_tokenizer",
                            "the pattern could not be run on a text (" + pcreMessage(rc) + ")");
        const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(m_data);
        begin = offsets[0];
        end = offsets[1];
        return true;
    }

  private:
    pcre2_match_data* m_data = pcre2_match_data_create(1, nullptr);
    pcre2_match_context* m_context = pcre2_match_context_create(nullptr);
    pcre2_jit_stack* m_stack = pcre2_jit_stack_create(32 << 10, 8 << 20, nullptr);
};

}  // namespace

struct Pattern::Code {
    explicit Code(pcre2_code* compiled) : code(compiled) {}
    Code(const Code&) = delete;
    Code& operator=(const Code&) = delete;
    ~Code() { pcre2_code_free(code); }
    pcre2_code* code;
};

SplitBehavior splitBehavior(const std::string& name, const std::string& place) {
    if (name == "Removed") return SplitBehavior::Removed;
    if (name == "Isolated") return SplitBehavior::Isolated;
    if (name == "MergedWithPrevious") return SplitBehavior::MergedWithPrevious;
    if (name == "MergedWithNext") return SplitBehavior::MergedWithNext;
    if (name == "Contiguous") return SplitBehavior::Contiguous;
    refuseType(place, name);
}

Pattern Pattern::regex(const std::string& expression, const std::string& place) {
    if (expression.size() > kMaxExpression) refuseTokenizer(place, "the pattern is longer than 64 KiB");
    const std::string translated = translatePattern(expression);
    int error = 0;
    PCRE2_SIZE offset = 0;
    std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
        pcre2_compile_context_create(nullptr), &pcre2_compile_context_free);
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(context.get(), 100);
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                     PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                                     &error, &offset, context.get());
    if (!code) refuseTokenizer(place, "the pattern is not valid (" + pcreMessage(error) + ")");
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where it cannot, the interpreter runs
    Pattern pattern;
    pattern.m_code = std::make_shared<const Code>(code);
    return pattern;
}

Pattern Pattern::literal(std::string text) {
    Pattern pattern;
    pattern.m_literal = std::move(text);
    return pattern;
}

Pattern Pattern::fromJson(const nlohmann::json& json, const std::string& place) {
    const TokenizerFields fields(json, place);
    if (fields.has("String")) return literal(fields.text("String"));
    return regex(fields.text("Regex"), fields.place("Regex"));
}

std::vector<Stretch> Pattern::find(std::string_view text) const {
    thread_local MatchState state;
    std::vector<Stretch> found;
    std::optional<std::string> standIns;
    if (m_code) standIns = reference::withStandIns(text);
    if (standIns) text = *standIns;  // as long, byte by byte: places are the same
    std::size_t previous = 0, from = 0, begin = 0, end = 0;
    std::size_t lastMatchEnd = std::string_view::npos;
    while (from <= text.size() && !text.empty()) {
        if (m_code) {
            if (!state.match(m_code->code, text, from, begin, end)) break;
        } else {
            begin = m_literal.empty() ? std::string_view::npos : text.find(m_literal, from);
            if (begin == std::string_view::npos) break;
            end = begin + m_literal.size();
        }
        if (begin == end && end == lastMatchEnd) {  // an empty match right behind the last one
            from += from < text.size() ? utf8::next(text.substr(from)).length : 1;
            continue;
        }
        if (previous != begin) found.push_back({previous, begin, false});
        found.push_back({begin, end, true});
        previous = from = lastMatchEnd = end;
    }
    if (previous != text.size()) found.push_back({previous, text.size(), false});
    return found;
}

std::string Pattern::replaced(std::string_view text, std::string_view with) const {
    if (!m_code) return replaceAll(text, m_literal, with);
    std::string out;
    for (const Stretch& s : find(text))
        out.append(s.matched ? with : text.substr(s.begin, s.end - s.begin));
    return out;
}

std::vector<Stretch> findCharacters(std::string_view text, const std::function<bool(char32_t)>& is) {
    std::vector<Stretch> found;
    std::size_t previous = 0;
    for (std::size_t i = 0; i < text.size();) {
        const utf8::Sequence c = utf8::next(text.substr(i));
        if (is(c.code)) {
            if (previous != i) found.push_back({previous, i, false});
            found.push_back({i, i + c.length, true});
            previous = i + c.length;
        }
        i += c.length;
    }
    if (previous != text.size()) found.push_back({previous, text.size(), false});
    return found;
}

namespace {

// Joins stretches in reading order; `joins(current, previousMatched)` says whether one is glued to the one
// before it.
template <class Joins>
std::vector<Stretch> glued(const std::vector<Stretch>& stretches, Joins joins) {
    std::vector<Stretch> out;
    bool previousMatched = false;
    for (const Stretch& s : stretches) {
        if (joins(s.matched, previousMatched) && !out.empty()) {
            out.back().begin = std::min(out.back().begin, s.begin);
            out.back().end = std::max(out.back().end, s.end);
        } else {
            out.push_back(s);
        }
        previousMatched = s.matched;
    }
    return out;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, std::vector<Stretch> stretches,
                                    SplitBehavior behavior) {
    const auto endOfRun = [](bool matched, bool previous) { return matched && !previous; };
    if (behavior == SplitBehavior::Removed)
        std::erase_if(stretches, [](const Stretch& s) { return s.matched; });
    else if (behavior == SplitBehavior::Contiguous)
        stretches = glued(stretches, [](bool matched, bool previous) { return matched == previous; });
    else if (behavior == SplitBehavior::MergedWithPrevious)
        stretches = glued(stretches, endOfRun);
    else if (behavior == SplitBehavior::MergedWithNext) {
        std::reverse(stretches.begin(), stretches.end());
        stretches = glued(stretches, endOfRun);
        std::reverse(stretches.begin(), stretches.end());
    }
    std::vector<std::string_view> pieces;
    pieces.reserve(stretches.size());
    for (const Stretch& s : stretches)
        if (s.end > s.begin) pieces.push_back(text.substr(s.begin, s.end - s.begin));
    return pieces;
}

}  // namespace caravan::engine

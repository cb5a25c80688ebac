// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Chat templates that fail, never end or write something else: each ends in time, with words and its line.

#include "engine/tokenizer/chat_template.h"
#include "tests/engine/data/data_fixtures.h"

namespace caravan::engine {
namespace {

struct BadTemplate {
    const char* name;
    std::string source;
    std::string said;  // part of what is told
};

// They fail where they stand: in the third line here.
std::vector<BadTemplate> badLines() {
    return {
        {"unclosed", "{% for m in messages %}", "a block is still open, looking for 'endfor'"},
        {"crossed", "{% if x %}{% for m in messages %}{% endif %}{% endfor %}", "unknown tag 'endif'"},
        {"unknown-tag", "{% do messages %}", "unknown tag 'do'"},
        {"no-such-filter", "{{ messages | explode }}", "No filter named 'explode'"},
        {"no-such-test", "{{ messages is odder }}", "No test named 'odder'"},
        {"undefined", "{{ nothing.at.all }}", "'nothing' is undefined"},
        {"missing-key", "{{ messages[0].nothing.at }}", "has no attribute 'nothing'"},
        {"of-none", "{{ none.x.y }}", "'None' has no attribute 'x'"},
        {"past-the-end", "{{ messages[99].role }}", "has no element 99"},
        {"raises", "{{ raise_exception('not for me') }}", "not for me"},
        {"raises-in-a-macro", "{% macro f() %}{{ raise_exception('deep') }}{% endmacro %}{{ f() }}", "deep"},
        {"attack", "{{ messages.__class__.__mro__ }}", "unsafe"},
        {"changes", "{{ messages.append(1) }}", "unsafe"},
        {"type-error", "{{ 1 + messages }}", "unsupported operand"},
        {"compares", "{{ 1 < 'a' }}", "not supported between instances of 'int' and 'str'"},
        {"division", "{{ 1 / 0 }}", "division by zero"},
        {"not-callable", "{{ messages() }}", "'list' object is not callable"},
        {"no-such-method", "{{ 'a'.explode() }}", "has no attribute 'explode'"},
        {"unpacks", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "too many values to unpack"},
        {"not-iterable", "{% for a in 5 %}{% endfor %}", "'int' object is not iterable"},
        {"no-length", "{{ 5 | length }}", "has no len()"},
        {"sets-no-namespace", "{% set d = {} %}{% set d.x = 1 %}", "non-namespace"},
        {"break-outside", "{% break %}", "outside loop"},
        {"assigns-a-constant", "{% set true = 1 %}", "can't assign"},
        {"open-bracket", "{{ (1 }}", ")"},
        {"stray-bracket", "{{ 1) }}", "unexpected ')'"},
        {"open-string", "{{ 'abc }}", "unexpected char"},
        {"stray-sign", "{{ $ }}", "unexpected char '$'"},
        {"nothing-to-show", "{{ }}", "xpected"},
        {"lone-surrogate", "{{ '\\ud800' }}", "not a character"},
        {"open-comment", "{# never", "end of comment"},
        {"open-raw", "{% raw %} never", "raw"},
        {"huge-number", "{{ 99999999999999999999 }}", "too large"},
        {"huge-range", "{{ range(1000000000) }}", "Range too big"},
        {"huge-text", "{{ 'x' * 999999999999 }}", "16 MiB"},
        {"huge-format", "{{ '%999999999d' % 1 }}", "16 MiB"},
        {"huge-brace-format", "{% set s = '{:99999}' * 300 %}{{ (s ~ s ~ s).format(*range(900)) }}", ""},
        {"huge-replacement", "{{ ('a' * 1000000) | replace('a', 'b' * 1000000) }}", "16 MiB"},
        {"endless", "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
         "too many steps"},
        {"grows",
         "{% set n = namespace(x='xxxxxxxxxxxxxxxx') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% "
         "endfor "
         "%}{{ n.x }}",
         "16 MiB"},
        {"recursive", "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", "recursion depth"},
        {"recursive-loop", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "recursion depth"},
        {"nests", "{% set n = namespace(l=[1]) %}{% for i in range(99) %}{% set n.l = [n.l] %}{% endfor %}",
         "nested too deeply"},
        {"holds-itself", "{% set n = namespace() %}{% set n.me = n %}{{ n }}", "nested too deeply"},
        {"many-brackets", "{{ " + std::string(3000, '(') + "1" + std::string(3000, ')') + " }}",
         "nested too deeply"},
        {"many-blocks",
         [] {
             std::string blocks;
             for (int i = 0; i < 3000; ++i)
                 blocks += "{% if 1 %}";
             return blocks;
         }(),
         "nested too deeply"},
    };
}

// They write something, but not the conversation: nobody could tell which tokens to train.
std::vector<BadTemplate> badForms() {
    return {
        {"not-utf8", "\xFF{{ 1 }}", "UTF-8"},
        {"too-long", "{{ '" + std::string(2u << 20, 'x') + "' }}", ""},
        {"forgets-answers", "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}", ""},
        {"shouts", "{% for m in messages %}{{ m.role + m.content | upper }}{% endfor %}", ""},
        {"last-only", "{{ messages[-1].content }}", ""},
        {"other-prompt",
         "{{ 'chat' if add_generation_prompt else 'tune' }}{% for m in messages %}{{ m.content }}{% endfor "
         "%}",
         ""},
        {"empty-text", "{{ '' }}", ""},
        {"constant", "hello", ""},
        {"reversed", "{% for m in messages | reverse %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}",
         ""},
        {"plain-parentheses", std::string(3000, '(') + std::string(3000, ')'), ""},
    };
}

Error refused(const BadTemplate& bad, const std::string& head) {
    static const auto tokenizer = test::baseTokenizer();
    const std::vector<ChatMessage> messages{
        {"user", "q"}, {"assistant", "a"}, {"user", "r"}, {"assistant", "b"}};
    const auto made =
        ChatTemplate::fromSource(head + bad.source, bad.name).encodeMasked(*tokenizer, messages);
    EXPECT_FALSE(made) << bad.name;
    return made ? Error{} : made.error();
}

TEST(HostileTemplates, EachSaysWhatIsWrongInWhichLine) {
    for (const BadTemplate& bad : badLines()) {
        const Error error = refused(bad, "{# one #}\n{% set two = 2 %}\n");
        EXPECT_EQ(error.parameter("place"), "line 3") << bad.name << ": " << errorLines(error);
        EXPECT_EQ(error.parameter("file"), bad.name);
        EXPECT_NE(std::string(error.parameter("detail")).find(bad.said), std::string::npos)
            << bad.name << ": " << errorLines(error);
        EXPECT_FALSE(std::string(error.parameter("detail")).empty()) << bad.name;
    }
}

TEST(HostileTemplates, FormsWithoutTheConversationAreRefused) {
    for (const BadTemplate& bad : badForms()) {
        const Error error = refused(bad, "");
        const std::string told =
            std::string(error.parameter("detail")) + std::string(error.parameter("limit"));
        EXPECT_FALSE(told.empty()) << bad.name;
        EXPECT_NE(errorLines(error).find(bad.said), std::string::npos)
            << bad.name << ": " << errorLines(error);
    }
}

}  // namespace
}  // namespace caravan::engine

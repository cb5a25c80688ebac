// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Parts of the template language that few chat templates use. What is expected is what jinja2 3.1.6 printed
// in the setting of transformers 5.23.

#include <gtest/gtest.h>

#include "engine/tokenizer/chat_template.h"

namespace caravan::engine {
namespace {

struct Case {
    const char *source, *text;  // text of an error: "kind: message"
};

std::string rendered(const std::string& source) {
    const auto messages = nlohmann::ordered_json::parse(
        R"([{"role":"system","content":"S"},{"role":"user","content":"U"},{"role":"assistant","content":"A"},{"role":"user","content":"V"}])");
    const auto result = renderChatTemplate(source, messages, {.bos = "<s>", .eos = "</s>"});
    return result ? result->text
                  : std::string(result.error().parameter("kind")) + ": " +
                        std::string(result.error().parameter("detail"));
}

void expectAll(std::initializer_list<Case> cases) {
    for (const Case& c : cases)
        EXPECT_EQ(rendered(c.source), c.text) << c.source;
}

TEST(Jinja, LoopsKnowTheirDepthAndWhatChanged) {
    expectAll({
        {"{% for item in [1,[2,[3]]] recursive %}{% if item is iterable %}({{ loop(item) }}){% else %}{{ "
         "item "
         "}}{% endif %}{% endfor %}",
         "1(2(3))"},
        {"{% for n in [{'n':1,'c':[{'n':2,'c':[]}]}] recursive %}{{ loop.depth }}{{ n.n }}{{ loop(n.c) }}{% "
         "endfor %}",
         "1122"},
        {"{% for i in [1] %}{{ loop([2]) }}{% endfor %}",
         "TypeError: The loop must have the 'recursive' marker to be called recursively."},
        {"{% for m in messages %}{% if loop.changed(m.role) %}*{% endif %}{{ m.role }} {% endfor %}",
         "*system *user *assistant *user "},
        {"{% for a, (b, c) in [(1,(2,3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "123"},
        {"{% for m in messages %}{{ loop }}{% break %}{% endfor %}", "<LoopContext 1/4>"},
    });
    // One that never ends is stopped.
    EXPECT_NE(rendered("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}").find("RecursionError"),
              std::string::npos);
}

TEST(Jinja, GeneratorsGiveTheirValuesOnce) {
    expectAll({
        {"{% set it = messages | map(attribute='role') %}{{ it | list | length }}{{ it | list | length }}",
         "40"},
        {"{% set it = messages | selectattr('role', 'eq', 'user') %}{{ (it | first).content }}{{ it | list | "
         "length }}",
         "U1"},
        {"{{ (messages | selectattr('role', 'eq', 'user'))[0] }}|", "|"},
        {"{{ 'user' in (messages | map(attribute='role')) }}", "True"},
        {"{{ messages | map(attribute='role') | last }}", "TypeError: 'generator' object is not reversible"},
        {"{{ messages | map(attribute='role') | reverse }}", "['user', 'assistant', 'user', 'system']"},
    });
}

TEST(Jinja, GroupsSortKeysAndAttributes) {
    expectAll({
        {"{% for g in messages | groupby('role') %}{{ g.grouper }}={{ g.list | length }};{% endfor %}",
         "assistant=1;system=1;user=2;"},
        {"{{ messages | groupby('nothing', default='d') | map(attribute='grouper') | list }}", "['d']"},
        {"{{ messages | sort(attribute='role,content') | map(attribute='content') | join }}", "ASUV"},
        {"{{ messages[0] | attr('role') }}|{{ 'x' | attr('upper') is defined }}", "|True"},
        {"{{ [1,2] | tojson(indent='\\t') }}", "[\n\t1,\n\t2\n]"},
        {"{{ {'a': 'b c'} | urlencode }}{{ 'a b&c' | urlencode }}", "a=b+ca%20b%26c"},
        {"{{ 5[1:] }}{{ none[1:] }}|", "|"},
        {"{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ "
         "c.reset() "
         "}}{{ c.current }}",
         "ababNonea"},
    });
}

TEST(Jinja, BlocksHaveTheirOwnNames) {
    expectAll({
        {"{% generation %}{% set a = 1 %}{{ a }}{% endgeneration %}{{ a }}", "1"},
        {"{% for i in [1] %}{% block a %}{{ i }}{% endblock %}{% block b scoped %}{{ i }}{% endblock %}{% "
         "endfor "
         "%}",
         "1"},
        {"{% set q = 1 %}{% block a %}{{ q }}{% endblock %}", "1"},
    });
}

TEST(Jinja, MethodsOfStrings) {
    expectAll({
        {"{{ 'abcabc'.find('a', 1) }} {{ 'abcabc'.find('c', 0, 2) }} {{ 'aXbX'.count('X', 2) }} {{ "
         "'aXbX'.rfind('X', 0, 3) }} {{ 'abc'.find('', 9) }}",
         "3 -1 1 1 -1"},
        {"{{ 'stra\xC3\x9F"
         "e'.casefold() }}{{ 'Ab Cd'.istitle() }}{{ 'ab'.istitle() }}{{ 'a1'.isidentifier() }}{{ "
         "'1a'.isidentifier() }}{{ '\xC3\xA9'.isascii() }}",
         "strasseTrueFalseTrueFalseFalse"},
        {"{{ 'a\\nb\\r\\nc'.splitlines(true) }}{{ 'a\\tb'.expandtabs(4) }}", "['a\\n', 'b\\r\\n', 'c']a   b"},
    });
}

TEST(Jinja, FormatsOfNumbersAndTexts) {
    expectAll({
        {"{{ '{:>5}|{:<4}|{:^5}|{:*^5}|{:05d}|{:.2f}|{:,}|{:+d}|{:x}|{:#x}|{:b}|{:.1%}'.format('a', 'b', "
         "'c', "
         "'d', 42, 3.14159, 1234567, 5, 255, 255, 5, 0.256) }}",
         "    a|b   |  c  |**d**|00042|3.14|1,234,567|+5|ff|0xff|101|25.6%"},
        {"{{ '{!r}{0[a]}'.format({'a': 1}) }}", "{'a': 1}1"},
        {"{{ '{!r}'.format('a') }}{{ '{0[a]}'.format({'a': 1}) }}{{ '{{}}'.format() }}{{ "
         "'{:.2}'.format('abc') "
         "}}{{ '{:-^7}'.format(-5) }}{{ '{:07.2f}'.format(-3.14159) }}",
         "'a'1{}ab---5----003.14"},
        {"{{ '{:5}|{:<5}|{:5.1f}|{!s:>4}|{:g}|{:=+5d}'.format(3, true, 2.25, 'x', 1e-7, 3) }}",
         "    3|1    |  2.2|   x|1e-07|+   3"},
        {"{{ '{:>5}'.format(none) }}", "TypeError: unsupported format string passed to NoneType.__format__"},
        {"{{ '{:d}'.format('x') }}", "ValueError: Unknown format code 'd' for object of type 'str'"},
        {"{{ '{}'.format() }}", "IndexError: tuple index out of range"},
        {"{{ '}'.format() }}", "ValueError: Single '}' encountered in format string"},
        {"{{ '%03d' % -5 }} {{ '%#x' % 255 }} {{ '%+d' % 3 }}|{{ '%-5d|' % 3 }}{{ '%05s' % 'a' }}{{ '% d' % "
         "5 }}{{ "
         "'%#o' % 8 }}{{ '%08.3f' % -3.14159 }}{{ '%#06x' % 255 }}",
         "-05 0xff +3|3    |    a 50o10-003.1420x00ff"},
    });
}

}  // namespace
}  // namespace caravan::engine

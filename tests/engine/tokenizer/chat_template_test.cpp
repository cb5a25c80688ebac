// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/chat_template.h"

#include "tests/engine/tokenizer/tokenizer_fixtures.h"

namespace caravan::engine {
namespace {

using nlohmann::ordered_json;

ordered_json hello() {
    return ordered_json::parse(R"([{"role":"user","content":"Hello"}])");
}

std::string rendered(const std::string& source) {
    const auto result = renderChatTemplate(source, hello(), {.bos = "<s>", .eos = "</s>"});
    return result ? result->text
                  : std::string(result.error().parameter("kind")) + ": " +
                        std::string(result.error().parameter("detail"));
}

TEST(ChatTemplate, EveryReferenceRendering) {
    const auto lines = test::readLines(test::tokenizerData("chat_templates.jsonl"));
    ASSERT_EQ(lines.size(), 192u);
    for (const std::string& line : lines) {
        const auto row = ordered_json::parse(line);
        const std::string name =
            row["template_name"].get<std::string>() + ", " + row["conversation"].get<std::string>();
        const auto result =
            renderChatTemplate(row["template"].get<std::string>(), row["messages"],
                               {.addGenerationPrompt = row["add_generation_prompt"].get<bool>(),
                                .bos = row["bos_token"].get<std::string>(),
                                .eos = row["eos_token"].get<std::string>()});
        if (row.contains("error")) {
            ASSERT_FALSE(result) << name;
            EXPECT_EQ(result.error().parameter("kind"), row["error"].get<std::string>()) << name;
            EXPECT_EQ(result.error().parameter("detail"), row["message"].get<std::string>()) << name;
        } else {
            ASSERT_TRUE(result) << name << ": " << result.error().parameter("detail");
            EXPECT_EQ(result->text, row["text"].get<std::string>()) << name;
        }
    }
}

TEST(ChatTemplate, PythonsWayOfWritingValues) {
    EXPECT_EQ(rendered("{{ [1, 2.0, 'it\\'s', none, true, {'a': (1,)}] }}"),
              "[1, 2.0, \"it's\", None, True, {'a': (1,)}]");
    EXPECT_EQ(rendered("{{ 1e16 }} {{ 0.00001 }} {{ 1.5e300 }} {{ 100.0 }}"), "1e+16 1e-05 1.5e+300 100.0");
    EXPECT_EQ(rendered("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 2 ** -1 }} {{ 7.5 // 2 }}"),
              "-4 2 -2 0.5 3.0");
    EXPECT_EQ(rendered("{{ 'ab' * 2 }}{{ [1] + [2] }}{{ '%s-%03d' % ('x', 7) }}"), "abab[1, 2]x-007");
    EXPECT_EQ(rendered("{{ 1 < 2 < 3 }} {{ 'b' not in 'abc' }} {{ not none }}"), "True False True");
}

TEST(ChatTemplate, ScopesFollowJinja) {
    EXPECT_EQ(rendered("{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}"),
              "2 3 1");
    EXPECT_EQ(rendered("{% set ns = namespace(x=0) %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}{% endfor "
                       "%}{{ ns.x }}"),
              "3");
    EXPECT_EQ(rendered("{% macro m(a, b=a) %}{{ a }}{{ b }}{{ caller() if caller }}{% endmacro %}{{ m(1) "
                       "}}{% call m(2) %}!{% endcall %}"),
              "1122!");
}

TEST(ChatTemplate, ErrorsAreTheTemplatesOwn) {
    EXPECT_EQ(rendered("{{ raise_exception('no tools') }}"), "TemplateError: no tools");
    EXPECT_EQ(rendered("{{ nothing.at.all }}"), "UndefinedError: 'nothing' is undefined");
    EXPECT_EQ(rendered("{{ messages[0].name.first }}"),
              "UndefinedError: 'dict object' has no attribute 'name'");
    EXPECT_EQ(rendered("{{ 1 + 'a' }}"), "TypeError: unsupported operand type(s) for +: 'int' and 'str'");
    EXPECT_EQ(rendered("{{ messages.append(1) }}"),
              "SecurityError: access to attribute 'append' of 'list' object is unsafe.");
    EXPECT_EQ(rendered("{% if x %}"),
              "TemplateSyntaxError: unexpected end of template; a block is still open, looking for 'endif'");
    const auto result = renderChatTemplate("a\nb\n{{ x.y }}", hello(), {}, "file.jinja");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().parameter("place"), "line 3");
    EXPECT_EQ(result.error().parameter("file"), "file.jinja");
}

TEST(ChatTemplate, HostileTemplatesEndSoon) {
    for (const std::string source : {
             "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
             "{{ 'x' * 999999999999 }}",
             "{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(99) %}{% set ns.s = ns.s + "
             "ns.s %}{% endfor %}",
             "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor "
             "%}{{ ns.l }}",
             "{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = [ns.l, ns.l] %}{% endfor "
             "%}{{ ns.l }}",
             "{% set a = namespace(l=[1]) %}{% set b = namespace(l=[1]) %}{% for i in range(40) %}{% set a.l "
             "= [a.l, a.l] %}{% set b.l = [b.l, b.l] %}{% endfor %}{{ a.l == b.l }}",
             "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
             "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
             "{{ 'a' | center(999999999) }}",
             "{{ ('a' * 1000000) | replace('a', 'b' * 1000000) }}",
             "{{ range(1000000000) }}",
             "{{ '%999999999d' % 1 }}",
             "{{ (((((1 }}",
             "{% raw %}",
             "{# open",
             "{{ 'open }}",
             "{{ messages[0].content.__class__.__mro__ }}",
         })  // unbounded, some would take years
        EXPECT_FALSE(renderChatTemplate(source, hello(), {})) << source;
    EXPECT_FALSE(renderChatTemplate("{{ " + std::string(100'000, '(') + " }}", hello(), {}));
    EXPECT_FALSE(renderChatTemplate("{{ 1" +
                                        [] {
                                            std::string s;
                                            for (int i = 0; i < 100'000; ++i)
                                                s += "+1";
                                            return s;
                                        }() +
                                        " }}",
                                    hello(), {}));
    EXPECT_FALSE(renderChatTemplate("{{ \xff }}", hello(), {}));
    std::string blocks;
    for (int i = 0; i < 10'000; ++i)
        blocks += "{% if 1 %}";
    EXPECT_FALSE(renderChatTemplate(blocks, hello(), {}));
    // A long chain of namespaces is taken down without deep recursion.
    EXPECT_EQ(rendered("{% macro link(a, b) %}{% set a.x = b %}{% endmacro %}{% set root = namespace() %}"
                       "{% set p = namespace(n=root) %}{% for i in range(20000) %}{% set q = namespace() %}"
                       "{{ link(p.n, q) }}{% set p.n = q %}{% endfor %}ok"),
              "ok");
}

TEST(ChatTemplate, WhatThePersonWroteIsNeverASpecialToken) {
    const auto tokenizer = test::load(test::tokenizerData("bpe/qwen2"));
    const auto chat = ChatTemplate::fromSource(
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content | trim + '<|im_end|>' }}\n{% "
        "endfor %}",
        "t");
    const auto ids = chat.encode(*tokenizer, {{"user", " a <|im_end|> b "}}, false);
    ASSERT_TRUE(ids);
    EXPECT_EQ(std::count(ids->begin(), ids->end(), *tokenizer->idOf("<|im_end|>")), 1);
    EXPECT_EQ(std::count(ids->begin(), ids->end(), *tokenizer->idOf("<|im_start|>")), 1);
    EXPECT_EQ(tokenizer->decode(*ids), "<|im_start|>user\na <|im_end|> b<|im_end|>\n");
}

TEST(PescForm, ALineFeedFollowsEosOnlyBetweenTurns) {
    const auto chat = ChatTemplate::pesc();
    const auto messages = ordered_json::parse(
        R"([{"role":"system","content":"S"},{"role":"user","content":"U"},{"role":"assistant","content":"A"},{"role":"user","content":"V"},{"role":"assistant","content":"B"}])");
    const auto text = chat.render(messages, {.bos = "<s>", .eos = "</s>"});
    ASSERT_TRUE(text);
    EXPECT_EQ(
        text->text,
        "<s>### System:\nS\n### Human:\nU\n### Assistant:\nA</s>\n### Human:\nV\n### Assistant:\nB</s>");
    const auto prompt = chat.render(hello(), {.addGenerationPrompt = true, .eos = "</s>"});
    EXPECT_EQ(prompt->text, "### Human:\nHello\n### Assistant:\n");
    EXPECT_FALSE(chat.render(ordered_json::parse(R"([{"role":"tool","content":"x"}])"), {}));
    EXPECT_FALSE(chat.render(ordered_json::parse(R"([3])"), {}));
}

TEST(ChatTemplate, ChoiceOfTheTemplate) {
    EXPECT_FALSE(ChatTemplate::load(test::tokenizerData("qwen2"))->isPesc());
    EXPECT_TRUE(ChatTemplate::load(test::tokenizerData("llama2"))->isPesc());
    const auto qwen = ChatTemplate::load(test::tokenizerData("qwen2"));
    const auto text = qwen->render(hello(), {.addGenerationPrompt = true, .bos = {}, .eos = {}});
    ASSERT_TRUE(text) << text.error().parameter("detail");
    EXPECT_TRUE(
        text->text.ends_with("<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"))
        << text->text;
}

}  // namespace
}  // namespace caravan::engine

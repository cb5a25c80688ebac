// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <map>
#include <set>

#include "engine/api/config/descriptors.h"
#include "engine/tokenizer/chat_template.h"
#include "tests/engine/tokenizer/tokenizer_fixtures.h"

namespace caravan::engine {
namespace {

using Messages = std::vector<ChatMessage>;

const Messages& conversation() {
    static const Messages messages{{"system", "Be brief."},
                                   {"user", "What is 2 and 3?"},
                                   {"assistant", "It is 5."},
                                   {"user", "And <|im_end|>?"},
                                   {"assistant", "Also:\n\n five"},
                                   {"user", "Thanks"},
                                   {"assistant", "\xC3\xA9t\xC3\xA9!"}};
    return messages;
}

ChatTemplate named(std::string_view name, const Tokenizer& tokenizer) {
    return unwrap(ChatTemplate::named(name, test::tokenizerData("qwen2"), tokenizer));
}

std::vector<std::string> trainedTexts(const MaskedChat& chat, const Tokenizer& tokenizer) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < chat.ids.size();) {
        std::vector<TokenId> run;
        for (; i < chat.ids.size() && chat.trained[i]; ++i)
            run.push_back(chat.ids[i]);
        if (!run.empty()) texts.push_back(tokenizer.decode(run, {.skipSpecials = true}));
        while (i < chat.ids.size() && !chat.trained[i])
            ++i;
    }
    return texts;
}

std::string trimmed(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \n");
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \n") + 1 - first);
}

const Tokenizer* loadedOnce(const std::string& place) {
    static std::map<std::string, std::unique_ptr<Tokenizer>> loaded;
    auto& tokenizer = loaded[place];
    if (!tokenizer) tokenizer = test::load(test::tokenizerData(place));
    return tokenizer.get();
}

class EveryTemplate : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

// What a chat sends before an answer is what stood before that answer in training; the trained tokens are the
// answers; each ends with a token at which generation stops.
TEST_P(EveryTemplate, TrainsWhatAChatAsksFor) {
    const auto [name, place] = GetParam();
    const Tokenizer* tokenizer = loadedOnce(place);
    const ChatTemplate chat = named(name, *tokenizer);
    const auto masked = chat.encodeMasked(*tokenizer, conversation());
    ASSERT_TRUE(masked) << masked.error().parameter("detail");
    ASSERT_EQ(masked->ids.size(), masked->trained.size());
    ASSERT_EQ(masked->turnEnds.size(), 3u);
    const auto texts = trainedTexts(*masked, *tokenizer);
    ASSERT_EQ(texts.size(), 3u);
    std::size_t turn = 0;
    for (std::size_t i = 0; i < conversation().size(); ++i) {
        if (conversation()[i].role != "assistant") continue;
        EXPECT_EQ(trimmed(texts[turn]), trimmed(conversation()[i].content));
        const auto begin = conversation().begin();
        const auto prompt = chat.encode(*tokenizer, {begin, begin + static_cast<std::ptrdiff_t>(i)}, true);
        ASSERT_TRUE(prompt);
        ASSERT_LE(prompt->size(), masked->ids.size());
        EXPECT_TRUE(std::equal(prompt->begin(), prompt->end(), masked->ids.begin())) << turn;
        EXPECT_EQ(masked->trained[prompt->size() - 1], 0);
        EXPECT_EQ(masked->trained[prompt->size()], 1);
        EXPECT_EQ(masked->trained[masked->turnEnds[turn] - 1], 1);
        if (std::string(name) ==
            "model") {  // the folder's own business: Qwen's base does not stop at its mark
            ++turn;
            continue;
        }
        const TokenId last = masked->ids[masked->turnEnds[turn] - 1];
        const auto& stops = tokenizer->eosIds();
        EXPECT_NE(std::find(stops.begin(), stops.end(), last), stops.end())
            << tokenizer->pieceName(last) << " does not end generation";
        ++turn;
    }
}

INSTANTIATE_TEST_SUITE_P(BuiltIn, EveryTemplate,
                         testing::Combine(testing::Values("pesc", "llama2", "llama3", "chatml", "mistral",
                                                          "alpaca"),
                                          testing::Values("qwen2", "llama2", "bpe/llama3")));

INSTANTIATE_TEST_SUITE_P(OfTheModel, EveryTemplate,
                         testing::Combine(testing::Values("model"), testing::Values("qwen2")));

TEST(BuiltinTemplates, WriteTheirForms) {
    const auto tokenizer = test::load(test::tokenizerData("llama2"));
    const auto text = [&](const char* name) {
        const auto rendered =
            named(name, *tokenizer)
                .render(toMessages({{"system", "S"}, {"user", "U"}, {"assistant", "A"}, {"user", "V"}}),
                        {.addGenerationPrompt = true, .bos = "<s>", .eos = "</s>"});
        return rendered ? rendered->text : std::string(rendered.error().parameter("detail"));
    };
    EXPECT_EQ(text("llama2"), "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST] A </s><s>[INST] V [/INST]");
    EXPECT_EQ(text("mistral"), "<s>[INST] S\n\nU [/INST] A</s>[INST] V [/INST]");
    EXPECT_EQ(
        text("llama3"),
        "<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_"
        "id|>\n\nU<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA</s><|start_header_id|>user<"
        "|end_header_id|>\n\nV<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")
        << "without <|eot_id|> in the vocabulary answers end with eos";
    EXPECT_EQ(
        text("chatml"),
        "<s><|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA</s>\n"
        "<|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n");
    EXPECT_EQ(
        text("alpaca"),
        "<s>S\n\n### Instruction:\nU\n\n### Response:\nA</s>\n\n### Instruction:\nV\n\n### Response:\n");
    for (const char* name : kTemplateNames)
        EXPECT_TRUE(ChatTemplate::named(name, test::tokenizerData("qwen2"), *tokenizer)) << name;
    EXPECT_FALSE(ChatTemplate::named("vicuna", "", *tokenizer));
}

// An exported folder answers as it was tuned: the form's Jinja source writes what its own rule writes.
TEST(BuiltinTemplates, PescAsJinjaIsPesc) {
    const auto tokenizer = test::load(test::tokenizerData("llama2"));
    const std::string source = ChatTemplate::pesc().source(*tokenizer);
    for (std::size_t count = 1; count <= conversation().size(); ++count)
        for (const bool prompt : {false, true}) {
            const auto messages = toMessages(
                {conversation().begin(), conversation().begin() + static_cast<std::ptrdiff_t>(count)});
            const TemplateOptions options{.addGenerationPrompt = prompt, .bos = "<s>", .eos = "</s>"};
            const auto ours = ChatTemplate::pesc().render(messages, options);
            const auto jinja = renderChatTemplate(source, messages, options);
            ASSERT_TRUE(ours && jinja) << jinja.error().parameter("detail");
            EXPECT_EQ(jinja->text, ours->text) << count;
        }
}

// Some templates leave out a part of earlier answers: the mask still finds them, or says that it cannot.
TEST(ChatMask, TemplatesThatChangeEarlierAnswers) {
    const auto tokenizer = test::load(test::tokenizerData("qwen2"));
    const std::string head = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}";
    const std::string tail =
        "{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% "
        "endif %}";
    const auto thinking = ChatTemplate::fromSource(
        head +
            "{% if loop.last and m.role == 'assistant' %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
            "{{ m.content }}" +
            tail,
        "thinking");
    const auto masked = thinking.encodeMasked(*tokenizer, conversation());
    ASSERT_TRUE(masked) << masked.error().parameter("detail");
    const auto texts = trainedTexts(*masked, *tokenizer);
    ASSERT_EQ(texts.size(), 3u);
    EXPECT_EQ(texts[0], "It is 5.");
    EXPECT_EQ(texts[2], "<think>\n\n</think>\n\n\xC3\xA9t\xC3\xA9!");

    const auto forgetful = ChatTemplate::fromSource(
        head + "{{ m.content if loop.last or m.role != 'assistant' else 'gone' }}" + tail, "forgetful");
    const auto lost = forgetful.encodeMasked(*tokenizer, conversation());
    ASSERT_FALSE(lost);
    EXPECT_NE(lost.error().parameter("detail").find("answer 1"), std::string::npos);

    const auto other = ChatTemplate::fromSource(
        "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'Now:' }}{% endif %}",
        "other");
    const auto asked = other.encodeMasked(*tokenizer, conversation());
    ASSERT_FALSE(asked);
    EXPECT_NE(asked.error().parameter("detail").find("another text"), std::string::npos);
}

// The reference templates: those that write conversations are masked, those that do something else say why
// not.
TEST(ChatMask, ReferenceTemplates) {
    const auto tokenizer = test::load(test::tokenizerData("llama2"));
    std::set<std::string> masked, refused;
    for (const std::string& line : test::readLines(test::tokenizerData("chat_templates.jsonl"))) {
        const auto row = nlohmann::ordered_json::parse(line);
        const auto name = row["template_name"].get<std::string>();
        if (masked.contains(name) || refused.contains(name)) continue;
        const auto chat = ChatTemplate::fromSource(row["template"].get<std::string>(), name);
        const auto made = chat.encodeMasked(*tokenizer, {{"user", "What is it?"}, {"assistant", "A thing."}});
        (made ? masked : refused).insert(name);
        if (!made) {
            EXPECT_FALSE(made.error().parameter("detail").empty()) << name;
            continue;
        }
        const auto texts = trainedTexts(*made, *tokenizer);
        ASSERT_EQ(texts.size(), 1u) << name;
        EXPECT_NE(texts[0].find("A thing."), std::string::npos) << name << ": " << texts[0];
        EXPECT_EQ(texts[0].find("What is it?"), std::string::npos) << name;
    }
    EXPECT_EQ(masked.size() + refused.size(), 24u);
    for (const char* name : {"chatml", "headers", "inst-system"})
        EXPECT_TRUE(masked.contains(name)) << name;
}

}  // namespace
}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <fmt/format.h>

#include <algorithm>

#include "engine/tokenizer/chat_template.h"
#include "engine/tokenizer/pesc_form.h"

// Conversations as ids, with the assistant's part marked.
namespace caravan::engine {
namespace {

tl::unexpected<Error> cannotMask(const std::string& name, std::string detail) {
    return fail(
        ErrorCode::FileBad,
        {{"file", name}, {"place", "the whole"}, {"detail", std::move(detail)}, {"kind", "TemplateError"}});
}

void append(MaskedChat& chat, const std::vector<TokenId>& ids, bool trained) {
    chat.ids.insert(chat.ids.end(), ids.begin(), ids.end());
    chat.trained.insert(chat.trained.end(), ids.size(), trained ? 1 : 0);
}

// PESC (cli.md, "Text to ids"): the prompt up to each answer as one text, the answer on its own, eos.
Result<MaskedChat> encodePesc(const Tokenizer& tokenizer, const std::vector<ChatMessage>& messages,
                              bool addGenerationPrompt) {
    MaskedChat chat;
    std::string prompt;
    const auto put = [&](const std::string& text, bool trained) {
        append(chat, tokenizer.encode(text), trained);
    };
    if (const auto bos = tokenizer.bosId()) append(chat, {*bos}, false);
    bool answered = false;
    for (const ChatMessage& message : messages) {
        if (std::exchange(answered, false)) prompt = "\n";
        if (message.role == "system") {
            prompt += pescSystem(message.content);
        } else if (message.role == "user") {
            prompt += pescHuman(message.content);
        } else if (message.role == "assistant") {
            put(std::exchange(prompt, {}) + std::string(kPescAssistant), false);
            put(message.content, true);
            if (const auto eos = tokenizer.eosId()) append(chat, {*eos}, true);
            chat.turnEnds.push_back(chat.ids.size());
            answered = true;
        } else {
            return cannotMask("PESC", "the role " + message.role + " is not one of system, user, assistant");
        }
    }
    if (answered && addGenerationPrompt) prompt = "\n";
    if (addGenerationPrompt) prompt += kPescAssistant;
    if (!prompt.empty()) put(prompt, false);
    return chat;
}

std::vector<TokenId> encodePart(const Tokenizer& tokenizer, const RenderedChat& chat, TextRange part) {
    std::vector<TextRange> plain;
    for (const TextRange& range : chat.plain) {
        const TextRange inside{std::max(range.begin, part.begin), std::min(range.end, part.end)};
        if (inside.begin < inside.end) plain.push_back({inside.begin - part.begin, inside.end - part.begin});
    }
    return tokenizer.encode(std::string_view(chat.text).substr(part.begin, part.end - part.begin),
                            {.parseSpecials = true, .plain = plain});
}

bool hasWritten(const RenderedChat& chat, std::size_t begin, std::size_t end) {
    return std::any_of(chat.plain.begin(), chat.plain.end(),
                       [&](const TextRange& r) { return r.begin < end && r.end > begin; });
}

std::string withoutSpace(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return first == std::string::npos ? std::string()
                                      : text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

// Where an answer ends that the template writes differently once more turns follow it (some leave out parts
// of earlier answers): the answer's own text with what follows it at the end of a conversation, and nothing
// that a person wrote before it.
std::size_t findAnswerEnd(const RenderedChat& whole, std::size_t begin, const RenderedChat& ended,
                          const std::string& answer) {
    const std::string content = withoutSpace(answer);
    if (content.empty()) return std::string::npos;
    const std::size_t at = ended.text.rfind(content);
    if (at == std::string::npos) return at;
    const std::string written = ended.text.substr(at);
    const std::size_t found = whole.text.find(written, begin);
    if (found == std::string::npos || hasWritten(whole, begin, found)) return std::string::npos;
    return found + written.size();
}

// What follows the answer's last written byte ends it ("<|im_end|>\n"): white space behind a mark is not
// learned, generation stops before it.
std::size_t withoutTrailingSpace(const RenderedChat& chat, std::size_t begin, std::size_t end) {
    std::size_t written = begin;
    for (const TextRange& range : chat.plain)
        if (range.begin < end && range.end > begin) written = std::min(range.end, end);
    std::size_t cut = end;
    while (cut > written && (chat.text[cut - 1] == '\n' || chat.text[cut - 1] == ' '))
        --cut;
    return cut > written ? cut : end;
}

// Ids of the whole text and how many of them lie before each boundary. Where a token would run over a
// boundary, the parts are encoded on their own: that is what a model sees that continues a prompt.
MaskedChat encodeTurns(const Tokenizer& tokenizer, const RenderedChat& chat,
                       const std::vector<TextRange>& answers) {
    std::vector<std::size_t> boundaries{0};
    for (const TextRange& answer : answers)
        boundaries.insert(boundaries.end(), {answer.begin, answer.end});
    boundaries.push_back(chat.text.size());
    MaskedChat parts;
    for (std::size_t i = 0; i + 1 < boundaries.size(); ++i) {
        append(parts, encodePart(tokenizer, chat, {boundaries[i], boundaries[i + 1]}), i % 2 == 1);
        if (i % 2 == 1) parts.turnEnds.push_back(parts.ids.size());
    }
    const std::vector<TokenId> whole = encodePart(tokenizer, chat, {0, chat.text.size()});
    if (whole == parts.ids) return parts;
    // SentencePiece puts a space before each part: then the ids of the prefixes tell the places.
    MaskedChat marked{whole, std::vector<std::uint8_t>(whole.size(), 0), {}};
    std::size_t begin = 0;
    for (std::size_t i = 1; i + 1 < boundaries.size(); ++i) {
        const auto prefix = encodePart(tokenizer, chat, {0, boundaries[i]});
        if (prefix.size() > whole.size() || !std::equal(prefix.begin(), prefix.end(), whole.begin()))
            return parts;
        if (i % 2 == 1) {
            begin = prefix.size();
            continue;
        }
        std::fill(marked.trained.begin() + static_cast<std::ptrdiff_t>(begin),
                  marked.trained.begin() + static_cast<std::ptrdiff_t>(prefix.size()), 1);
        marked.turnEnds.push_back(prefix.size());
    }
    return marked;
}

}  // namespace

Result<RenderedChat> ChatTemplate::renderFor(const Tokenizer& tokenizer,
                                             const std::vector<ChatMessage>& messages,
                                             bool addGenerationPrompt) const {
    TemplateOptions options{.addGenerationPrompt = addGenerationPrompt, .bos = {}, .eos = {}};
    if (const auto bos = tokenizer.bosId()) options.bos = tokenizer.pieceName(*bos);
    if (const auto eos = tokenizer.eosId()) options.eos = tokenizer.pieceName(*eos);
    return render(toMessages(messages), options);
}

Result<std::vector<TokenId>> ChatTemplate::encode(const Tokenizer& tokenizer,
                                                  const std::vector<ChatMessage>& messages,
                                                  bool addGenerationPrompt) const {
    if (isPesc()) {
        auto chat = encodePesc(tokenizer, messages, addGenerationPrompt);
        if (!chat) return tl::unexpected(chat.error());
        return std::move(chat->ids);
    }
    const auto rendered = renderFor(tokenizer, messages, addGenerationPrompt);
    if (!rendered) return tl::unexpected(rendered.error());
    return encodePart(tokenizer, *rendered, {0, rendered->text.size()});
}

// The place of an answer in the whole text follows from two renderings of prefixes of the conversation: up to
// the answer with the generation prompt, which is what a chat would send, and up to and with the answer.
// Both are checked to begin the whole text.
Result<MaskedChat> ChatTemplate::encodeMasked(const Tokenizer& tokenizer,
                                              const std::vector<ChatMessage>& messages) const {
    if (isPesc()) return encodePesc(tokenizer, messages, false);
    const auto whole = renderFor(tokenizer, messages, false);
    if (!whole) return tl::unexpected(whole.error());
    std::vector<TextRange> answers;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        if (messages[i].role != "assistant") continue;
        const auto until = messages.begin() + static_cast<std::ptrdiff_t>(i);
        const std::size_t number = answers.size() + 1;
        const auto prompt = renderFor(tokenizer, {messages.begin(), until}, true);
        if (!prompt) return tl::unexpected(prompt.error());
        if (!whole->text.starts_with(prompt->text))
            return cannotMask(m_name, fmt::format("the template asks for answer {} with another text than it "
                                                  "writes before that answer: what is learned would not be "
                                                  "what is asked",
                                                  number));
        const std::size_t begin = prompt->text.size();
        std::size_t end = whole->text.size();
        if (i + 1 < messages.size()) {
            const auto ended = renderFor(tokenizer, {messages.begin(), until + 1}, false);
            if (!ended) return tl::unexpected(ended.error());
            end = whole->text.starts_with(ended->text)
                      ? ended->text.size()
                      : findAnswerEnd(*whole, begin, *ended, messages[i].content);
        }
        if (end == std::string::npos || end <= begin)
            return cannotMask(m_name, fmt::format("the template writes answer {} so that its place cannot be "
                                                  "told once more turns follow",
                                                  number));
        const std::string written = whole->text.substr(begin, end - begin);
        if (!hasWritten(*whole, begin, end) ||
            written.find(withoutSpace(messages[i].content)) == std::string::npos)
            return cannotMask(m_name,
                              fmt::format("the template leaves out or changes a part of answer {}", number));
        answers.push_back({begin, withoutTrailingSpace(*whole, begin, end)});
    }
    return encodeTurns(tokenizer, *whole, answers);
}

}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/chat_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/bounded_json.h"
#include "engine/tokenizer/builtin_templates.h"
#include "engine/tokenizer/jinja/interpreter.h"
#include "engine/tokenizer/jinja/parser.h"
#include "engine/tokenizer/pesc_form.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {

struct ParsedTemplate {
    jinja::Body body;
};

namespace {

namespace fs = std::filesystem;
using Ordered = nlohmann::ordered_json;

constexpr std::size_t kMaxTemplateBytes = 1u << 20;
constexpr JsonLimits kMessageLimits{
    .bytes = 64u << 20, .depth = 32, .nodes = 1'000'000, .stringLength = 16u << 20};

tl::unexpected<Error> badTemplate(const std::string& name, int line, const std::string& kind,
                                  const std::string& message) {
    return fail(ErrorCode::FileBad, {{"file", name},
                                     {"place", line > 0 ? fmt::format("line {}", line) : "the whole"},
                                     {"detail", message},
                                     {"kind", kind}});
}

// PESC text as pieces: what the form writes and what the messages hold.
class PescWriter {
  public:
    PescWriter(const Ordered& messages, const TemplateOptions& options)
        : m_messages(messages), m_options(options) {}

    Result<RenderedChat> run() {
        form(m_options.bos.value_or(""));
        for (const auto& message : m_messages) {
            const bool valid = message.is_object() && message.contains("role") &&
                               message["role"].is_string() && message.contains("content") &&
                               message["content"].is_string();
            if (!valid)
                return badTemplate("PESC", 0, "TemplateError",
                                   "a message needs a role and a content, both strings");
            if (m_answered) form("\n");
            m_answered = false;
            const auto role = message["role"].get<std::string>();
            if (!write(role, message["content"].get<std::string>()))
                return badTemplate("PESC", 0, "TemplateError",
                                   "the role " + role + " is not one of system, user, assistant");
        }
        if (m_options.addGenerationPrompt) form((m_answered ? "\n" : "") + std::string(kPescAssistant));
        return std::move(m_out);
    }

  private:
    void form(std::string_view text) { m_out.text += text; }
    void content(const std::string& text) {
        if (!text.empty()) m_out.plain.push_back({m_out.text.size(), m_out.text.size() + text.size()});
        m_out.text += text;
    }
    bool write(const std::string& role, const std::string& text) {
        if (role == "system" && text.empty()) return true;
        const bool answer = role == "assistant";
        if (!answer && role != "system" && role != "user") return false;
        form(answer ? kPescAssistant : role == "system" ? "### System:\n" : "### Human:\n");
        content(text);
        form(answer ? m_options.eos.value_or("") : "\n");
        m_answered = answer;
        return true;
    }

    const Ordered& m_messages;
    const TemplateOptions& m_options;
    RenderedChat m_out;
    bool m_answered = false;  // the last message was an answer
};

// chat_template: a text, or a list of {name, template} of which "default" counts.
std::optional<std::string> templateIn(const nlohmann::json& config) {
    if (!config.is_object() || !config.contains("chat_template")) return std::nullopt;
    const auto& value = config["chat_template"];
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array()) return std::nullopt;
    for (const auto& entry : value) {
        const bool usable = entry.is_object() && entry.contains("template") && entry["template"].is_string();
        const bool named = usable && entry.contains("name") && entry["name"].is_string() &&
                           entry["name"].get<std::string>() == "default";
        if (named || (usable && value.size() == 1)) return entry["template"].get<std::string>();
    }
    return std::nullopt;
}

Result<RenderedChat> renderParsed(const ParsedTemplate& parsed, const Ordered& messages,
                                  const TemplateOptions& options, const std::string& name) {
    try {
        std::vector<std::pair<std::string, jinja::Value>> variables = {
            {"messages", jinja::fromJson(messages)},
            {"add_generation_prompt", jinja::Value(options.addGenerationPrompt)},
            {"tools", jinja::Value()},
            {"documents", jinja::Value()}};
        if (options.bos) variables.emplace_back("bos_token", jinja::Value(*options.bos));
        if (options.eos) variables.emplace_back("eos_token", jinja::Value(*options.eos));
        const jinja::Text text = jinja::Interpreter().render(parsed.body, std::move(variables));
        return RenderedChat{text.bytes(), text.ranges()};
    } catch (const jinja::Failure& failure) {
        return badTemplate(name, failure.line, failure.kind(), failure.message());
    } catch (const std::bad_alloc&) {
        return badTemplate(name, 0, "MemoryError", "the template needs too much memory");
    }
}

}  // namespace

Result<RenderedChat> renderChatTemplate(std::string_view source, const Ordered& messages,
                                        const TemplateOptions& options, const std::string& name) {
    if (source.size() > kMaxTemplateBytes)
        return fail(ErrorCode::FileTooLarge, {{"file", name},
                                              {"place", "the whole"},
                                              {"bytes", std::to_string(source.size())},
                                              {"limit", std::to_string(kMaxTemplateBytes)}});
    if (const std::size_t bad = utf8::firstInvalid(source); bad != std::string_view::npos)
        return badTemplate(name, 0, "TemplateSyntaxError", fmt::format("byte {} is not UTF-8", bad + 1));
    try {
        return renderParsed({jinja::parseTemplate(source)}, messages, options, name);
    } catch (const jinja::Failure& failure) {
        return badTemplate(name, failure.line, failure.kind(), failure.message());
    } catch (const std::bad_alloc&) {
        return badTemplate(name, 0, "MemoryError", "the template needs too much memory");
    }
}

Result<Ordered> readMessages(const fs::path& file) {
    const auto text = readTextFile(file, kMessageLimits.bytes);
    if (!text) return tl::unexpected(text.error());
    if (const auto checked = parseJson(*text, file.string(), kMessageLimits); !checked)
        return tl::unexpected(checked.error());
    Ordered messages = Ordered::parse(*text, nullptr, false);
    if (!messages.is_array()) return badTemplate(file.string(), 1, "", "a list of messages is expected");
    return messages;
}

Ordered toMessages(const std::vector<ChatMessage>& messages) {
    Ordered list = Ordered::array();
    for (const ChatMessage& message : messages) {
        Ordered entry;
        entry["role"] = utf8::lossy(message.role);
        entry["content"] = utf8::lossy(message.content);
        list.push_back(std::move(entry));
    }
    return list;
}

Result<ChatTemplate> ChatTemplate::load(const fs::path& folder) {
    std::error_code ignored;
    if (fs::is_regular_file(folder / "chat_template.jinja", ignored)) {
        auto text = readTextFile(folder / "chat_template.jinja", kMaxTemplateBytes);
        if (!text) return tl::unexpected(text.error());
        return fromSource(std::move(*text), (folder / "chat_template.jinja").string());
    }
    const fs::path config = folder / "tokenizer_config.json";
    if (!fs::is_regular_file(config, ignored)) return pesc();
    const auto json = readJsonFile(config, {.bytes = 64u << 20});
    if (!json) return tl::unexpected(json.error());
    auto source = templateIn(*json);
    return source ? fromSource(std::move(*source), config.string()) : pesc();
}

ChatTemplate ChatTemplate::fromSource(std::string source, std::string name) {
    ChatTemplate made;
    if (isPescTemplate(source)) return made;  // an export of ours: encoded by the form's own rule
    made.m_source = std::move(source);
    made.m_name = std::move(name);
    if (made.m_source.size() > kMaxTemplateBytes || utf8::firstInvalid(made.m_source) != std::string::npos)
        return made;  // render() says so
    try {
        made.m_parsed =
            std::make_shared<const ParsedTemplate>(ParsedTemplate{jinja::parseTemplate(made.m_source)});
    } catch (const std::exception&) {  // render() parses again and tells
    }
    return made;
}

Result<ChatTemplate> ChatTemplate::named(std::string_view name, const fs::path& folder,
                                         const Tokenizer& tokenizer) {
    if (name == "pesc") return pesc();
    if (name == "model") return load(folder);
    auto source = builtinTemplate(name, tokenizer);
    if (!source)
        return fail(ErrorCode::BadOption,
                    {{"key", "data.template"},
                     {"value", std::string(name.substr(0, 200))},
                     {"range", "pesc, llama2, llama3, chatml, mistral, alpaca or model"}});
    return fromSource(std::move(*source), std::string(name));
}

std::string ChatTemplate::source(const Tokenizer& tokenizer) const {
    return isPesc() ? builtinTemplate("pesc", tokenizer).value_or("") : m_source;
}

Result<RenderedChat> ChatTemplate::render(const Ordered& messages, const TemplateOptions& options) const {
    if (isPesc()) return PescWriter(messages, options).run();
    return m_parsed ? renderParsed(*m_parsed, messages, options, m_name)
                    : renderChatTemplate(m_source, messages, options, m_name);
}

}  // namespace caravan::engine

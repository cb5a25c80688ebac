// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/chat_export.h"

#include <fmt/format.h>

#include "engine/api/event_json.h"

namespace caravan::projects {
using nlohmann::json;
namespace {

// "Answer (run 0001, step 60; seed 7, temperature 0.7; 93 tokens)"
std::string answerHead(const Message& message) {
    std::string who = "Answer";
    if (!message.source.is_object()) return who;
    std::string facts = message.source.value("words", std::string());
    const auto add = [&](const std::string& fact) { facts += (facts.empty() ? "" : "; ") + fact; };
    if (message.source.contains("options") && message.source["options"].is_object()) {
        const auto options = message.source["options"].get<engine::GenerateOptions>();
        add(fmt::format("seed {}, temperature {:g}", options.seed, options.temperature));
        if (!options.steer.empty() || options.activeExperts) add("experts changed");
    }
    if (message.summary.is_object())
        if (const auto tokens = message.summary.value("tokens", std::int64_t{0}); tokens > 0)
            add(fmt::format("{} tokens", tokens));
    return facts.empty() ? who : who + " (" + facts + ")";
}

}  // namespace

std::string chatMarkdown(const Chat& chat, const std::vector<Message>& path) {
    std::string text = "# " + (chat.title.empty() ? std::string("Conversation") : chat.title) + "\n";
    if (!chat.system.empty()) text += "\n## System\n\n" + chat.system + "\n";
    for (const Message& message : path) {
        text += "\n## " + (message.role == "user" ? std::string("Question") : answerHead(message)) + "\n\n";
        text += message.content;
        // A fence that the length limit cut open would swallow what follows.
        std::size_t fences = 0;
        for (std::size_t at = 0; (at = message.content.find("```", at)) != std::string::npos; at += 3)
            if (at == 0 || message.content[at - 1] == '\n') ++fences;
        if (!message.content.ends_with('\n')) text += '\n';
        if (fences % 2 == 1) text += "```\n";
    }
    return text;
}

json chatJson(const Chat& chat, const std::vector<Message>& messages,
              const std::map<std::int64_t, std::vector<engine::TokenEvent>>& tokens) {
    json list = json::array();
    for (const Message& m : messages) {
        json each = {
            {"id", m.id},         {"parent", m.parent},   {"role", m.role},           {"content", m.content},
            {"source", m.source}, {"summary", m.summary}, {"created_at", m.createdAt}};
        if (const auto found = tokens.find(m.id); found != tokens.end() && !found->second.empty())
            each["tokens"] = found->second;
        list.push_back(std::move(each));
    }
    return {{"format", "caravan-chat"},
            {"version", 1},
            {"title", chat.title},
            {"system", chat.system},
            {"created_at", chat.createdAt},
            {"changed_at", chat.changedAt},
            {"leaf", chat.options.is_object() ? chat.options.value("leaf", std::int64_t{0}) : 0},
            {"messages", std::move(list)}};
}

}  // namespace caravan::projects

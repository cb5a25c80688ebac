// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/chat_export.h"

#include <fmt/format.h>

#include <algorithm>

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

std::vector<std::int64_t> pathThrough(const std::vector<MessageLink>& all, std::int64_t id) {
    std::map<std::int64_t, std::int64_t> parents, newest;  // newest: the last child of each
    for (const MessageLink& link : all) {
        parents[link.id] = link.parent;
        newest[link.parent] = std::max(newest[link.parent], link.id);
    }
    std::vector<std::int64_t> path;
    // A damaged file may name a parent that comes later, or none: ids fall on the way up, so it ends.
    for (auto at = parents.find(id); at != parents.end();) {
        path.push_back(at->first);
        at = at->second < at->first ? parents.find(at->second) : parents.end();
    }
    std::reverse(path.begin(), path.end());
    if (path.empty()) return path;
    for (auto at = newest.find(id); at != newest.end() && at->second > path.back();
         at = newest.find(path.back()))
        path.push_back(at->second);
    return path;
}

std::vector<Message> KeptChat::path() const {
    const std::int64_t leaf = chat.options.is_object() ? chat.options.value("leaf", std::int64_t{0}) : 0;
    std::vector<MessageLink> links;
    for (const Message& m : messages)
        links.push_back({m.id, m.parent});
    std::vector<std::int64_t> ids = pathThrough(links, leaf);
    if (ids.empty() && !messages.empty()) ids = pathThrough(links, messages.back().id);
    std::vector<Message> path;
    for (const std::int64_t id : ids)
        path.push_back(*std::find_if(messages.begin(), messages.end(),
                                     [&](const Message& message) { return message.id == id; }));
    return path;
}

engine::Result<KeptChat> keptChat(ChatArchive& archive, const Chat& chat) {
    if (auto flushed = archive.flush(); !flushed) return tl::unexpected(flushed.error());
    auto messages = archive.messages(chat.id);
    if (!messages) return tl::unexpected(messages.error());
    auto votes = archive.votes(chat.id);
    if (!votes) return tl::unexpected(votes.error());
    KeptChat kept{chat, std::move(*messages), {}, std::move(*votes)};
    for (Message& message : kept.messages) {
        if (message.role != "assistant") continue;
        auto tokens = archive.tokens(chat.id, message.id);
        if (!tokens) return tl::unexpected(tokens.error());
        if (message.summary.is_null() && message.content.empty())
            for (const engine::TokenEvent& token : *tokens)
                message.content += token.text;
        kept.tokens[message.id] = std::move(*tokens);
    }
    return kept;
}

engine::Result<Chat> findChat(ChatArchive& archive, const std::string& id) {
    const auto chats = archive.chats();
    if (!chats) return tl::unexpected(chats.error());
    const Chat* found = nullptr;
    int count = 0;
    for (const Chat& chat : *chats) {
        if (chat.id == id) return chat;
        if (id.empty() || !chat.id.starts_with(id)) continue;
        found = &chat;
        ++count;
    }
    if (count == 1) return *found;
    return engine::fail(
        engine::ErrorCode::NotFound,
        {{"what", count > 1 ? "conversation (several begin so)" : "conversation"}, {"name", id}});
}

std::string exportedText(const KeptChat& kept, ChatFormat format) {
    if (format == ChatFormat::Markdown) return chatMarkdown(kept.chat, kept.path());
    return chatJson(kept.chat, kept.messages, kept.tokens, kept.votes)
        .dump(1, ' ', false, json::error_handler_t::replace);
}

std::string chatMarkdown(const Chat& chat, const std::vector<Message>& path) {
    std::string text = "# " + (chat.title.empty() ? std::string("Conversation") : chat.title) + "\n";
    if (chat.origin.is_object())
        text += "\nBranched from: " + chat.origin.value("title", std::string()) + "\n";
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
              const std::map<std::int64_t, std::vector<engine::TokenEvent>>& tokens,
              const std::vector<Vote>& votes) {
    json list = json::array();
    for (const Message& m : messages) {
        json each = {
            {"id", m.id},         {"parent", m.parent},   {"role", m.role},           {"content", m.content},
            {"source", m.source}, {"summary", m.summary}, {"created_at", m.createdAt}};
        if (const auto found = tokens.find(m.id); found != tokens.end() && !found->second.empty())
            each["tokens"] = found->second;
        list.push_back(std::move(each));
    }
    json whole = {{"format", "caravan-chat"},
                  {"version", 1},
                  {"title", chat.title},
                  {"system", chat.system},
                  {"created_at", chat.createdAt},
                  {"changed_at", chat.changedAt},
                  {"leaf", chat.options.is_object() ? chat.options.value("leaf", std::int64_t{0}) : 0},
                  {"messages", std::move(list)}};
    if (chat.origin.is_object()) whole["origin"] = chat.origin;
    for (const Vote& vote : votes)
        whole["votes"].push_back(toJson(vote));
    return whole;
}

}  // namespace caravan::projects

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/chat_archive.h"

#include <fmt/format.h>

#include <atomic>
#include <random>

#include "engine/api/event_json.h"
#include "projects/chat_votes.h"
#include "projects/files.h"
#include "projects/owner.h"

namespace caravan::projects {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr auto kReplace = json::error_handler_t::replace;
std::string dumped(const json& value) {
    return value.dump(-1, ' ', false, kReplace);
}

std::string newChatId() {
    static std::atomic<unsigned> counter{std::random_device{}()};
    return fmt::format("{:013x}-{:08x}", nowMilliseconds(), counter++);
}

json chatLine(const Chat& c) {
    return {{"type", "chat"},           {"title", c.title},   {"system", c.system},
            {"draft", c.draft},         {"source", c.source}, {"options", c.options},
            {"origin", c.origin},       {"pinned", c.pinned}, {"created_at", c.createdAt},
            {"changed_at", c.changedAt}};
}

json messageLine(const Message& m) {
    return {
        {"type", "message"},    {"id", m.id},         {"parent", m.parent},   {"role", m.role},
        {"content", m.content}, {"source", m.source}, {"summary", m.summary}, {"created_at", m.createdAt}};
}

void applyChat(Connection& db, const std::string& chat, const json& line) {
    Statement s = db.prepare(
        "INSERT INTO chats(id, title, source, system, options, created_at, changed_at, draft, origin, "
        "pinned) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10) "
        "ON CONFLICT(id) DO UPDATE SET title=?2, source=?3, system=?4, options=?5, created_at=?6, "
        "changed_at=?7, draft=?8, origin=?9, pinned=?10");
    s.bindAll(chat, line.at("title").get<std::string>(), dumped(line.at("source")),
              line.at("system").get<std::string>(), dumped(line.at("options")),
              line.at("created_at").get<std::int64_t>(), line.at("changed_at").get<std::int64_t>(),
              line.at("draft").get<std::string>(), dumped(line.value("origin", json())),
              std::int64_t{line.value("pinned", false)});
    s.run();
}

void applyMessage(Connection& db, const std::string& chat, const json& line) {
    Statement s = db.prepare(
        "INSERT INTO messages(chat, id, parent, role, content, source, summary, created_at) "
        "VALUES(?1,?2,?3,?4,?5,?6,?7,?8) "
        "ON CONFLICT(chat, id) DO UPDATE SET parent=?3, role=?4, content=?5, source=?6, summary=?7, "
        "created_at=?8");
    s.bindAll(chat, line.at("id").get<std::int64_t>(), line.at("parent").get<std::int64_t>(),
              line.at("role").get<std::string>(), line.at("content").get<std::string>(),
              dumped(line.at("source")), dumped(line.at("summary")),
              line.at("created_at").get<std::int64_t>());
    s.run();
}

void applyTokens(Connection& db, const std::string& chat, const json& line) {
    const auto message = line.at("message").get<std::int64_t>();
    auto place = line.at("first").get<std::int64_t>();
    // A regenerated answer begins anew.
    db.prepare("DELETE FROM tokens WHERE chat = ? AND message = ? AND place >= ?")
        .bindAll(chat, message, place)
        .run();
    Statement s = db.prepare("INSERT INTO tokens VALUES(?,?,?,?)");
    for (const auto& event : line.at("events")) {
        const auto bytes = json::to_cbor(event);
        s.bind(1, chat).bind(2, message).bind(3, place++).bind(4, std::span<const std::uint8_t>(bytes));
        s.run();
    }
}

Chat chatFrom(const Statement& s) {
    Chat c;
    c.id = s.text(0);
    c.title = s.text(1);
    c.source = json::parse(s.text(2), nullptr, false);
    c.system = s.text(3);
    c.options = json::parse(s.text(4), nullptr, false);
    c.createdAt = s.integer(5);
    c.changedAt = s.integer(6);
    c.draft = s.text(7);
    c.origin = json::parse(s.text(8), nullptr, false);
    c.pinned = s.integer(9) != 0;
    return c;
}

Message messageFrom(const Statement& s) {
    Message m;
    m.id = s.integer(0);
    m.parent = s.integer(1);
    m.role = s.text(2);
    m.content = s.text(3);
    m.source = json::parse(s.text(4), nullptr, false);
    m.summary = json::parse(s.text(5), nullptr, false);
    m.createdAt = s.integer(6);
    return m;
}

std::string escapedLike(const std::string& text) {
    std::string out = "%";
    for (const char c : text) {
        if (c == '%' || c == '_' || c == '\\') out += '\\';
        out += c;
    }
    return out + "%";
}

// Reads a project through a connection of its own, so that it never waits for the writer's transaction.
template <class F>
auto reading(Project& project, F f) {
    return attempt([&] {
        Connection db(project.database(), Connection::Mode::ReadOnly);
        return f(db);
    });
}

}  // namespace

void applyChatLine(Connection& db, const std::string& chat, const json& line) {
    const std::string type = line.is_object() ? line.value("type", "") : "";
    if (type == "chat") applyChat(db, chat, line);
    if (type == "message") applyMessage(db, chat, line);
    if (type == "tokens") applyTokens(db, chat, line);
    if (type == "vote") applyVote(db, chat, line);
    if (type == "removed")
        db.prepare("DELETE FROM messages WHERE chat = ? AND id = ?")
            .bindAll(chat, line.at("message").get<std::int64_t>())
            .run();
}

void ChatArchive::write(const std::string& chat, json line) {
    const bool tokens = line["type"] == "tokens";
    m_project->store().post(
        // The line goes through text first, so that database and file hold the same bytes.
        [file = m_project->chatsFolder() / (chat + ".jsonl"), chat, text = dumped(line),
         tokens](Connection& db) {
            applyChatLine(db, chat, json::parse(text));
            appendLine(file, text, !tokens);
        },
        tokens ? Store::Urgency::Batched : Store::Urgency::Now);
}

std::string ChatArchive::create(Chat chat) {
    if (chat.id.empty()) chat.id = newChatId();
    if (chat.createdAt == 0) chat.createdAt = nowMilliseconds();
    if (chat.changedAt == 0) chat.changedAt = chat.createdAt;
    write(chat.id, chatLine(chat));
    return chat.id;
}

void ChatArchive::update(Chat chat) {
    if (chat.createdAt == 0) chat.createdAt = nowMilliseconds();
    if (chat.changedAt == 0) chat.changedAt = nowMilliseconds();
    write(chat.id, chatLine(chat));
}

void ChatArchive::remove(const std::string& chat) {
    m_project->store().post(
        [chat, file = m_project->chatsFolder() / (chat + ".jsonl")](Connection& db) {
            db.prepare("DELETE FROM chats WHERE id = ?").bindAll(chat).run();
            fs::remove(file);
        },
        Store::Urgency::Now);
}

void ChatArchive::putMessage(const std::string& chat, Message message) {
    if (message.createdAt == 0) message.createdAt = nowMilliseconds();
    write(chat, messageLine(message));
}

void ChatArchive::removeMessage(const std::string& chat, std::int64_t message) {
    write(chat, {{"type", "removed"}, {"message", message}});
}

void ChatArchive::putTokens(const std::string& chat, std::int64_t message, std::int64_t first,
                            const std::vector<engine::TokenEvent>& tokens) {
    json events = json::array();
    for (const auto& token : tokens)
        events.push_back(json(token));
    write(chat, {{"type", "tokens"}, {"message", message}, {"first", first}, {"events", std::move(events)}});
}

engine::Result<std::vector<Chat>> ChatArchive::chats() {
    return reading(*m_project, [](Connection& db) {
        std::vector<Chat> found;
        Statement s = db.prepare(
            "SELECT id, title, source, system, options, created_at, changed_at, draft, origin, pinned FROM "
            "chats ORDER BY pinned DESC, changed_at DESC, id DESC");
        while (s.step())
            found.push_back(chatFrom(s));
        return found;
    });
}

engine::Result<std::vector<Message>> ChatArchive::messages(const std::string& chat) {
    return reading(*m_project, [&](Connection& db) {
        std::vector<Message> found;
        Statement s = db.prepare(
            "SELECT id, parent, role, content, source, summary, created_at FROM messages WHERE chat = ? "
            "ORDER BY id");
        s.bind(1, chat);
        while (s.step())
            found.push_back(messageFrom(s));
        return found;
    });
}

engine::Result<std::vector<engine::TokenEvent>> ChatArchive::tokens(const std::string& chat,
                                                                    std::int64_t message) {
    return reading(*m_project, [&](Connection& db) {
        std::vector<engine::TokenEvent> found;
        Statement s = db.prepare("SELECT event FROM tokens WHERE chat = ? AND message = ? ORDER BY place");
        s.bindAll(chat, message);
        while (s.step()) {
            const auto bytes = s.blob(0);
            const auto event = json::from_cbor(bytes.begin(), bytes.end(), true, false);
            if (event.is_object()) found.push_back(event.get<engine::TokenEvent>());
        }
        return found;
    });
}

engine::Result<std::vector<std::string>> ChatArchive::search(const std::string& text) {
    return reading(*m_project, [&](Connection& db) {
        std::vector<std::string> found;
        Statement s = db.prepare(
            "SELECT id FROM chats WHERE title LIKE ?1 ESCAPE '\\' OR EXISTS(SELECT 1 FROM messages WHERE "
            "chat = chats.id AND "
            "content LIKE ?1 ESCAPE '\\') ORDER BY changed_at DESC, id DESC");
        s.bind(1, escapedLike(text));
        while (s.step())
            found.push_back(s.text(0));
        return found;
    });
}

}  // namespace caravan::projects

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/chat/chat_session.h"

#include <QUuid>
#include <algorithm>

#include "engine/api/event_json.h"
#include "projects/chat_export.h"
#include "projects/owner.h"
#include "projects/project.h"
#include "ui/bridge/engine_link.h"
#include "ui/format/format.h"
#include "ui/project_context.h"

namespace caravan::ui {
namespace {

constexpr int kSaveEvery = 500;   // ms, while tokens stream
constexpr int kTitleLength = 60;  // characters of the first message

// On the project's own thread.
projects::ChatArchive archiveOf(ProjectStore& store) {
    return projects::ChatArchive(store.project);
}

// Where the path of a kept conversation ended.
std::int64_t leafOf(const projects::Chat& chat) {
    return chat.options.is_object() ? chat.options.value("leaf", std::int64_t{0}) : 0;
}

}  // namespace

ChatSession::ChatSession(EngineLink* engine, QObject* parent) : QObject(parent), m_engine(engine) {
    m_saving.setInterval(kSaveEvery);
    connect(&m_saving, &QTimer::timeout, this, [this] { saveTokens(); });
    connect(engine, &EngineLink::died, this, &ChatSession::engineDied);
}

void ChatSession::inArchive(std::function<void(projects::ChatArchive&)> work) {
    if (m_project == nullptr) return;
    m_project->inProject<bool>(
        this,
        [work = std::move(work)](ProjectStore& project) {
            projects::ChatArchive archive = archiveOf(project);
            work(archive);
            return true;
        },
        [](const bool&) {});
}

void ChatSession::setProject(ProjectContext* project) {
    if (isStreaming()) stop();
    m_project = project;
    m_chats.clear();
    m_chat = {};
    m_tree.clear();
    m_compared.clear();
    Q_EMIT chatsChanged();
    Q_EMIT pathChanged();
    if (project == nullptr) return;
    connect(project, &ProjectContext::opened, this, [this] { reloadChats(); });
    if (project->isOpen()) reloadChats();
}

void ChatSession::reloadChats() {
    if (m_project == nullptr) return;
    using Chats = std::vector<projects::Chat>;
    m_project->inProject<Chats>(
        this,
        [](ProjectStore& project) {
            projects::ChatArchive archive = archiveOf(project);
            static_cast<void>(archive.flush());
            return archive.chats().value_or(Chats{});
        },
        [this](const Chats& chats) {
            m_chats = chats;
            Q_EMIT chatsChanged();
        });
}

void ChatSession::searchChats(const QString& text) {
    if (m_project == nullptr) return;
    using Ids = std::vector<std::string>;
    m_project->inProject<Ids>(
        this,
        [wish = text.toStdString()](ProjectStore& project) {
            projects::ChatArchive archive = archiveOf(project);
            static_cast<void>(archive.flush());
            return archive.search(wish).value_or(Ids{});
        },
        [this](const Ids& ids) {
            QStringList list;
            for (const std::string& id : ids)
                list.push_back(QString::fromStdString(id));
            Q_EMIT searched(list);
        });
}

void ChatSession::openChat(const QString& id) {
    if (m_project == nullptr || id == currentChat()) return;
    if (isStreaming()) stop();
    const auto found = std::find_if(m_chats.begin(), m_chats.end(),
                                    [&](const projects::Chat& c) { return c.id == id.toStdString(); });
    if (found == m_chats.end()) return;
    m_chat = *found;
    m_tree.clear();
    m_compared.clear();
    Q_EMIT pathChanged();
    m_project->inProject<projects::KeptChat>(
        this,
        [chat = m_chat](ProjectStore& project) {
            projects::ChatArchive archive = archiveOf(project);
            return projects::keptChat(archive, chat).value_or(projects::KeptChat{chat, {}, {}});
        },
        [this, chat = m_chat.id](const projects::KeptChat& loaded) {
            if (m_chat.id != chat) return;
            std::vector<ChatTurn> turns;
            for (const projects::Message& m : loaded.messages) {
                ChatTurn turn;
                turn.message = m;
                const auto tokens = loaded.tokens.find(m.id);
                if (tokens != loaded.tokens.end()) turn.tokens = tokens->second;
                // An answer without its end: the engine or the window went away while it streamed.
                if (turn.isAnswer() && m.summary.is_null()) turn.error = tr("This answer was cut off.");
                turns.push_back(std::move(turn));
            }
            m_tree.load(std::move(turns), leafOf(m_chat));
            Q_EMIT pathChanged();
        });
}

void ChatSession::newChat() {
    if (isStreaming()) stop();
    const std::string system = m_chat.system;
    m_chat = {};
    m_chat.system = system;
    m_tree.clear();
    m_compared.clear();
    Q_EMIT pathChanged();
    Q_EMIT chatsChanged();
}

void ChatSession::removeChat(const QString& id) {
    if (id == currentChat()) newChat();
    inArchive([chat = id.toStdString()](projects::ChatArchive& archive) { archive.remove(chat); });
    reloadChats();
}

void ChatSession::setOptions(const engine::GenerateOptions& options) {
    m_options = options;
}

engine::GenerateOptions ChatSession::options() const {
    engine::GenerateOptions options = m_options;
    options.steer = m_change.steer;
    options.activeExperts = m_change.activeExperts;
    return options;
}

void ChatSession::setSystem(const QString& text) {
    m_chat.system = text.trimmed().toStdString();
    saveChat();
}

void ChatSession::ensureChat(const QString& firstText) {
    if (!m_chat.id.empty()) return;
    m_chat.id = QUuid::createUuid().toString(QUuid::WithoutBraces).toStdString();
    QString title = firstText.simplified();
    if (title.size() > kTitleLength) title = title.left(kTitleLength - 1) + QChar(0x2026);
    m_chat.title = title.toStdString();
    m_chat.createdAt = m_chat.changedAt = projects::nowMilliseconds();
    inArchive([chat = m_chat](projects::ChatArchive& archive) { archive.create(chat); });
    m_chats.insert(m_chats.begin(), m_chat);
    sortChats();
    Q_EMIT chatsChanged();
}

void ChatSession::saveChat() {
    if (m_chat.id.empty()) return;
    m_chat.options = {{"leaf", m_tree.leaf()}};
    inArchive([chat = m_chat](projects::ChatArchive& archive) { archive.update(chat); });
    for (projects::Chat& chat : m_chats)
        if (chat.id == m_chat.id) chat = m_chat;
    sortChats();
}

void ChatSession::ask(const QString& text) {
    ensureChat(text);
    ChatTurn turn;
    turn.message.role = "user";
    turn.message.content = text.toStdString();
    turn.message.createdAt = projects::nowMilliseconds();
    saveMessage(m_tree.append(std::move(turn)));
}

void ChatSession::send(const QString& text) {
    if (isStreaming() || m_project == nullptr || text.trimmed().isEmpty()) return;
    m_compared.clear();
    ask(text);
    answer(m_source);
}

void ChatSession::regenerate() {
    if (isStreaming() || path().empty()) return;
    m_compared.clear();
    if (path().back().isAnswer()) m_tree.cut(path().size() - 1);
    if (!path().empty()) answer(m_source);
}

void ChatSession::edit(int turn, const QString& text) {
    const auto place = static_cast<std::size_t>(turn);
    if (isStreaming() || text.trimmed().isEmpty() || place >= path().size() || path()[place].isAnswer())
        return;
    m_tree.cut(place);
    send(text);
}

void ChatSession::choose(std::int64_t message) {
    if (isStreaming() || m_tree.find(message) == nullptr) return;
    m_tree.choose(message);
    saveChat();
    Q_EMIT pathChanged();
}

void ChatSession::compare(const QString& text, const std::vector<ChatSource>& sources) {
    if (isStreaming() || m_project == nullptr || sources.empty()) return;
    if (!text.trimmed().isEmpty())
        ask(text);
    else if (!path().empty() && path().back().isAnswer())
        m_tree.cut(path().size() - 1);
    if (path().empty()) return;
    m_waiting = sources;
    m_compared.clear();
    answerNext();
}

void ChatSession::answerNext() {
    const ChatSource source = m_waiting.front();
    m_waiting.erase(m_waiting.begin());
    if (path().back().isAnswer()) m_tree.cut(path().size() - 1);
    answer(source);
}

std::vector<engine::ChatMessage> ChatSession::messagesBefore(std::size_t turn) const {
    std::vector<engine::ChatMessage> messages;
    if (!m_chat.system.empty()) messages.push_back({"system", m_chat.system});
    for (std::size_t i = 0; i < std::min(turn, path().size()); ++i)
        messages.push_back({path()[i].message.role, path()[i].message.content});
    return messages;
}

void ChatSession::answer(const ChatSource& source) {
    const engine::GenerateOptions options = source.dense ? m_options : this->options();
    nlohmann::json body{
        {"source", source.source}, {"messages", messagesBefore(path().size())}, {"options", options}};
    ChatTurn turn;
    turn.message.role = "assistant";
    turn.message.source = source.source;
    turn.message.source["words"] = source.words.toStdString();
    turn.message.source["options"] = options;
    turn.message.createdAt = projects::nowMilliseconds();
    turn.streaming = true;
    m_chat.source = turn.message.source;
    m_chat.changedAt = turn.message.createdAt;
    saveMessage(m_tree.append(std::move(turn)));
    m_compared.push_back(m_tree.leaf());
    saveChat();
    m_savedTokens = 0;
    m_stopped = false;
    Q_EMIT chatsChanged();
    Q_EMIT pathChanged();
    m_request = m_engine->request(
        "generate", std::move(body), this,
        [this](const engine::Result<nlohmann::json>& result) {
            if (!result) return finish(tl::unexpected<engine::Error>(result.error()));
            finish(result->get<engine::GenerateSummary>());
        },
        [this](const engine::Progress& progress) { Q_EMIT loading(progress); },
        [this](const QVector<engine::TokenEvent>& tokens) { append(tokens); });
    m_saving.start();
    Q_EMIT streamingChanged(true);
}

void ChatSession::append(const QVector<engine::TokenEvent>& tokens) {
    if (path().empty() || !path().back().streaming) return;
    ChatTurn& turn = m_tree.path().back();
    const int first = static_cast<int>(turn.tokens.size());
    for (const engine::TokenEvent& token : tokens) {
        turn.message.content += token.text;
        turn.tokens.push_back(token);
    }
    Q_EMIT tokensAppended(static_cast<int>(path().size()) - 1, first);
}

void ChatSession::end(ChatTurn& turn, const engine::Result<engine::GenerateSummary>& summary) {
    turn.streaming = false;
    if (summary) {
        turn.message.summary = *summary;
        if (!summary->text.empty() || turn.tokens.empty()) turn.message.content = summary->text;
    } else if (m_stopped || summary.error().code == engine::ErrorCode::Interrupted) {
        turn.message.summary =
            engine::GenerateSummary{.text = turn.message.content,
                                    .tokens = static_cast<std::int64_t>(turn.tokens.size()),
                                    .finish = "cancelled"};
    } else {
        turn.error = words(summary.error()).oneLine();
        Q_EMIT failed(summary.error());
    }
}

void ChatSession::finish(const engine::Result<engine::GenerateSummary>& summary) {
    m_request = 0;
    m_saving.stop();
    if (path().empty() || !path().back().streaming) {  // another conversation was opened meanwhile
        Q_EMIT streamingChanged(false);
        return;
    }
    saveTokens();
    ChatTurn& turn = m_tree.path().back();
    end(turn, summary);
    saveMessage(turn);
    Q_EMIT turnChanged(static_cast<int>(path().size()) - 1);
    // One that cannot answer does not keep the others from it; a stop ends them all.
    const bool lost = !summary && summary.error().code == engine::ErrorCode::EngineGone;
    if (!m_waiting.empty() && !m_stopped && !lost) return answerNext();
    m_waiting.clear();
    Q_EMIT streamingChanged(false);
}

void ChatSession::stop() {
    if (!isStreaming()) return;
    m_stopped = true;
    m_waiting.clear();
    m_engine->cancel(m_request);
}

// What was said stays; the request itself ends with EngineGone through finish().
void ChatSession::engineDied(const QString&) {
    saveTokens();
}

void ChatSession::saveMessage(const ChatTurn& turn) {
    inArchive([chat = m_chat.id, message = turn.message](projects::ChatArchive& archive) {
        archive.putMessage(chat, message);
    });
}

void ChatSession::saveTokens() {
    if (path().empty() || path().back().tokens.size() <= m_savedTokens) return;
    const ChatTurn& turn = path().back();
    std::vector<engine::TokenEvent> fresh(turn.tokens.begin() + static_cast<std::ptrdiff_t>(m_savedTokens),
                                          turn.tokens.end());
    inArchive([chat = m_chat.id, id = turn.message.id, first = static_cast<std::int64_t>(m_savedTokens),
               fresh = std::move(fresh)](projects::ChatArchive& archive) {
        archive.putTokens(chat, id, first, fresh);
    });
    m_savedTokens = turn.tokens.size();
}

}  // namespace caravan::ui

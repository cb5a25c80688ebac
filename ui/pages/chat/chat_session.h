// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QStringList>
#include <QTimer>
#include <QVector>
#include <functional>
#include <vector>

#include "projects/chat_votes.h"
#include "ui/pages/chat/chat_tree.h"

namespace caravan::ui {

class EngineLink;
class ProjectContext;

// The conversations of the project and the open one: sends, streams, stops, regenerates, branches. Everything
// is kept in the archive as it happens (tokens twice a second while they stream). GUI thread; nothing blocks.
class ChatSession : public QObject {
    Q_OBJECT
  public:
    explicit ChatSession(EngineLink* engine, QObject* parent = nullptr);

    void setProject(ProjectContext* project);
    [[nodiscard]] const std::vector<projects::Chat>& chats() const { return m_chats; }
    [[nodiscard]] QString currentChat() const { return QString::fromStdString(m_chat.id); }
    [[nodiscard]] const projects::Chat& chat() const { return m_chat; }
    void openChat(const QString& id);
    void newChat();
    void removeChat(const QString& id);
    void searchChats(const QString& text);  // answered by searched()
    void setPinned(const QString& id, bool pinned);
    // A new conversation with the turns up to path()[turn]; it is the open one then.
    void branchOff(std::size_t turn);
    // The conversation that the open one branched off from; empty: none, or deleted.
    [[nodiscard]] QString originChat() const;

    [[nodiscard]] const ChatTree& tree() const { return m_tree; }
    [[nodiscard]] const std::vector<ChatTurn>& path() const { return m_tree.path(); }
    [[nodiscard]] bool isStreaming() const { return m_request != 0; }

    void setSource(const ChatSource& source) { m_source = source; }
    [[nodiscard]] const ChatSource& source() const { return m_source; }
    // Sampling; how the router is bent is kept beside it.
    void setOptions(const engine::GenerateOptions& options);
    [[nodiscard]] engine::GenerateOptions options() const;
    void setChange(const engine::RouterChange& change) { m_change = change; }
    [[nodiscard]] const engine::RouterChange& change() const { return m_change; }
    void setSystem(const QString& text);
    [[nodiscard]] QString system() const { return QString::fromStdString(m_chat.system); }
    // What the answer at path()[turn] was asked with.
    [[nodiscard]] std::vector<engine::ChatMessage> messagesBefore(std::size_t turn) const;

    void send(const QString& text);
    void regenerate();  // the last answer once more, with the same seed; the old one stays as a branch
    void edit(int turn, const QString& text);  // a question, asked anew beside the old one
    void choose(std::int64_t message);         // another branch
    // Every source answers, one after the other: branches of one question. An empty text: the last question.
    void compare(const QString& text, const std::vector<ChatSource>& sources);
    [[nodiscard]] const std::vector<std::int64_t>& compared() const { return m_compared; }  // ids by source
    // On the answers of compared(), which were shown without names; the better one goes on. best: -1 none.
    void vote(projects::Vote::Outcome outcome, int best);
    void readVotes();  // of the project; told by votesRead()
    // Answers of this conversation that wait for a blind vote, also in the next window; empty: none do.
    void keepRound(const std::vector<std::int64_t>& answers);
    void dropRound();
    [[nodiscard]] std::vector<std::int64_t> keptRound() const;
    void setCompared(const std::vector<std::int64_t>& answers) { m_compared = answers; }
    void stop();
    void engineDied(const QString& reason);
    void saveTokens();  // now; by itself twice a second while they stream

  Q_SIGNALS:
    void chatsChanged();
    void searched(const QStringList& ids);
    void pathChanged();                        // other messages
    void tokensAppended(int turn, int first);  // behind path()[turn].tokens[first]
    void turnChanged(int turn);                // ended, failed
    void streamingChanged(bool streaming);
    void loading(const caravan::engine::Progress& progress);
    void failed(const caravan::engine::Error& error);
    void votesRead(const std::vector<caravan::projects::PairTally>& pairs);

  private:
    void reloadChats();
    [[nodiscard]] QString roundKey() const;
    void ensureChat(const QString& firstText);
    void ask(const QString& text);
    void answer(const ChatSource& source);
    void answerNext();
    void append(const QVector<engine::TokenEvent>& tokens);
    void finish(const engine::Result<engine::GenerateSummary>& summary);
    void end(ChatTurn& turn, const engine::Result<engine::GenerateSummary>& summary);
    void saveMessage(const ChatTurn& turn);
    void saveChat();
    void sortChats();
    void inArchive(std::function<void(projects::ChatArchive&)> work);  // on the project's own thread

    EngineLink* m_engine;
    ProjectContext* m_project = nullptr;
    std::vector<projects::Chat> m_chats;
    projects::Chat m_chat;  // id empty: new, not yet kept
    ChatTree m_tree;
    ChatSource m_source;
    engine::GenerateOptions m_options;
    engine::RouterChange m_change;
    std::vector<ChatSource> m_waiting;  // of a comparison, in order
    std::vector<std::int64_t> m_compared;
    quint64 m_request = 0;
    bool m_stopped = false;
    std::size_t m_savedTokens = 0;
    QTimer m_saving;
};

}  // namespace caravan::ui

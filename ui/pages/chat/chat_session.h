// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QTimer>
#include <QVector>
#include <optional>
#include <vector>

#include "engine/api/engine.h"
#include "projects/chat_archive.h"

namespace caravan::ui {

class EngineLink;
class ProjectContext;

// Who answers, as the user chose it.
struct ChatSource {
    engine::ModelSource source;
    QString words;  // "base-16m", "run 0001, step 60", "run 0001, live weights, step 41"
    friend bool operator==(const ChatSource& a, const ChatSource& b) {
        return a.source.path == b.source.path && a.source.live == b.source.live;
    }
};

// One message on the shown path of a conversation.
struct ChatTurn {
    projects::Message message;
    std::vector<engine::TokenEvent> tokens;  // of an answer
    bool streaming = false;
    QString error;  // why it ended early; the text stays

    [[nodiscard]] bool isAnswer() const { return message.role == "assistant"; }
};

// The conversations of the project and the open one: sends, streams, stops, regenerates. Everything is kept
// in the archive as it happens (tokens twice a second while they stream). GUI thread; nothing blocks.
class ChatSession : public QObject {
    Q_OBJECT
  public:
    explicit ChatSession(EngineLink* engine, QObject* parent = nullptr);

    void setProject(ProjectContext* project);
    [[nodiscard]] const std::vector<projects::Chat>& chats() const { return m_chats; }
    [[nodiscard]] QString currentChat() const { return QString::fromStdString(m_chat.id); }
    void openChat(const QString& id);
    void newChat();
    void removeChat(const QString& id);
    void searchChats(const QString& text);  // answered by searched()

    [[nodiscard]] const std::vector<ChatTurn>& path() const { return m_path; }
    [[nodiscard]] bool isStreaming() const { return m_request != 0; }

    void setSource(const ChatSource& source) { m_source = source; }
    [[nodiscard]] const ChatSource& source() const { return m_source; }
    void setOptions(const engine::GenerateOptions& options);
    [[nodiscard]] const engine::GenerateOptions& options() const { return m_options; }
    void setSystem(const QString& text);
    [[nodiscard]] QString system() const { return QString::fromStdString(m_chat.system); }

    void send(const QString& text);
    void regenerate();  // the last answer once more, with the same seed
    void stop();
    void engineDied(const QString& reason);

  Q_SIGNALS:
    void chatsChanged();
    void searched(const QStringList& ids);
    void pathChanged();                        // other messages
    void tokensAppended(int turn, int first);  // behind path()[turn].tokens[first]
    void turnChanged(int turn);                // ended, failed
    void streamingChanged(bool streaming);
    void loading(const caravan::engine::Progress& progress);
    void failed(const caravan::engine::Error& error);

  private:
    void reloadChats();
    void ensureChat(const QString& firstText);
    void answer();
    void append(const QVector<engine::TokenEvent>& tokens);
    void finish(const engine::Result<engine::GenerateSummary>& summary);
    void saveMessage(const ChatTurn& turn);
    void saveTokens();
    template <class F>
    void inArchive(F work);

    EngineLink* m_engine;
    ProjectContext* m_project = nullptr;
    std::vector<projects::Chat> m_chats;
    projects::Chat m_chat;  // id empty: new, not yet kept
    std::vector<ChatTurn> m_path;
    std::int64_t m_nextMessage = 1;
    ChatSource m_source;
    engine::GenerateOptions m_options;
    quint64 m_request = 0;
    bool m_stopped = false;
    std::size_t m_savedTokens = 0;
    QTimer m_saving;
};

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <QTimer>
#include <map>

#include "ui/page.h"
#include "ui/pages/chat/chat_session.h"

class QComboBox;
class QLineEdit;
class QListWidget;
class QPlainTextEdit;
class QPushButton;
class QSlider;
class QSpinBox;

namespace caravan::ui {

class ChatView;
class ExpertLegend;
class SamplingPanel;
class ThemedLabel;
class TokenInspector;

// Conversations with the dense base, a mixture, a checkpoint or the paused run's weights; every token colored
// by its expert while it streams, and inspected on a click.
class ChatPage : public Page {
    Q_OBJECT
  public:
    ChatPage(const Services& services, QWidget* parent);

    void setProject(ProjectContext* project) override;
    void setActive(bool active) override;
    void showRun(const QString& runId) override;
    void openLink(const QVariantMap& arguments) override;
    [[nodiscard]] QAction* mainAction() const override { return m_send; }
    [[nodiscard]] QStringList keyHints() const override;

    [[nodiscard]] ChatSession* session() const { return m_session; }

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    QWidget* makeConversations();
    QWidget* makeLayerBar();
    QWidget* makeComposer();
    QWidget* makeExamples();
    void makeActions();
    void refreshSources();
    void readCheckpoints();
    void fillWeights();
    void chooseSource();
    void refreshChats();
    void showToken(int turn, int token);
    void showLayer(int row);
    void showLayers();
    void showLegend();
    void showState();
    void send();
    [[nodiscard]] QString hindrance() const;
    [[nodiscard]] const ChatTurn* lastAnswer() const;

    struct Weights {
        QString words, path;
        bool live = false;
    };
    struct Model {
        QString words, key;
        std::vector<Weights> weights;
    };

    ChatSession* m_session;
    ChatView* m_view;
    TokenInspector* m_inspector;
    QListWidget* m_list = nullptr;
    QLineEdit* m_search = nullptr;
    QComboBox* m_modelBox;
    QComboBox* m_weightsBox;
    QPushButton* m_colorButton;
    QPushButton* m_samplingButton;
    SamplingPanel* m_sampling;
    QSpinBox* m_layer = nullptr;
    QSlider* m_layerSlider = nullptr;
    ExpertLegend* m_legend = nullptr;
    QWidget* m_layerBar = nullptr;
    QPlainTextEdit* m_input = nullptr;
    ThemedLabel* m_status = nullptr;
    ThemedLabel* m_speed = nullptr;
    QPushButton* m_sendButton = nullptr;
    QAction* m_send = nullptr;
    QAction* m_stop = nullptr;
    QAction* m_regenerate = nullptr;
    QAction* m_new = nullptr;
    std::vector<Model> m_models;
    std::map<QString, std::vector<engine::CheckpointInfo>> m_checkpoints;  // by run id
    QStringList m_matching;                                                // chats that the search found
    bool m_filtering = false;
    int m_layerRow = 0;
    QString m_wish;  // model key to choose as soon as it is listed
    QString m_loading;
    QTimer m_legendTimer;
};

// How the page names a run among those that can answer.
[[nodiscard]] QString chatKeyOfRun(const QString& id);

[[nodiscard]] Page* makeChatPage(const Services& services, QWidget* parent);

}  // namespace caravan::ui

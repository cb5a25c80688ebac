// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <QTimer>
#include <map>

#include "ui/format/stage_clock.h"
#include "ui/page.h"
#include "ui/pages/chat/chat_session.h"

class QComboBox;
class QLineEdit;
class QListWidget;
class QPlainTextEdit;
class QPushButton;
class QSlider;
class QSpinBox;
class QStackedWidget;

namespace caravan::widgets {
class Segmented;
}

namespace caravan::ui {

class AnswerMeasure;
class ChatSide;
class ChatView;
class CompareView;
class ExpertLegend;
class MessageView;
class NextTokenView;
class SteerPanel;
struct AnswerChange;
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
    enum class Mode { Single, Compare, NextToken };
    [[nodiscard]] Mode mode() const;
    void writeExport(const QString& file, bool json);  // of the open conversation; told in the status line

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
    void markCurrentChat();
    void makeHeader();
    void connectSession();
    void makeSteering();
    void makeModes();
    void makeTextSizeActions();
    void makeVoteActions();
    void showVoteActions();
    void showMode();
    void exportChat(bool json);
    [[nodiscard]] std::vector<ChatSource> allSources() const;
    void showSteering();
    void measure();
    void takeMeasured(const AnswerChange& change);
    void showDifference();
    void showToken(int turn, int token);
    void showLayer(int row);
    void showLayers();
    void showLegend();
    void showState();
    void send();
    [[nodiscard]] QString hindrance() const;
    [[nodiscard]] const ChatTurn* lastAnswer() const;
    [[nodiscard]] int lastAnswerIndex() const;  // on the path; -1: none
    [[nodiscard]] MessageView* lastAnswerView() const;
    [[nodiscard]] int expertOfToken() const;  // first choice of the selected token in the shown layer, or -1

    struct Weights {
        QString words, path;
        bool live = false;
        bool base = false;  // of a run: what it began with
        engine::Quantization quantization = engine::Quantization::None;
        engine::Compute compute = engine::Compute::Auto;
    };
    struct Model {
        QString words, key;
        std::vector<Weights> weights;
        bool dense = false;
    };
    [[nodiscard]] static ChatSource sourceOf(const Model& model, const Weights& weights);

    ChatSession* m_session;
    ChatView* m_view;
    CompareView* m_compare;
    NextTokenView* m_next;
    widgets::Segmented* m_mode;
    QStackedWidget* m_stack;
    TokenInspector* m_inspector;
    SteerPanel* m_steer;
    ChatSide* m_side;
    AnswerMeasure* m_measure;
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
    QWidget* m_composer = nullptr;
    QPlainTextEdit* m_input = nullptr;
    ThemedLabel* m_status = nullptr;
    ThemedLabel* m_speed = nullptr;
    QPushButton* m_sendButton = nullptr;
    QAction* m_send = nullptr;
    QAction* m_stop = nullptr;
    QAction* m_regenerate = nullptr;
    QAction* m_new = nullptr;
    QAction* m_pin = nullptr;
    QAction* m_branch = nullptr;
    std::vector<std::pair<int, QAction*>> m_voteActions;  // by choice (VoteBar)
    std::vector<Model> m_models;
    std::map<QString, std::vector<engine::CheckpointInfo>> m_checkpoints;  // by run id
    QStringList m_matching;                                                // chats that the search found
    bool m_filtering = false;
    int m_layerRow = 0;
    QString m_steered;  // key of the model that the steer panel is about; "" = a dense one
    QString m_wish;     // model key to choose as soon as it is listed
    QString m_loading;
    StageClock m_clock;  // of what is loaded
    QString m_told;      // of the last export
    QTimer m_legendTimer;
};

// How the page names a run among those that can answer.
[[nodiscard]] QString chatKeyOfRun(const QString& id);

[[nodiscard]] Page* makeChatPage(const Services& services, QWidget* parent);

}  // namespace caravan::ui

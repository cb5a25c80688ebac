// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/chat/chat_page.h"

#include <QAction>
#include <QClipboard>
#include <QComboBox>
#include <QGuiApplication>
#include <QKeyEvent>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSlider>
#include <QSpinBox>
#include <QSplitter>
#include <QStackedWidget>
#include <QVBoxLayout>
#include <cmath>

#include "ui/actions/action_registry.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/chat/answer_measure.h"
#include "ui/pages/chat/chat_controls.h"
#include "ui/pages/chat/chat_side.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/pages/chat/compare_view.h"
#include "ui/pages/chat/message_view.h"
#include "ui/pages/chat/next_token_view.h"
#include "ui/pages/chat/steer_panel.h"
#include "ui/pages/chat/token_inspector.h"
#include "ui/project_context.h"
#include "ui/shell/surface.h"
#include "ui/theme/style.h"
#include "widgets/segmented.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {
constexpr int kLegendEvery = 250;  // ms: read-out digits change at 4 Hz

// Of the answer that is being written.
QString countWords(const ChatTurn* turn) {
    const int tokens = turn == nullptr ? 0 : static_cast<int>(turn->tokens.size());
    return ChatPage::tr("%1 token(s)", nullptr, tokens).arg(withThousands(tokens));
}
}  // namespace

ChatPage::ChatPage(const Services& services, QWidget* parent)
    : Page(QStringLiteral("chat"), tr("Chat"), services, parent),
      m_session(new ChatSession(services.engine, this)),
      m_view(new ChatView(m_session)),
      m_compare(new CompareView(m_session)),
      m_next(new NextTokenView(services.engine)),
      m_mode(new widgets::Segmented({tr("Single"), tr("Side by side"), tr("Next token")})),
      m_stack(new QStackedWidget),
      m_inspector(new TokenInspector),
      m_steer(new SteerPanel),
      m_side(new ChatSide(m_inspector, m_steer)),
      m_measure(new AnswerMeasure(services.engine, this)),
      m_modelBox(new QComboBox),
      m_weightsBox(new QComboBox),
      m_colorButton(new QPushButton(widgets::themeIcon(QStringLiteral("eye")), tr("Color by expert"))),
      m_samplingButton(new QPushButton(widgets::themeIcon(QStringLiteral("settings")), tr("Sampling"))),
      m_sampling(new SamplingPanel(this)) {
    makeActions();
    makeHeader();
    auto* middle = new QWidget;
    middle->setBackgroundRole(QPalette::Base);
    middle->setAutoFillBackground(true);
    auto* column = new QVBoxLayout(middle);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(makeLayerBar());
    column->addWidget(m_stack, 1);
    column->addWidget(m_composer = makeComposer());
    m_view->setEmptyContent(makeExamples());
    auto* split = new QSplitter(Qt::Horizontal);
    split->addWidget(makeConversations());
    split->addWidget(middle);
    split->addWidget(m_side);
    split->setStretchFactor(0, 0);
    split->setStretchFactor(1, 1);
    split->setStretchFactor(2, 0);
    split->setSizes({208, 720, 416});
    split->setChildrenCollapsible(false);
    setCentralWidget(split);

    connectSession();
    makeSteering();
    makeModes();
    connect(m_view, &ChatView::tokenSelected, this, &ChatPage::showToken);
    connect(m_view, &ChatView::copied, this,
            [](const QString& text) { QGuiApplication::clipboard()->setText(text); });
    connect(m_inspector, &TokenInspector::layerChosen, this, &ChatPage::showLayer);
    m_legendTimer.setSingleShot(true);
    m_legendTimer.setInterval(kLegendEvery);
    connect(&m_legendTimer, &QTimer::timeout, this, [this] {
        showLayers();
        if (m_session->isStreaming()) m_speed->setText(countWords(lastAnswer()));
    });
    connect(services.engine, &EngineLink::stateChanged, this, [this] { showState(); });
    connect(services.runs, &RunController::stateChanged, this, [this] { refreshSources(); });
    m_session->setOptions(m_sampling->options());
    refreshSources();
    showLayers();
    showState();
}

void ChatPage::makeHeader() {
    m_modelBox->setMinimumWidth(190);
    m_modelBox->setMaximumWidth(260);
    m_modelBox->setSizeAdjustPolicy(QComboBox::AdjustToContents);  // runs come while the page is shown
    m_modelBox->setAccessibleName(tr("Model or run that answers"));
    m_weightsBox->setMinimumWidth(180);
    m_weightsBox->setAccessibleName(tr("Weights that answer"));
    addHeaderWidget(m_modelBox);
    addHeaderWidget(m_weightsBox);
    m_colorButton->setCheckable(true);
    m_colorButton->setChecked(true);
    addHeaderButton(m_mode);
    addHeaderButton(m_colorButton);
    addHeaderButton(m_samplingButton);
    connect(m_modelBox, &QComboBox::currentIndexChanged, this, [this] { fillWeights(); });
    connect(m_modelBox, &QComboBox::activated, this, [this] { m_modelBox->setProperty("settled", true); });
    connect(m_weightsBox, &QComboBox::currentIndexChanged, this, [this] { chooseSource(); });
    connect(m_colorButton, &QPushButton::toggled, this, [this](bool on) {
        m_view->setColored(on);
        m_compare->setColored(on);
        showLayers();
    });
    connect(m_samplingButton, &QPushButton::clicked, this, [this] {
        m_sampling->setSystem(m_session->system());
        m_sampling->adjustSize();
        m_sampling->move(m_samplingButton->mapToGlobal(
            QPoint(m_samplingButton->width() - m_sampling->width(), m_samplingButton->height() + 4)));
        m_sampling->show();
    });
    connect(m_sampling, &SamplingPanel::changed, this, [this] {
        m_session->setOptions(m_sampling->options());
        showState();
    });
    connect(m_sampling, &SamplingPanel::systemChanged, m_session, &ChatSession::setSystem);
}

void ChatPage::connectSession() {
    connect(m_session, &ChatSession::chatsChanged, this, [this] { refreshChats(); });
    connect(m_session, &ChatSession::searched, this, [this](const QStringList& ids) {
        m_matching = ids;
        refreshChats();
    });
    connect(m_session, &ChatSession::pathChanged, this, [this] {
        m_measure->cancel();
        m_steer->clearMeasured();
        markCurrentChat();
        showLayers();
        showState();
        showDifference();
    });
    connect(m_session, &ChatSession::tokensAppended, this, [this] {
        m_loading.clear();
        if (!m_legendTimer.isActive()) m_legendTimer.start();
    });
    connect(m_session, &ChatSession::turnChanged, this, [this] {
        showLegend();
        showDifference();
    });
    connect(m_session, &ChatSession::streamingChanged, this, [this] {
        m_loading.clear();
        m_clock.restart();
        showLayers();
        showState();
    });
    connect(m_session, &ChatSession::loading, this, [this](const engine::Progress& progress) {
        m_loading = m_clock.words(progress);
        showState();
    });
}

void ChatPage::setProject(ProjectContext* project) {
    if (this->project() != nullptr) this->project()->disconnect(this);
    Page::setProject(project);
    m_checkpoints.clear();
    m_session->setProject(project);
    if (project != nullptr) {
        connect(project, &ProjectContext::modelsChanged, this, [this] { refreshSources(); });
        connect(project, &ProjectContext::runsChanged, this, [this] { refreshSources(); });
        connect(project, &ProjectContext::opened, this, [this] { refreshSources(); });
    }
    refreshSources();
}

void ChatPage::setActive(bool active) {
    Page::setActive(active);
    m_next->setActive(active && mode() == Mode::NextToken);
    if (!active) return;
    refreshSources();
    m_input->setFocus();
}

void ChatPage::showRun(const QString& runId) {
    m_wish = chatKeyOfRun(runId);
    refreshSources();
}

void ChatPage::openLink(const QVariantMap& arguments) {
    if (arguments.contains(QStringLiteral("run")))
        return showRun(arguments.value(QStringLiteral("run")).toString());
    if (arguments.contains(QStringLiteral("model"))) {
        m_wish = QStringLiteral("model:") + arguments.value(QStringLiteral("model")).toString();
        refreshSources();
    }
}

void ChatPage::showToken(int turn, int token) {
    const auto& path = m_session->path();
    const bool known = turn >= 0 && token >= 0 && static_cast<std::size_t>(turn) < path.size() &&
                       static_cast<std::size_t>(token) < path[static_cast<std::size_t>(turn)].tokens.size();
    m_steer->setToken(known && turn == lastAnswerIndex() ? token : -1);
    if (!known) return m_inspector->showToken(nullptr, 0, 0);
    const auto& tokens = path[static_cast<std::size_t>(turn)].tokens;
    m_inspector->setLayer(m_layerRow);
    m_inspector->showToken(&tokens[static_cast<std::size_t>(token)], token, static_cast<int>(tokens.size()));
}

void ChatPage::showLayer(int row) {
    if (row == m_layerRow || row < 0) return;
    m_layerRow = row;
    m_view->setLayer(row);
    m_compare->setLayer(row);
    m_inspector->setLayer(row);
    m_steer->setLayer(row);
    showLayers();
}

void ChatPage::showLayers() {
    const ChatTurn* turn = lastAnswer();
    const bool sparse = turn != nullptr && !turn->tokens.empty() && !turn->tokens.front().experts.empty();
    m_layerBar->setVisible(sparse && m_colorButton->isChecked() && mode() != Mode::NextToken &&
                           !m_compare->hidesNames());
    m_colorButton->setEnabled(!m_compare->hidesNames() && mode() != Mode::NextToken);
    const bool dense = turn != nullptr && !m_compare->hidesNames() && !turn->tokens.empty() && !sparse;
    m_colorButton->setText(dense ? tr("Show tokens") : tr("Color by expert"));
    m_colorButton->setToolTip(
        m_compare->hidesNames()
            ? tr("Colors would tell a mixture from a dense model: vote first")
            : tr("On: every token can be seen and clicked. Off: the answers as formatted text"));
    if (sparse) {
        const auto& layers = turn->tokens.front().layers;
        const QSignalBlocker quietBox(m_layer), quietSlider(m_layerSlider);
        m_layerRow = std::min(m_layerRow, static_cast<int>(layers.size()) - 1);
        m_layerSlider->setRange(0, static_cast<int>(layers.size()) - 1);
        m_layerSlider->setValue(m_layerRow);
        m_layer->setRange(static_cast<int>(layers.front()), static_cast<int>(layers.back()));
        m_layer->setValue(static_cast<int>(layers[static_cast<std::size_t>(m_layerRow)]));
    }
    m_steer->setLayer(m_layerRow);
    showLegend();
}

void ChatPage::showLegend() {
    std::map<int, int> counts;
    int total = 0;
    if (const ChatTurn* turn = lastAnswer())
        for (const auto& [expert, weight] : expertsInLayer(*turn, m_layerRow))
            if (expert >= 0) {
                ++counts[expert];
                ++total;
            }
    std::vector<std::pair<int, double>> shares;
    for (const auto& [expert, count] : counts)
        shares.emplace_back(expert, static_cast<double>(count) / total);
    m_legend->setShares(shares);
}

QString ChatPage::hindrance() const {
    if (project() == nullptr) return tr("No project is open.");
    if (m_models.empty()) return tr("No model can answer yet: add one on the Models page.");
    if (!services().engine->isUsable()) return tr("Waiting for the engine.");
    const LiveRun& live = services().runs->live();
    if (m_session->source().source.live && live.state != engine::RunState::Paused)
        return tr("Live weights answer only while their run is paused.");
    return m_steer->problem();
}

void ChatPage::showState() {
    showSteering();
    const bool streaming = m_session->isStreaming();
    const QString why = hindrance(), bent = changeWords(m_session->change());
    const QString changed = bent.isEmpty() ? QString() : QStringLiteral(" · ") + bent;
    const bool text = !m_input->toPlainText().trimmed().isEmpty();
    m_send->setEnabled(!streaming && why.isEmpty() && text);
    m_stop->setEnabled(streaming);
    m_regenerate->setEnabled(!streaming && why.isEmpty() && !m_session->path().empty());
    m_pin->setEnabled(!m_session->currentChat().isEmpty());
    m_pin->setChecked(m_session->chat().pinned);
    m_branch->setEnabled(!streaming && !m_session->path().empty());
    m_sendButton->setText(streaming ? tr("Stop") : tr("Send"));
    m_sendButton->setIcon(widgets::themeIcon(streaming ? QStringLiteral("stop") : QStringLiteral("send")));
    m_sendButton->setEnabled(streaming || m_send->isEnabled());
    setPrimary(m_sendButton, !streaming && bent.isEmpty());
    m_sendButton->setToolTip(streaming ? tr("Esc stops the answer; what was said stays") : why);
    const bool anonymous = m_compare->hidesNames();
    showVoteActions();
    m_status->setText(!m_loading.isEmpty() ? (anonymous ? tr("Working on an answer") : m_loading)
                      : !why.isEmpty()     ? why
                      : !m_told.isEmpty()  ? m_told
                                           : m_sampling->summary() + changed);
    m_next->setSource(m_session->source());
    m_next->setChange(m_steer->problem().isEmpty() ? m_session->change() : engine::RouterChange{});
    for (const char* id : {"chat.export_markdown", "chat.export_json"})
        if (QAction* action = services().actions->find(QLatin1String(id)))
            action->setEnabled(!m_session->path().empty());
    m_samplingButton->setToolTip(m_sampling->summary());
    const ChatTurn* turn = lastAnswer();
    QString speed;
    if (turn != nullptr && !anonymous && turn->message.summary.is_object()) {
        const double rate = turn->message.summary.value("tokens_per_second", 0.0),
                     first = turn->message.summary.value("seconds_to_first_token", 0.0);
        if (rate > 0)
            speed = tr("%1 tokens/s · first token %2 ms")
                        .arg(realText(rate, 1), withThousands(std::llround(first * 1000)));
    }
    m_speed->setText(streaming ? countWords(turn) : speed);
}

void ChatPage::send() {
    const QString text = m_input->toPlainText();
    if (text.trimmed().isEmpty() || !hindrance().isEmpty() || m_session->isStreaming()) return;
    m_input->clear();
    m_told.clear();
    if (mode() == Mode::Compare)
        m_session->compare(text, m_compare->begin());
    else
        m_session->send(text);
}

bool ChatPage::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_input && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
        if (enter && key->modifiers() == Qt::NoModifier) {
            send();
            return true;
        }
        if (enter && key->modifiers() == Qt::ControlModifier) {
            m_regenerate->trigger();
            return true;
        }
    }
    return Page::eventFilter(watched, event);
}

Page* makeChatPage(const Services& services, QWidget* parent) {
    return new ChatPage(services, parent);
}

}  // namespace caravan::ui

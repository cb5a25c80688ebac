// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/chat/chat_page.h"

#include <QClipboard>
#include <QComboBox>
#include <QDateTime>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSlider>
#include <QSpinBox>
#include <QSplitter>
#include <QVBoxLayout>

#include "projects/project.h"
#include "projects/run_catalogue.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/chat/chat_controls.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/pages/chat/token_inspector.h"
#include "ui/project_context.h"
#include "widgets/heat_map.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {
constexpr int kLegendEvery = 250;  // ms: read-out digits change at 4 Hz

QString dayOf(std::int64_t milliseconds) {
    const QDate day = QDateTime::fromMSecsSinceEpoch(milliseconds).date(), today = QDate::currentDate();
    if (day == today) return QObject::tr("Today");
    if (day == today.addDays(-1)) return QObject::tr("Yesterday");
    if (day > today.addDays(-7)) return QObject::tr("Last week");
    return QObject::tr("Earlier");
}

QString runKey(const QString& id) {
    return QStringLiteral("run:") + id;
}
}  // namespace

ChatPage::ChatPage(const Services& services, QWidget* parent)
    : Page(QStringLiteral("chat"), tr("Chat"), services, parent),
      m_session(new ChatSession(services.engine, this)),
      m_view(new ChatView(m_session)),
      m_inspector(new TokenInspector),
      m_modelBox(new QComboBox),
      m_weightsBox(new QComboBox),
      m_colorButton(new QPushButton(widgets::themeIcon(QStringLiteral("eye")), tr("Color by expert"))),
      m_samplingButton(new QPushButton(widgets::themeIcon(QStringLiteral("settings")), tr("Sampling"))),
      m_sampling(new SamplingPanel(this)) {
    makeActions();
    m_modelBox->setMinimumWidth(190);
    m_modelBox->setAccessibleName(tr("Model or run that answers"));
    m_weightsBox->setMinimumWidth(180);
    m_weightsBox->setAccessibleName(tr("Weights that answer"));
    addHeaderWidget(m_modelBox);
    addHeaderWidget(m_weightsBox);
    m_colorButton->setCheckable(true);
    m_colorButton->setChecked(true);
    addHeaderButton(m_colorButton);
    addHeaderButton(m_samplingButton);

    auto* middle = new QWidget;
    middle->setBackgroundRole(QPalette::Base);
    middle->setAutoFillBackground(true);
    auto* column = new QVBoxLayout(middle);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(makeLayerBar());
    column->addWidget(m_view, 1);
    column->addWidget(makeComposer());
    m_view->setEmptyContent(makeExamples());
    auto* split = new QSplitter(Qt::Horizontal);
    split->addWidget(makeConversations());
    split->addWidget(middle);
    split->addWidget(m_inspector);
    split->setStretchFactor(0, 0);
    split->setStretchFactor(1, 1);
    split->setStretchFactor(2, 0);
    split->setSizes({208, 720, 416});
    split->setChildrenCollapsible(false);
    setCentralWidget(split);

    connect(m_modelBox, &QComboBox::currentIndexChanged, this, [this] { fillWeights(); });
    connect(m_weightsBox, &QComboBox::currentIndexChanged, this, [this] { chooseSource(); });
    connect(m_colorButton, &QPushButton::toggled, this, [this](bool on) {
        m_view->setColored(on);
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
    connect(m_session, &ChatSession::chatsChanged, this, [this] { refreshChats(); });
    connect(m_session, &ChatSession::searched, this, [this](const QStringList& ids) {
        m_matching = ids;
        refreshChats();
    });
    connect(m_session, &ChatSession::pathChanged, this, [this] {
        showLayers();
        showState();
    });
    connect(m_session, &ChatSession::tokensAppended, this, [this] {
        m_loading.clear();
        if (!m_legendTimer.isActive()) m_legendTimer.start();
    });
    connect(m_session, &ChatSession::turnChanged, this, [this] { showLegend(); });
    connect(m_session, &ChatSession::streamingChanged, this, [this] {
        m_loading.clear();
        showLayers();
        showState();
    });
    connect(m_session, &ChatSession::loading, this, [this](const engine::Progress& progress) {
        m_loading = progress.total > 0 ? tr("%1, %2 of %3")
                                             .arg(QString::fromStdString(progress.stage))
                                             .arg(progress.done)
                                             .arg(progress.total)
                                       : QString::fromStdString(progress.stage);
        showState();
    });
    connect(m_view, &ChatView::tokenSelected, this, &ChatPage::showToken);
    connect(m_view, &ChatView::copied, this,
            [](const QString& text) { QGuiApplication::clipboard()->setText(text); });
    connect(m_inspector, &TokenInspector::layerChosen, this, &ChatPage::showLayer);
    m_legendTimer.setSingleShot(true);
    m_legendTimer.setInterval(kLegendEvery);
    connect(&m_legendTimer, &QTimer::timeout, this, [this] { showLayers(); });
    connect(services.engine, &EngineLink::stateChanged, this, [this] { showState(); });
    connect(services.runs, &RunController::stateChanged, this, [this] { refreshSources(); });
    m_session->setOptions(m_sampling->options());
    refreshSources();
    showLayers();
    showState();
}

void ChatPage::makeActions() {
    ActionRegistry* actions = services().actions;
    const QString page = QStringLiteral("chat");
    m_new = actions->add({.id = QStringLiteral("chat.new"),
                          .text = tr("&New conversation"),
                          .menu = page,
                          .icon = QStringLiteral("plus"),
                          .page = page},
                         this, [this] {
                             m_session->newChat();
                             m_input->setFocus();
                         });
    m_send = actions->add({.id = QStringLiteral("chat.send"),
                           .text = tr("&Send"),
                           .menu = page,
                           .icon = QStringLiteral("send"),
                           .page = page,
                           .section = 1},
                          this, [this] { send(); });
    m_regenerate = actions->add({.id = QStringLiteral("chat.regenerate"),
                                 .text = tr("&Regenerate with the same seed"),
                                 .menu = page,
                                 .shortcut = QKeySequence(Qt::CTRL | Qt::Key_Return),
                                 .icon = QStringLiteral("redo"),
                                 .page = page,
                                 .section = 1},
                                this, [this] { m_session->regenerate(); });
    m_stop = actions->add({.id = QStringLiteral("chat.stop"),
                           .text = tr("S&top the answer"),
                           .menu = page,
                           .shortcut = QKeySequence(Qt::Key_Escape),
                           .icon = QStringLiteral("stop"),
                           .page = page,
                           .section = 1},
                          this, [this] { m_session->stop(); });
}

QWidget* ChatPage::makeConversations() {
    m_search = new QLineEdit;
    m_search->setPlaceholderText(tr("Search chats"));
    m_search->setClearButtonEnabled(true);
    m_search->setAccessibleName(tr("Search chats"));
    m_search->addAction(widgets::themeIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    m_list = new QListWidget;
    m_list->setFrameShape(QFrame::NoFrame);
    m_list->setAccessibleName(tr("Conversations"));
    m_list->setTextElideMode(Qt::ElideRight);
    m_list->setContextMenuPolicy(Qt::ActionsContextMenu);
    auto* remove = new QAction(tr("Delete conversation"), m_list);
    remove->setShortcut(QKeySequence::Delete);
    remove->setShortcutContext(Qt::WidgetShortcut);
    m_list->addAction(remove);
    connect(remove, &QAction::triggered, this, [this] {
        if (const QListWidgetItem* item = m_list->currentItem())
            m_session->removeChat(item->data(Qt::UserRole).toString());
    });
    auto* fresh = new QPushButton(widgets::themeIcon(QStringLiteral("plus")), tr("New conversation"));
    connect(fresh, &QPushButton::clicked, m_new, &QAction::trigger);
    auto* box = new QWidget;
    box->setMinimumWidth(180);
    box->setBackgroundRole(QPalette::Base);
    box->setAutoFillBackground(true);
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(12, 12, 12, 12);
    layout->setSpacing(8);
    layout->addWidget(m_search);
    layout->addWidget(m_list, 1);
    layout->addWidget(fresh);
    connect(m_search, &QLineEdit::textChanged, this, [this](const QString& text) {
        m_filtering = !text.trimmed().isEmpty();
        if (m_filtering) return m_session->searchChats(text.trimmed());
        refreshChats();
    });
    connect(m_list, &QListWidget::currentItemChanged, this, [this](QListWidgetItem* item) {
        if (item != nullptr) m_session->openChat(item->data(Qt::UserRole).toString());
    });
    return box;
}

QWidget* ChatPage::makeLayerBar() {
    auto* label = new QLabel(tr("Layer"));
    label->setForegroundRole(QPalette::PlaceholderText);
    m_layer = new QSpinBox;
    m_layer->setAccessibleName(tr("Layer whose experts color the tokens"));
    label->setBuddy(m_layer);
    m_layerSlider = new QSlider(Qt::Horizontal);
    m_layerSlider->setFixedWidth(88);
    m_layerSlider->setAccessibleName(tr("Layer"));
    m_legend = new ExpertLegend;
    m_layerBar = new QWidget;
    m_layerBar->setFixedHeight(44);
    auto* row = new QHBoxLayout(m_layerBar);
    row->setContentsMargins(16, 0, 16, 0);
    row->setSpacing(12);
    row->addWidget(label);
    row->addWidget(m_layer);
    row->addWidget(m_layerSlider);
    row->addSpacing(8);
    row->addWidget(m_legend, 1);
    connect(m_layerSlider, &QSlider::valueChanged, this, &ChatPage::showLayer);
    connect(m_layer, &QSpinBox::valueChanged, this, [this](int layer) {
        const ChatTurn* turn = lastAnswer();
        if (turn == nullptr || turn->tokens.empty()) return;
        const auto& layers = turn->tokens.front().layers;
        // The nearest sparse layer: layers left dense have no experts to show.
        int best = 0;
        for (std::size_t i = 0; i < layers.size(); ++i)
            if (std::abs(layers[i] - layer) < std::abs(layers[static_cast<std::size_t>(best)] - layer))
                best = static_cast<int>(i);
        showLayer(best);
    });
    connect(m_legend, &ExpertLegend::highlighted, m_view, &ChatView::setHighlightedExpert);
    return m_layerBar;
}

QWidget* ChatPage::makeComposer() {
    m_input = new QPlainTextEdit;
    m_input->setPlaceholderText(tr("Message. Enter sends, Shift+Enter starts a new line."));
    m_input->setAccessibleName(tr("Message"));
    m_input->setFont(widgets::textFont(widgets::TextRole::Chat));
    m_input->setFixedHeight(66);
    m_input->setTabChangesFocus(true);
    m_input->installEventFilter(this);
    connect(m_input, &QPlainTextEdit::textChanged, this, [this] { showState(); });
    m_status = new QLabel;
    m_status->setForegroundRole(QPalette::PlaceholderText);
    m_speed = new QLabel;
    m_speed->setFont(widgets::numberFont());
    m_sendButton = new QPushButton;
    connect(m_sendButton, &QPushButton::clicked, this,
            [this] { m_session->isStreaming() ? m_session->stop() : send(); });
    auto* row = new QHBoxLayout;
    row->setSpacing(12);
    row->addWidget(m_status, 1);
    row->addWidget(m_speed);
    row->addWidget(m_sendButton);
    auto* box = new QWidget;
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(24, 12, 24, 12);
    layout->setSpacing(8);
    layout->addWidget(m_input);
    layout->addLayout(row);
    return box;
}

QWidget* ChatPage::makeExamples() {
    auto* box = new QWidget;
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(24, 48, 24, 24);
    layout->setSpacing(8);
    auto* title = new QLabel(tr("Ask something, and see which experts answer"));
    title->setFont(widgets::textFont(widgets::TextRole::Section));
    layout->addWidget(title);
    for (const QString& example :
         {tr("Write a Python function that returns the sum of the squares of the even numbers in a list."),
          tr("Mia has 24 pencils. She gives a third of them away and buys 5 more. How many has she now?"),
          tr("Give three tips for a good night's sleep.")}) {
        auto* button = new QPushButton(example);
        button->setFlat(true);
        connect(button, &QPushButton::clicked, this, [this, example] {
            m_input->setPlainText(example);
            m_input->setFocus();
            m_input->moveCursor(QTextCursor::End);
        });
        layout->addWidget(button, 0, Qt::AlignLeft);
    }
    return box;
}

// --- sources
// -------------------------------------------------------------------------------------------------------------------

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
    if (!active) return;
    refreshSources();
    m_input->setFocus();
}

void ChatPage::showRun(const QString& runId) {
    m_wish = runKey(runId);
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

void ChatPage::refreshSources() {
    if (!isActive() && m_modelBox->count() > 0) return;
    m_models.clear();
    if (project() != nullptr) {
        const LiveRun& live = services().runs->live();
        for (const RunEntry& run : project()->runs()) {
            Model model{tr("Run %1").arg(run.title.isEmpty() || run.title == run.id ? run.id : run.title),
                        runKey(run.id),
                        {}};
            if (live.folder == run.folder && live.state == engine::RunState::Paused)
                model.weights.push_back(
                    {tr("Live weights, step %1").arg(withThousands(live.step)), run.folder, true});
            const auto checkpoints = m_checkpoints.find(run.id);
            if (checkpoints != m_checkpoints.end())
                for (auto c = checkpoints->second.rbegin(); c != checkpoints->second.rend(); ++c)
                    model.weights.push_back({tr("Checkpoint, step %1").arg(withThousands(c->step)),
                                             run.folder + QLatin1Char('@') + QString::number(c->step),
                                             false});
            if (!model.weights.empty()) m_models.push_back(std::move(model));
        }
        for (const ModelEntry& entry : project()->models()) {
            if (entry.status != ModelEntry::Status::Ready) continue;
            const bool moe = entry.inspection.kind == "moe";
            m_models.push_back(
                {entry.name,
                 QStringLiteral("model:") + entry.path,
                 {{moe ? tr("Mixture as stored") : tr("Dense, as stored"), entry.path, false}}});
        }
        readCheckpoints();
    }
    const QString wish = m_wish.isEmpty() ? m_modelBox->currentData().toString() : m_wish;
    {
        const QSignalBlocker quiet(m_modelBox);
        m_modelBox->clear();
        for (const Model& model : m_models)
            m_modelBox->addItem(model.words, model.key);
        const int index = m_modelBox->findData(wish);
        if (index >= 0) m_wish.clear();
        m_modelBox->setCurrentIndex(index >= 0 ? index : m_models.empty() ? -1 : 0);
    }
    fillWeights();
}

// Checkpoints of all runs, off the GUI thread; the list is filled again when they differ from what is shown.
void ChatPage::readCheckpoints() {
    using All = std::map<QString, std::vector<engine::CheckpointInfo>>;
    QStringList ids;
    for (const RunEntry& run : project()->runs())
        ids.push_back(run.id);
    project()->inProject<All>(
        this,
        [ids](ProjectStore& store) {
            All all;
            for (const QString& id : ids) {
                auto found = store.catalogue->checkpoints(id.toStdString());
                if (found && !found->empty()) all[id] = *found;
            }
            return all;
        },
        [this](const All& all) {
            const auto same = [](const All& a, const All& b) {
                return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
                    return x.first == y.first && x.second.size() == y.second.size() &&
                           x.second.back().step == y.second.back().step;
                });
            };
            if (same(all, m_checkpoints)) return;
            m_checkpoints = all;
            refreshSources();
        });
}

void ChatPage::fillWeights() {
    const QString before = m_weightsBox->currentText();
    const int model = m_modelBox->currentIndex();
    {
        const QSignalBlocker quiet(m_weightsBox);
        m_weightsBox->clear();
        if (model >= 0 && model < static_cast<int>(m_models.size()))
            for (const Weights& weights : m_models[static_cast<std::size_t>(model)].weights)
                m_weightsBox->addItem(weights.words);
        const int index = m_weightsBox->findText(before);
        m_weightsBox->setCurrentIndex(index >= 0 ? index : 0);
    }
    m_weightsBox->setEnabled(m_weightsBox->count() > 1);
    chooseSource();
}

void ChatPage::chooseSource() {
    const int model = m_modelBox->currentIndex(), weights = m_weightsBox->currentIndex();
    ChatSource source;
    if (model >= 0 && weights >= 0) {
        const Model& m = m_models[static_cast<std::size_t>(model)];
        const Weights& w = m.weights[static_cast<std::size_t>(weights)];
        source.source.path = w.path.toStdString();
        source.source.live = w.live;
        source.words = m.words + QStringLiteral(", ") + w.words.toLower();
    }
    m_session->setSource(source);
    showState();
}

// --- conversations
// --------------------------------------------------------------------------------------------------------------

void ChatPage::refreshChats() {
    const QSignalBlocker quiet(m_list);
    m_list->clear();
    QString day;
    for (const projects::Chat& chat : m_session->chats()) {
        const QString id = QString::fromStdString(chat.id);
        if (m_filtering && !m_matching.contains(id)) continue;
        const QString group = dayOf(chat.changedAt);
        if (group != day) {
            day = group;
            auto* head = new QListWidgetItem(group, m_list);
            head->setFlags(Qt::NoItemFlags);
            head->setFont(widgets::textFont(widgets::TextRole::Caption));
        }
        auto* item = new QListWidgetItem(QString::fromStdString(chat.title), m_list);
        item->setData(Qt::UserRole, id);
        item->setToolTip(item->text());
        if (id == m_session->currentChat()) m_list->setCurrentItem(item);
    }
    if (m_list->count() == 0) {
        auto* none = new QListWidgetItem(
            m_filtering ? tr("No chat holds this text") : tr("No conversation yet"), m_list);
        none->setFlags(Qt::NoItemFlags);
    }
}

// --- tokens, layers
// -----------------------------------------------------------------------------------------------------------

const ChatTurn* ChatPage::lastAnswer() const {
    const auto& path = m_session->path();
    for (auto turn = path.rbegin(); turn != path.rend(); ++turn)
        if (turn->isAnswer()) return &*turn;
    return nullptr;
}

void ChatPage::showToken(int turn, int token) {
    const auto& path = m_session->path();
    if (turn < 0 || token < 0 || static_cast<std::size_t>(turn) >= path.size() ||
        static_cast<std::size_t>(token) >= path[static_cast<std::size_t>(turn)].tokens.size())
        return m_inspector->showToken(nullptr, 0, 0);
    const auto& tokens = path[static_cast<std::size_t>(turn)].tokens;
    m_inspector->setLayer(m_layerRow);
    m_inspector->showToken(&tokens[static_cast<std::size_t>(token)], token, static_cast<int>(tokens.size()));
}

void ChatPage::showLayer(int row) {
    if (row == m_layerRow || row < 0) return;
    m_layerRow = row;
    m_view->setLayer(row);
    m_inspector->setLayer(row);
    showLayers();
}

void ChatPage::showLayers() {
    const ChatTurn* turn = lastAnswer();
    const bool sparse = turn != nullptr && !turn->tokens.empty() && !turn->tokens.front().experts.empty();
    m_layerBar->setVisible(sparse && m_colorButton->isChecked());
    m_colorButton->setEnabled(turn == nullptr || sparse || turn->tokens.empty());
    if (sparse) {
        const auto& layers = turn->tokens.front().layers;
        const QSignalBlocker quietBox(m_layer), quietSlider(m_layerSlider);
        m_layerRow = std::min(m_layerRow, static_cast<int>(layers.size()) - 1);
        m_layerSlider->setRange(0, static_cast<int>(layers.size()) - 1);
        m_layerSlider->setValue(m_layerRow);
        m_layer->setRange(static_cast<int>(layers.front()), static_cast<int>(layers.back()));
        m_layer->setValue(static_cast<int>(layers[static_cast<std::size_t>(m_layerRow)]));
    }
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

// --- composer
// -----------------------------------------------------------------------------------------------------------------

QString ChatPage::hindrance() const {
    if (project() == nullptr) return tr("No project is open.");
    if (m_models.empty()) return tr("No model can answer yet: add one on the Models page.");
    if (!services().engine->isUsable()) return tr("Waiting for the engine.");
    const LiveRun& live = services().runs->live();
    if (m_session->source().source.live && live.state != engine::RunState::Paused)
        return tr("Live weights answer only while their run is paused.");
    return {};
}

void ChatPage::showState() {
    const bool streaming = m_session->isStreaming();
    const QString why = hindrance();
    const bool text = !m_input->toPlainText().trimmed().isEmpty();
    m_send->setEnabled(!streaming && why.isEmpty() && text);
    m_stop->setEnabled(streaming);
    m_regenerate->setEnabled(!streaming && why.isEmpty() && lastAnswer() != nullptr);
    m_sendButton->setText(streaming ? tr("Stop") : tr("Send"));
    m_sendButton->setIcon(widgets::themeIcon(streaming ? QStringLiteral("stop") : QStringLiteral("send")));
    m_sendButton->setEnabled(streaming || m_send->isEnabled());
    m_sendButton->setDefault(!streaming);
    m_sendButton->setToolTip(streaming ? tr("Esc stops the answer; what was said stays") : why);
    m_status->setText(!m_loading.isEmpty() ? m_loading : why.isEmpty() ? m_sampling->summary() : why);
    m_samplingButton->setToolTip(m_sampling->summary());
    const ChatTurn* turn = lastAnswer();
    QString speed;
    if (turn != nullptr && turn->message.summary.is_object()) {
        const double rate = turn->message.summary.value("tokens_per_second", 0.0),
                     first = turn->message.summary.value("seconds_to_first_token", 0.0);
        if (rate > 0)
            speed = tr("%1 tokens/s · first token %2 ms").arg(realText(rate, 1)).arg(first * 1000, 0, 'f', 0);
    }
    m_speed->setText(
        streaming ? tr("%1 tokens").arg(turn == nullptr ? 0 : static_cast<int>(turn->tokens.size())) : speed);
}

void ChatPage::send() {
    const QString text = m_input->toPlainText();
    if (text.trimmed().isEmpty() || !hindrance().isEmpty() || m_session->isStreaming()) return;
    m_input->clear();
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

QStringList ChatPage::keyHints() const {
    return {tr("Enter sends"), tr("Esc stops the answer")};
}

Page* makeChatPage(const Services& services, QWidget* parent) {
    return new ChatPage(services, parent);
}

}  // namespace caravan::ui

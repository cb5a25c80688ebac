// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/steer_panel.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QPushButton>
#include <QScrollArea>
#include <QSpinBox>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/format/format.h"
#include "ui/pages/chat/steer_row.h"
#include "ui/shell/surface.h"
#include "ui/theme/style.h"
#include "widgets/segmented.h"

namespace caravan::ui {
namespace {
constexpr int kMostRows = 16;

using Use = engine::SteerExpert::Use;

const engine::SteerExpert* entryOf(const engine::RouterChange& change, std::int64_t layer, int expert) {
    for (const engine::SteerExpert& s : change.steer)
        if (s.layer == layer && s.expert == expert) return &s;
    return nullptr;
}

QString signedText(double value, int digits) {
    if (!std::isfinite(value)) return QStringLiteral("—");
    const QString text = QString::number(std::abs(value), 'f', digits);
    const bool zero = text.toDouble() == 0;
    return (zero ? QString() : value > 0 ? QStringLiteral("+") : QString(QChar(0x2212))) + text;
}

ThemedLabel* headText(const QString& text, Qt::Alignment side) {
    auto* label = new ThemedLabel(text, widgets::TextRole::Caption, Token::Text2);
    label->setAlignment(side | Qt::AlignVCenter);
    return label;
}
}  // namespace

SteerPanel::SteerPanel(QWidget* parent)
    : QWidget(parent),
      m_scope(new widgets::Segmented({tr("Layer %1").arg(0), tr("All layers")})),
      m_active(new QSpinBox),
      m_find(new QSpinBox),
      m_findBox(new QWidget),
      m_reset(textButton(tr("Reset"))),
      m_regenerate(textButton(tr("Regenerate"), QStringLiteral("redo"))),
      m_measure(textButton(tr("Measure"))),
      m_words(new ThemedLabel(QString(), widgets::TextRole::Caption, Token::Text2)),
      m_note(new ThemedLabel(QString(), widgets::TextRole::Caption, Token::Text2)),
      m_grid(new QGridLayout) {
    setBackgroundRole(QPalette::Base);
    setAutoFillBackground(true);
    setAccessibleName(tr("Steer experts"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addLayout(makeHead());
    layout->addLayout(makeChoices());
    layout->addWidget(makeRows(), 1);
    layout->addWidget(makeFooter());
    connectFields();
    setModel({});
}

QLayout* SteerPanel::makeHead() {
    setQuiet(m_reset);
    auto* head = new QHBoxLayout;
    head->setContentsMargins(16, 8, 12, 4);
    head->addWidget(new ThemedLabel(tr("Steer experts"), widgets::TextRole::DockTitle));
    head->addStretch(1);
    head->addWidget(m_reset);
    return head;
}

QLayout* SteerPanel::makeChoices() {
    m_scope->setAccessibleName(tr("Layers to steer"));
    m_active->setFixedWidth(56);
    m_active->setAlignment(Qt::AlignRight);
    m_active->setFont(widgets::numberFont());
    m_active->setAccessibleName(tr("Active experts for each token"));
    m_find->setFixedWidth(64);
    m_find->setAlignment(Qt::AlignRight);
    m_find->setFont(widgets::numberFont());
    m_find->setAccessibleName(tr("Show the row of this expert"));
    auto* find = new QHBoxLayout(m_findBox);
    find->setContentsMargins(0, 0, 0, 0);
    find->addWidget(new ThemedLabel(tr("Expert"), widgets::TextRole::Secondary, Token::Text2));
    find->addWidget(m_find);
    auto* choose = new QHBoxLayout;
    choose->setContentsMargins(16, 0, 16, 4);
    choose->setSpacing(8);
    choose->addWidget(new ThemedLabel(tr("In"), widgets::TextRole::Secondary, Token::Text2));
    choose->addWidget(m_scope);
    choose->addSpacing(8);
    choose->addWidget(new ThemedLabel(tr("Active"), widgets::TextRole::Secondary, Token::Text2));
    choose->addWidget(m_active);
    choose->addWidget(m_findBox);
    choose->addStretch(1);
    return choose;
}

QWidget* SteerPanel::makeRows() {
    m_grid->setContentsMargins(16, 4, 16, 4);
    m_grid->setHorizontalSpacing(12);
    m_grid->setVerticalSpacing(3);
    m_grid->setColumnStretch(3, 1);
    m_grid->setColumnStretch(4, 1);
    const QString heads[] = {tr("Expert"), tr("Use"), tr("Bias"), tr("Δ this token"), tr("Δ answer")};
    for (int i = 0; i < 5; ++i)
        m_grid->addWidget(headText(heads[i], i < 3 ? Qt::AlignLeft : Qt::AlignRight), 0, i);
    auto* body = new QWidget;
    body->setBackgroundRole(QPalette::Base);
    body->setAutoFillBackground(true);
    auto* inner = new QVBoxLayout(body);
    inner->setContentsMargins(0, 0, 0, 0);
    inner->addLayout(m_grid);
    inner->addStretch(1);
    auto* scroll = new QScrollArea;
    scroll->setWidget(body);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setFocusPolicy(Qt::NoFocus);
    return scroll;
}

QWidget* SteerPanel::makeFooter() {
    m_words->setWordWrap(true);
    m_note->setWordWrap(true);
    m_measure->setToolTip(tr(
        "Reads the same answer again with these settings, and with each expert muted in turn: how much each "
        "token's log-probability changes"));
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(8);
    buttons->addWidget(m_regenerate);
    buttons->addWidget(m_measure);
    buttons->addStretch(1);
    auto* footer = new QWidget;
    auto* column = new QVBoxLayout(footer);
    column->setContentsMargins(16, 4, 16, 10);
    column->setSpacing(4);
    column->addWidget(m_words);
    column->addLayout(buttons);
    column->addWidget(m_note);
    return footer;
}

void SteerPanel::connectFields() {
    connect(m_scope, &widgets::Segmented::currentChanged, this, [this] {
        showRows();
        showDeltas();
    });
    connect(m_active, &QSpinBox::valueChanged, this, [this](int k) {
        m_change.activeExperts = k == m_model.active ? std::nullopt : std::optional<std::int64_t>(k);
        showState();
        Q_EMIT changed();
    });
    connect(m_find, &QSpinBox::valueChanged, this, [this](int expert) {
        m_wanted = {expert};
        rebuild();
    });
    connect(m_reset, &QPushButton::clicked, this, [this] {
        setChange({});
        Q_EMIT changed();
    });
    connect(m_regenerate, &QPushButton::clicked, this, &SteerPanel::regenerate);
    connect(m_measure, &QPushButton::clicked, this,
            [this] { m_measuring ? Q_EMIT cancelMeasure() : Q_EMIT measure(); });
}

void SteerPanel::setModel(const SteerModel& model) {
    const bool first = m_grid->rowCount() <= 1 && m_rows.empty();
    if (model == m_model && !first) return;
    m_model = model;
    m_wanted.clear();
    m_measured = {};
    m_findBox->setVisible(model.experts > kMostRows);
    const QSignalBlocker quietActive(m_active), quietFind(m_find);
    m_active->setRange(1, std::max(1, model.experts));
    m_active->setValue(static_cast<int>(m_change.activeExperts.value_or(std::max(1, model.active))));
    m_find->setRange(0, std::max(0, model.experts - 1));
    setLayer(m_layer);
    rebuild();
}

void SteerPanel::setLayer(int row) {
    m_layer = row;
    const auto place = static_cast<std::size_t>(row);
    const std::int64_t layer = place < m_model.layers.size() ? m_model.layers[place] : row;
    const int current = m_scope->current();
    const QSignalBlocker quiet(m_scope);
    m_scope->setSegments({tr("Layer %1").arg(layer), tr("All layers")});
    m_scope->setCurrent(current);
    showRows();
    showDeltas();
}

std::int64_t SteerPanel::scope() const {
    const auto place = static_cast<std::size_t>(m_layer);
    return m_scope->current() == 1 || place >= m_model.layers.size() ? -1 : m_model.layers[place];
}

void SteerPanel::setChange(const engine::RouterChange& change) {
    m_change = change;
    const QSignalBlocker quiet(m_active);
    m_active->setValue(static_cast<int>(change.activeExperts.value_or(std::max(1, m_model.active))));
    rebuild();
}

void SteerPanel::setMostUsed(const std::vector<int>& experts) {
    std::set<int> used(
        experts.begin(),
        experts.begin() + std::min<std::ptrdiff_t>(kMostRows, static_cast<std::ptrdiff_t>(experts.size())));
    if (used == m_used) return;
    m_used = std::move(used);
    if (m_model.experts > kMostRows) rebuild();
}

std::vector<std::int64_t> SteerPanel::shown() const {
    std::set<std::int64_t> list;
    if (m_model.experts <= kMostRows) {
        for (int e = 0; e < m_model.experts; ++e)
            list.insert(e);
    } else {
        for (const engine::SteerExpert& s : m_change.steer)
            list.insert(s.expert);
        list.insert(m_used.begin(), m_used.end());
        list.insert(m_wanted.begin(), m_wanted.end());
        for (int e = 0; list.empty() && e < kMostRows; ++e)
            list.insert(e);
    }
    return {list.begin(), list.end()};
}

void SteerPanel::rebuild() {
    const auto list = shown();
    const bool same = m_rows.size() == list.size() &&
                      std::equal(list.begin(), list.end(), m_rows.begin(),
                                 [](std::int64_t e, const auto& row) { return e == row.first; });
    if (!same) {
        for (const auto& [expert, row] : m_rows)
            row->remove();
        m_rows.clear();
        int place = 1;
        for (const std::int64_t e : list) {
            const int expert = static_cast<int>(e);
            auto* row = m_rows[expert] = new SteerRow(expert, m_grid, place++, this);
            connect(row, &SteerRow::edited, this, [this, expert] { take(expert); });
        }
    }
    showRows();
    showDeltas();
}

void SteerPanel::showRows() {
    for (const auto& [expert, row] : m_rows) {
        const engine::SteerExpert* entry = entryOf(m_change, scope(), expert);
        row->set(entry == nullptr ? Use::Normal : entry->use, entry == nullptr ? 0 : entry->bias);
    }
    showState();
}

void SteerPanel::take(int expert) {
    const SteerRow* row = m_rows.at(expert);
    const std::int64_t layer = scope();
    auto& list = m_change.steer;
    list.erase(std::remove_if(list.begin(), list.end(),
                              [&](const auto& s) { return s.layer == layer && s.expert == expert; }),
               list.end());
    if (row->use() != Use::Normal || row->bias() != 0)
        list.push_back({.layer = layer, .expert = expert, .use = row->use(), .bias = row->bias()});
    // "All layers" first, so that a layer's own setting wins there.
    std::stable_sort(list.begin(), list.end(),
                     [](const auto& a, const auto& b) { return a.layer < b.layer; });
    showState();
    Q_EMIT changed();
}

void SteerPanel::setMeasured(const AnswerChange& change) {
    m_measured = change;
    showDeltas();
}

void SteerPanel::setToken(int token) {
    m_token = token;
    showDeltas();
}

void SteerPanel::clearMeasured() {
    m_measured = {};
    showDeltas();
}

void SteerPanel::showDeltas() {
    for (const auto& [expert, row] : m_rows) {
        const auto found = std::find(m_measured.experts.begin(), m_measured.experts.end(), expert);
        if (found == m_measured.experts.end() || m_measured.layer != scope()) {
            row->setDeltas(QStringLiteral("—"), QStringLiteral("—"));
            continue;
        }
        const auto& deltas = m_measured.muted[static_cast<std::size_t>(found - m_measured.experts.begin())];
        double sum = 0;
        for (const double d : deltas)
            sum += d;
        const auto token = static_cast<std::size_t>(m_token);
        row->setDeltas(
            m_token >= 0 && token < deltas.size() ? signedText(deltas[token], 2) : QStringLiteral("—"),
            deltas.empty() ? QStringLiteral("—") : signedText(sum / static_cast<double>(deltas.size()), 3));
    }
}

void SteerPanel::setProgress(qint64 done, qint64 total) {
    const bool was = m_measuring;
    m_measuring = total > 0;
    m_measure->setText(m_measuring ? tr("Stop") : tr("Measure"));
    if (m_measuring)
        m_told = tr("Reading the answer, %1 of %2").arg(done).arg(total);
    else if (was)
        m_told.clear();
    showState();
}

void SteerPanel::setFailure(const QString& words) {
    m_measuring = false;
    m_told = words;
    showState();
}

void SteerPanel::setReady(bool ready, quint64 seed) {
    m_ready = ready;
    m_regenerate->setText(tr("Regenerate with seed %1").arg(seed));
    showState();
}

void SteerPanel::showState() {
    const QString wrong = problem(), words = changeWords(m_change);
    m_reset->setEnabled(!m_change.none());
    m_words->setToken(wrong.isEmpty() ? Token::Text2 : Token::Err);
    m_words->setText(!wrong.isEmpty()  ? wrong
                     : words.isEmpty() ? tr("No expert is changed.")
                                       : tr("Changed: %1").arg(words));
    m_regenerate->setEnabled(m_ready && wrong.isEmpty());
    setPrimary(m_regenerate, !m_change.none());  // else sending is what the page is for
    QFont bold = m_regenerate->font();           // as it is drawn while it is the primary one
    bold.setBold(true);
    m_regenerate->setMinimumWidth(QFontMetrics(bold).horizontalAdvance(m_regenerate->text()) + 48);
    m_measure->setEnabled(m_measuring || (m_ready && wrong.isEmpty()));
    m_note->setText(!m_told.isEmpty() ? m_told : tr("Δ = change of log-probability if this expert is muted"));
}

SteerRow* SteerPanel::focused() const {
    for (const auto& [expert, row] : m_rows)
        if (row->hasFocus()) return row;
    return nullptr;
}

void SteerPanel::toggleMute(int expert) {
    const auto found = m_rows.find(expert);
    SteerRow* row = expert >= 0 && found != m_rows.end() ? found->second : nullptr;
    if (SteerRow* own = focused()) row = own;
    if (row == nullptr) return;
    row->set(row->use() == Use::Mute ? Use::Normal : Use::Mute, row->bias());
    Q_EMIT row->edited();
}

void SteerPanel::editBias(int expert) {
    const auto found = m_rows.find(expert);
    SteerRow* row = expert >= 0 && found != m_rows.end() ? found->second : nullptr;
    if (SteerRow* own = focused()) row = own;
    if (row != nullptr) row->focusBias();
}

QString SteerPanel::rowText(int expert) const {
    const auto found = m_rows.find(expert);
    return found == m_rows.end() ? QString() : found->second->text();
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/next_token_view.h"

#include <QHeaderView>
#include <QPlainTextEdit>
#include <QTableWidget>
#include <QVBoxLayout>
#include <cmath>
#include <memory>

#include "ui/bridge/engine_link.h"
#include "ui/format/format.h"
#include "ui/shell/surface.h"

namespace caravan::ui {
namespace {
constexpr int kTokens = 30;
constexpr int kPause = 350;  // ms without a key before the engine is asked

QString visible(const QString& text) {
    QString shown = text;
    shown.replace(QLatin1Char('\n'), QChar(0x21B5)).replace(QLatin1Char(' '), QChar(0x2423));
    return shown;
}
// Bytes of a part of a character: its name is no text that could be appended.
bool isPart(const std::string& text) {
    return text.rfind("<0x", 0) == 0;
}
}  // namespace

NextTokenView::NextTokenView(EngineLink* engine, QWidget* parent)
    : QWidget(parent),
      m_engine(engine),
      m_input(new QPlainTextEdit),
      m_table(new QTableWidget(0, 3)),
      m_state(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2)) {
    setBackgroundRole(QPalette::Base);
    setAutoFillBackground(true);
    m_input->setFont(widgets::textFont(widgets::TextRole::Chat));
    m_input->setAccessibleName(tr("Text before the next token"));
    m_input->setPlaceholderText(tr("Any text, as it stands: no template is put around it"));
    m_input->setTabChangesFocus(true);
    m_input->setFixedHeight(140);
    m_input->document()->setDocumentMargin(8);
    m_table->setHorizontalHeaderLabels({tr("Next token"), tr("Probability"), tr("Log-probability")});
    for (int column = 0; column < 3; ++column)  // as the cells below
        m_table->horizontalHeaderItem(column)->setTextAlignment(
            (column == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    m_table->setAccessibleName(tr("Most probable next tokens"));
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setMinimumSectionSize(24);
    m_table->verticalHeader()->setDefaultSectionSize(28);
    m_table->setShowGrid(false);
    m_table->setFrameShape(QFrame::NoFrame);
    constexpr int kWidths[] = {240, 140, 160};  // side by side also where the page is wide
    for (int column = 0; column < 3; ++column)
        m_table->setColumnWidth(column, kWidths[column]);
    m_state->setWordWrap(true);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(24, 16, 24, 12);
    layout->setSpacing(8);
    layout->addWidget(m_input);
    layout->addWidget(m_state);
    layout->addWidget(m_table, 1);
    m_soon.setSingleShot(true);
    m_soon.setInterval(kPause);
    connect(&m_soon, &QTimer::timeout, this, [this] { ask(); });
    connect(m_input, &QPlainTextEdit::textChanged, this, [this] { askSoon(); });
    connect(m_table, &QTableWidget::cellActivated, this, [this](int row) { take(row); });
    askSoon();
}

void NextTokenView::setSource(const ChatSource& source) {
    if (source == m_source) return;
    m_source = source;
    askSoon();
}

void NextTokenView::setChange(const engine::RouterChange& change) {
    if (change == m_change) return;
    m_change = change;
    askSoon();
}

void NextTokenView::setActive(bool active) {
    m_active = active;
    if (active) m_input->setFocus();
    askSoon();
}

void NextTokenView::askSoon() {
    if (m_input->toPlainText().isEmpty()) {
        m_table->setRowCount(0);
        m_tokens.clear();
        m_state->setText(tr("Write the beginning of a text: the tokens that would follow appear here."));
    } else if (m_active) {
        m_soon.start();
    }
}

void NextTokenView::ask() {
    const QString text = m_input->toPlainText();
    if (text.isEmpty() || !m_active || m_source.source.path.empty()) return;
    if (m_request != 0) m_engine->cancel(m_request);
    engine::GenerateOptions options;
    options.raw = true;
    options.temperature = 0;
    options.maxTokens = 1;
    options.alternatives = kTokens;
    options.routing = false;
    if (!m_source.dense) {
        options.steer = m_change.steer;
        options.activeExperts = m_change.activeExperts;
    }
    const std::vector<engine::ChatMessage> messages{{"user", text.toStdString()}};
    const auto own = std::make_shared<quint64>(0);
    const auto current = [this, own] { return *own == m_request; };
    m_state->setText(tr("Asking %1").arg(m_source.words));
    *own = m_request = m_engine->request(
        "generate", {{"source", m_source.source}, {"messages", messages}, {"options", options}}, this,
        [this, current](const engine::Result<nlohmann::json>& result) {
            if (!current()) return;
            m_request = 0;
            if (!result) m_state->setText(words(result.error()).oneLine());
        },
        {},
        [this, current](const QVector<engine::TokenEvent>& tokens) {
            if (current() && !tokens.isEmpty()) fill(tokens.first());
        });
}

void NextTokenView::fill(const engine::TokenEvent& token) {
    m_tokens = token.alternatives;
    m_table->setRowCount(static_cast<int>(m_tokens.size()));
    double sum = 0;
    for (int row = 0; row < m_table->rowCount(); ++row) {
        const auto& each = m_tokens[static_cast<std::size_t>(row)];
        const double probability = std::exp(each.logprob);
        sum += probability;
        const QString cells[] = {visible(QString::fromStdString(each.text)),
                                 QString::number(probability * 100, 'f', 2) + QStringLiteral(" %"),
                                 QString::number(each.logprob, 'f', 3)};
        for (int column = 0; column < 3; ++column) {
            auto* item = new QTableWidgetItem(cells[column]);
            item->setFont(widgets::numberFont());
            if (column > 0) item->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
            m_table->setItem(row, column, item);
        }
    }
    QString facts =
        tr("%1 · these %2 tokens have %3 of the probability · entropy %4 nats · Enter appends one")
            .arg(m_source.words)
            .arg(m_table->rowCount())
            .arg(percentText(sum))
            .arg(token.entropy, 0, 'f', 2);
    facts.replace(QStringLiteral(" ·"), QStringLiteral("\u00a0·"));  // no line begins with a dot
    m_state->setText(facts);
}

void NextTokenView::take(int row) {
    if (row < 0 || row >= static_cast<int>(m_tokens.size())) return;
    const auto& token = m_tokens[static_cast<std::size_t>(row)];
    if (isPart(token.text))
        return m_state->setText(tr("This token is part of a character and cannot stand alone."));
    m_input->moveCursor(QTextCursor::End);
    m_input->insertPlainText(QString::fromStdString(token.text));
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/compare_column.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QScrollArea>
#include <QScrollBar>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <utility>

#include "engine/api/event_json.h"
#include "ui/format/format.h"
#include "ui/pages/chat/message_view.h"
#include "ui/shell/surface.h"
#include "widgets/token_strip.h"

namespace caravan::ui {

namespace {
constexpr int kWide = 420;  // px
}

CompareColumn::CompareColumn(int number, QWidget* parent)
    : QWidget(parent),
      m_box(new QComboBox),
      m_letter(new ThemedLabel(QString(), widgets::TextRole::Section)),
      m_rate(new ThemedLabel(QString(), widgets::TextRole::Number, Token::Text2)),
      m_goOn(new QToolButton),
      m_close(new QToolButton),
      m_note(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2)),
      m_scroll(new QScrollArea),
      m_view(new MessageView) {
    setMinimumWidth(320);
    setBackgroundRole(QPalette::Base);
    setAutoFillBackground(true);
    m_box->setAccessibleName(tr("Who answers in column %1").arg(number));
    m_box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    m_box->setMinimumContentsLength(16);
    const auto tool = [](QToolButton* button, const QString& icon, const QString& name) {
        button->setIcon(widgets::themeIcon(icon));
        button->setAutoRaise(true);
        button->setFixedSize(28, 28);
        button->setAccessibleName(name);
        button->setToolTip(name);
    };
    tool(m_goOn, QStringLiteral("branch"), tr("Go on with this answer"));
    tool(m_close, QStringLiteral("close"), tr("Remove this column"));
    auto* head = new Surface(Token::Base, Surface::Bottom);
    head->setFixedHeight(44);
    auto* row = new QHBoxLayout(head);
    row->setContentsMargins(16, 0, 12, 1);
    row->addWidget(m_letter);
    row->addWidget(m_box, 1);
    row->addStretch(0);
    row->addWidget(m_rate);
    row->addWidget(m_goOn);
    row->addWidget(m_close);
    m_note->setContentsMargins(24, 16, 24, 16);
    m_note->setWordWrap(true);
    m_view->hideHeader();
    auto* body = new QWidget;
    body->setBackgroundRole(QPalette::Base);
    body->setAutoFillBackground(true);
    auto* inner = new QVBoxLayout(body);
    inner->setContentsMargins(0, 8, 0, 8);
    inner->addWidget(m_note);
    inner->addWidget(m_view);
    inner->addStretch(1);
    m_scroll->setWidget(body);
    m_scroll->setAccessibleName(tr("Answer of column %1").arg(number));
    m_scroll->setWidgetResizable(true);
    m_scroll->setFrameShape(QFrame::NoFrame);
    m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(head);
    layout->addWidget(m_scroll, 1);
    connect(m_box, &QComboBox::activated, this, [this] {  // by the user alone
        m_wanted = source();
        Q_EMIT changed();
    });
    connect(m_close, &QToolButton::clicked, this, &CompareColumn::closed);
    connect(m_goOn, &QToolButton::clicked, this, [this] { Q_EMIT goOn(m_message); });
    connect(m_view, &MessageView::copy, this, [this] { Q_EMIT copied(m_content); });
    connect(m_view, &MessageView::tokenSelected, this,
            [this](int token) { Q_EMIT tokenSelected(m_message, token); });
    QScrollBar* bar = m_scroll->verticalScrollBar();
    connect(bar, &QScrollBar::valueChanged, this,
            [this, bar](int value) { m_follow = value >= bar->maximum() - 24; });
    connect(bar, &QScrollBar::rangeChanged, this, [this, bar](int, int end) {
        if (m_follow) bar->setValue(end);
    });
}

// In a narrow column the name needs the room; the speed stands below the answer, too.
void CompareColumn::resizeEvent(QResizeEvent* event) {
    m_rate->setVisible(width() >= kWide);
    QWidget::resizeEvent(event);
}

void CompareColumn::setSources(const std::vector<ChatSource>& all) {
    const QSignalBlocker quiet(m_box);
    m_all = all;
    m_box->clear();
    for (const ChatSource& each : all)
        m_box->addItem(each.words);
    choose(ChatSource(m_wanted));
}

void CompareColumn::choose(const ChatSource& wanted) {
    m_wanted = wanted;
    const auto found = std::find(m_all.begin(), m_all.end(), wanted);
    m_box->setCurrentIndex(found == m_all.end() ? -1 : static_cast<int>(found - m_all.begin()));
    const QString gone = goneWords();
    m_box->setPlaceholderText(gone.isEmpty() ? QString() : tr("%1, not in the project").arg(gone));
    m_box->setToolTip(gone.isEmpty() ? m_box->currentText() : m_box->placeholderText());
}

QString CompareColumn::goneWords() const {
    return m_box->currentIndex() >= 0 || m_wanted.source.path.empty() ? QString() : m_wanted.words;
}

ChatSource CompareColumn::source() const {
    const int index = m_box->currentIndex();
    return index < 0 || index >= static_cast<int>(m_all.size()) ? ChatSource{}
                                                                : m_all[static_cast<std::size_t>(index)];
}

void CompareColumn::showTurn(const ChatTurn* turn, int layer, bool colored) {
    const std::int64_t before = std::exchange(m_message, turn == nullptr ? 0 : turn->message.id);
    if (before != m_message) m_follow = turn != nullptr && turn->streaming;
    m_note->setVisible(turn == nullptr || (turn->streaming && turn->tokens.empty()));
    m_note->setText(turn == nullptr ? tr("It has not answered this question.") : tr("Working on the prompt"));
    m_view->setVisible(turn != nullptr);
    m_goOn->setEnabled(turn != nullptr && !turn->streaming);
    m_rate->clear();
    if (turn == nullptr) return;
    m_content = QString::fromStdString(turn->message.content);
    m_view->showTurn(*turn, layer, colored);
    if (!turn->message.summary.is_object()) return;
    if (m_hidden) return;  // its speed would tell
    const double rate = turn->message.summary.value("tokens_per_second", 0.0);
    if (rate > 0) m_rate->setText(tr("%1 tokens/s").arg(realText(rate, 1)));
}

void CompareColumn::append(const ChatTurn& turn, int first, int layer) {
    m_note->hide();
    m_content = QString::fromStdString(turn.message.content);
    m_view->appendTokens(turn, first, layer);
}

void CompareColumn::setLayer(const ChatTurn& turn, int layer) {
    m_view->setLayer(turn, layer);
}
void CompareColumn::setMark(int token) {
    m_view->strip()->setMark(token);
}
void CompareColumn::setClosable(bool closable) {
    m_close->setVisible(closable);
}

void CompareColumn::setLetter(const QString& letter, bool hidden) {
    m_hidden = hidden;
    m_letter->setText(letter);
    m_letter->setVisible(!letter.isEmpty());
    m_box->setVisible(!hidden);
    m_goOn->setVisible(!hidden);
    m_view->setAnonymous(hidden);
}
bool CompareColumn::namesItself() const {
    return !m_box->isHidden() || !m_rate->text().isEmpty();
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/message_view.h"
#include "ui/pages/chat/chat_text_size.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>
#include <cmath>
#include <functional>

#include "engine/api/event_json.h"
#include "ui/format/format.h"
#include "ui/pages/chat/markdown_view.h"
#include "ui/shell/surface.h"
#include "ui/theme/style.h"
#include "widgets/chip.h"
#include "widgets/delta_strip.h"
#include "widgets/theme_colors.h"
#include "widgets/token_strip.h"

namespace caravan::ui {
namespace {

// The keys of a question that is edited, as below: Enter asks, Shift+Enter starts a line, Escape leaves it.
class AskKeys : public QObject {
  public:
    AskKeys(QObject* parent, std::function<void(bool send)> end) : QObject(parent), m_end(std::move(end)) {}
    bool eventFilter(QObject* watched, QEvent* event) override {
        const bool pressed = event->type() == QEvent::KeyPress;
        if (!pressed && event->type() != QEvent::ShortcutOverride)
            return QObject::eventFilter(watched, event);
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
        const bool asks = enter && (key->modifiers() & Qt::ShiftModifier) == 0;
        if (!asks && key->key() != Qt::Key_Escape) return QObject::eventFilter(watched, event);
        event->accept();  // not the window's: regenerate, stop
        if (pressed) m_end(asks);
        return true;
    }

  private:
    std::function<void(bool)> m_end;
};
constexpr int kTextWidth = 760;  // px; longer lines are hard to read

std::pair<int, double> expertOf(const engine::TokenEvent& token, int layer) {
    const auto l = static_cast<std::size_t>(layer);
    if (l >= token.experts.size() || token.experts[l].empty()) return {-1, 0};
    return {token.experts[l][0], token.weights[l].empty() ? 1.0 : static_cast<double>(token.weights[l][0])};
}

std::vector<widgets::StripToken> stripTokens(const ChatTurn& turn, std::size_t first, int layer) {
    std::vector<widgets::StripToken> out;
    for (std::size_t i = first; i < turn.tokens.size(); ++i) {
        const engine::TokenEvent& t = turn.tokens[i];
        const auto [expert, weight] = expertOf(t, layer);
        widgets::StripToken token{QString::fromStdString(t.text), expert, weight};
        token.accessibleText =
            QObject::tr("“%1”, probability %2").arg(token.text, QString::number(std::exp(t.logprob), 'f', 2));
        if (expert >= 0)
            token.accessibleText += QObject::tr(", expert %1, gate %2").arg(expert).arg(weight, 0, 'f', 2);
        out.push_back(std::move(token));
    }
    return out;
}

QString endText(const ChatTurn& turn) {
    if (turn.streaming) return {};
    if (!turn.error.isEmpty()) return turn.error;
    if (turn.message.summary.is_null()) return {};
    const engine::GenerateSummary s = turn.message.summary.get<engine::GenerateSummary>();
    if (s.finish == "cancelled")
        return QObject::tr("Stopped after %1 token(s)", nullptr, static_cast<int>(turn.tokens.size()))
            .arg(withThousands(static_cast<std::int64_t>(turn.tokens.size())));
    QString text =
        QObject::tr("%1 token(s) · %2 tokens/s · first token %3 ms", nullptr, static_cast<int>(s.tokens))
            .arg(withThousands(s.tokens), realText(s.tokensPerSecond, 1),
                 withThousands(std::llround(s.secondsToFirstToken * 1000)));
    if (s.finish == "length") text += QObject::tr(" · ended at the length limit");
    return text;
}
}  // namespace

std::vector<std::pair<int, double>> expertsInLayer(const ChatTurn& turn, int layer) {
    std::vector<std::pair<int, double>> out;
    out.reserve(turn.tokens.size());
    for (const engine::TokenEvent& token : turn.tokens)
        out.push_back(expertOf(token, layer));
    return out;
}

MessageView::MessageView(QWidget* parent)
    : QWidget(parent), m_text(new QLabel), m_strip(new widgets::TokenStrip) {
    setMaximumWidth(kTextWidth);
    m_text->setTextFormat(Qt::PlainText);
    m_text->setWordWrap(true);
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    m_strip->setAccessibleName(tr("Answer"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(24, 8, 24, 8);
    layout->setSpacing(4);
    layout->addWidget(m_head = makeHead());
    layout->addWidget(m_text);
    layout->addWidget(m_strip);
    layout->addWidget(m_tools = makeTools());
    connect(m_strip, &widgets::TokenStrip::selectedChanged, this, &MessageView::tokenSelected);
    connect(&ChatTextSize::instance(), &ChatTextSize::changed, this, &MessageView::applyTextSize);
    applyTextSize();
}

void MessageView::applyTextSize() {
    const QFont font = ChatTextSize::instance().font(widgets::TextRole::Chat);
    m_text->setFont(font);
    m_strip->setTextRoleFont(font);
    if (m_editor != nullptr) m_editor->setFont(font);
    updateGeometry();
}

QWidget* MessageView::makeHead() {
    auto* head = new QWidget;
    m_who = new QLabel;
    m_who->setTextFormat(Qt::RichText);
    m_tag = new widgets::Chip;
    m_branches = new QWidget;
    m_branchText = new QLabel;
    m_branchText->setFont(widgets::numberFont());
    auto* row = new QHBoxLayout(m_branches);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(2);
    const auto arrow = [&](const QString& icon, const QString& name, int delta) {
        auto* button = new QToolButton;
        button->setIcon(widgets::themeIcon(icon));
        button->setAutoRaise(true);
        button->setFixedSize(24, 24);
        button->setAccessibleName(name);
        button->setToolTip(name);
        connect(button, &QToolButton::clicked, this, [this, delta] { stepBranch(delta); });
        row->addWidget(button);
    };
    arrow(QStringLiteral("up"), tr("Earlier branch"), -1);
    row->addWidget(m_branchText);
    arrow(QStringLiteral("down"), tr("Later branch"), 1);
    auto* layout = new QHBoxLayout(head);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(8);
    layout->addWidget(m_who);
    layout->addWidget(m_tag);
    layout->addStretch(1);
    layout->addWidget(m_branches);
    m_tag->hide();
    m_branches->hide();
    return head;
}

QWidget* MessageView::makeTools() {
    auto* tools = new QWidget;
    m_end = new ThemedLabel(QString(), widgets::TextRole::Caption, Token::Text2);
    m_end->setTextFormat(Qt::PlainText);
    m_end->setWordWrap(true);
    const auto button = [](const QString& icon, const QString& text) {
        auto* made = new QPushButton(widgets::themeIcon(icon), text);
        made->setFlat(true);
        return made;
    };
    m_regenerate = button(QStringLiteral("redo"), tr("Regenerate"));
    m_edit = button(QStringLiteral("edit"), tr("Edit"));
    m_edit->setToolTip(tr("Ask it differently; this question and what followed are kept"));
    m_branch = button(QStringLiteral("branch"), tr("Branch"));
    m_branch->setAccessibleName(tr("Branch as a new conversation"));
    m_branch->setToolTip(tr("A new conversation that begins with everything up to here"));
    QPushButton* copyButton = button(QStringLiteral("copy"), tr("Copy"));
    auto* row = new QHBoxLayout(tools);
    row->setContentsMargins(0, 0, 0, 0);
    row->addWidget(m_regenerate);
    row->addWidget(m_edit);
    row->addWidget(m_branch);
    row->addWidget(copyButton);
    row->addSpacing(8);
    row->addWidget(m_end, 1);
    connect(m_regenerate, &QPushButton::clicked, this, &MessageView::regenerate);
    connect(m_edit, &QPushButton::clicked, this, &MessageView::edit);
    connect(m_branch, &QPushButton::clicked, this, &MessageView::branchOff);
    connect(copyButton, &QPushButton::clicked, this, &MessageView::copy);
    return tools;
}

QWidget* MessageView::makeEditor() {
    auto* box = new QWidget;
    m_editor = new QPlainTextEdit;
    m_editor->setAccessibleName(tr("Question"));
    m_editor->setFont(ChatTextSize::instance().font(widgets::TextRole::Chat));
    m_editor->setTabChangesFocus(true);
    m_editor->setFixedHeight(96);
    QPushButton* ask = textButton(tr("Ask again"), QStringLiteral("send"));
    QPushButton* leave = textButton(tr("Cancel"));
    auto* row = new QHBoxLayout;
    row->addWidget(ask);
    row->addWidget(leave);
    row->addStretch(1);
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_editor);
    layout->addLayout(row);
    m_editor->installEventFilter(new AskKeys(m_editor, [this](bool send) { endEdit(send); }));
    connect(ask, &QPushButton::clicked, this, [this] { endEdit(true); });
    connect(leave, &QPushButton::clicked, this, [this] { endEdit(false); });
    return box;
}

QWidget* MessageView::makeDeltas() {
    auto* box = new Surface(Token::Base, Surface::Top);
    m_deltaTitle = new ThemedLabel(QString(), widgets::TextRole::DockTitle);
    m_deltaTitle->setWordWrap(true);
    m_deltaNote = new ThemedLabel(QString(), widgets::TextRole::Caption, Token::Text2);
    m_deltaMean = new ThemedLabel(QString(), widgets::TextRole::Number);
    m_deltas = new widgets::DeltaStrip;
    auto* row = new QHBoxLayout;
    row->setSpacing(12);
    row->addWidget(m_deltaTitle, 1);
    row->addWidget(m_deltaMean);
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 8, 0, 4);
    layout->setSpacing(2);
    layout->addLayout(row);
    layout->addWidget(m_deltaNote);
    layout->addWidget(m_deltas);
    connect(m_deltas, &widgets::DeltaStrip::tokenChosen, this, [this](int token) { m_strip->select(token); });
    return box;
}

void MessageView::showHead(const ChatTurn& turn) {
    const QString who = m_answer ? turn.source().words : tr("You");
    m_who->setText(QStringLiteral("<b>%1</b>").arg(who.isEmpty() ? tr("Answer") : who.toHtmlEscaped()));
    const QString changed = m_answer ? changeWords(engine::routerChangeOf(turn.options())) : QString();
    m_tag->setVisible(!changed.isEmpty());
    m_tag->setTone(widgets::Chip::Tone::Warning);
    m_tag->setText(tr("experts changed"));
    m_tag->setToolTip(changed);
    m_tag->setAccessibleName(tr("Experts changed: %1").arg(changed));
}

// Tokens where they are to be seen, Markdown where the text is to be read; what lost its tokens still has its
// text.
void MessageView::showText(const ChatTurn& turn) {
    const bool tokens = m_answer && (turn.streaming || (m_colored && !turn.tokens.empty()));
    const bool markdown = m_answer && !tokens;
    m_strip->setVisible(tokens);
    if (markdown && m_markdown == nullptr) {
        m_markdown = new MarkdownView;
        static_cast<QVBoxLayout*>(layout())->insertWidget(2, m_markdown);
    }
    if (m_markdown != nullptr) m_markdown->setVisible(markdown);
    m_text->setVisible(!m_answer);
    if (markdown)
        m_markdown->setAnswer(QString::fromStdString(turn.message.content));
    else
        m_text->setText(QString::fromStdString(turn.message.content));
}

void MessageView::showTurn(const ChatTurn& turn, int layer, bool colored) {
    m_answer = turn.isAnswer();
    m_colored = colored;
    showHead(turn);
    m_strip->setColored(colored);
    m_strip->setTokens(stripTokens(turn, 0, layer));
    showText(turn);
    showEnd(turn);
}

void MessageView::appendTokens(const ChatTurn& turn, int first, int layer) {
    m_strip->appendTokens(stripTokens(turn, static_cast<std::size_t>(first), layer));
}

void MessageView::showEnd(const ChatTurn& turn) {
    m_strip->setStreaming(turn.streaming);
    m_tools->setVisible(!turn.streaming);
    showRegenerate();
    m_edit->setVisible(!m_answer);
    m_end->setText(m_answer && !m_anonymous ? endText(turn) : QString());
    m_end->setToken(turn.error.isEmpty() ? Token::Text2 : Token::Err);
    m_end->setAccessibleName(m_end->text());
}

void MessageView::setLayer(const ChatTurn& turn, int layer) {
    m_strip->setExperts(expertsInLayer(turn, layer));
}
void MessageView::setColored(const ChatTurn& turn, bool colored) {
    m_colored = colored;
    m_strip->setColored(colored);
    showText(turn);
}
void MessageView::setLast(bool last) {
    m_last = last;
    showRegenerate();
}
// A question can stand at the end, too: where a conversation was branched off.
void MessageView::showRegenerate() {
    m_regenerate->setVisible(m_last);
    m_regenerate->setText(m_answer ? tr("Regenerate") : tr("Answer"));
    m_regenerate->setToolTip(m_answer
                                 ? tr("Answer once more with the same seed (Ctrl+Enter); this answer is kept")
                                 : tr("Answer this question (Ctrl+Enter)"));
}
void MessageView::hideHeader() {
    m_head->hide();
    m_regenerate->hide();
    m_branch->hide();
    m_last = false;
    setMaximumWidth(QWIDGETSIZE_MAX);
}

void MessageView::setAnonymous(bool anonymous) {
    m_anonymous = anonymous;
    if (anonymous) m_end->clear();
}

void MessageView::setBranches(const std::vector<std::int64_t>& siblings, std::int64_t own) {
    m_siblings = siblings;
    m_own = own;
    m_branches->setVisible(siblings.size() > 1);
    m_branchText->setText(branchText());
}

QString MessageView::branchText() const {
    const auto own = std::find(m_siblings.begin(), m_siblings.end(), m_own);
    if (m_siblings.size() < 2 || own == m_siblings.end()) return {};
    return tr("%1 of %2").arg(own - m_siblings.begin() + 1).arg(m_siblings.size());
}

void MessageView::stepBranch(int delta) {
    const auto own = std::find(m_siblings.begin(), m_siblings.end(), m_own) - m_siblings.begin();
    const auto next = own + delta;
    if (next >= 0 && next < static_cast<std::ptrdiff_t>(m_siblings.size()))
        Q_EMIT branchChosen(m_siblings[static_cast<std::size_t>(next)]);
}

void MessageView::edit() {
    if (m_answer) return;
    if (m_editBox == nullptr) {
        m_editBox = makeEditor();
        static_cast<QVBoxLayout*>(layout())->insertWidget(2, m_editBox);
    }
    m_editor->setPlainText(m_text->text());
    m_text->hide();
    m_tools->hide();
    m_editBox->show();
    m_editor->setFocus();
    m_editor->moveCursor(QTextCursor::End);
}

void MessageView::endEdit(bool send) {
    const QString text = m_editor->toPlainText();
    m_editBox->hide();
    m_text->show();
    m_tools->show();
    if (send && !text.trimmed().isEmpty() && text != m_text->text()) Q_EMIT edited(text);
}

void MessageView::setDeltas(const AnswerDeltas& deltas) {
    if (m_deltaBox == nullptr) {
        if (deltas.deltas.empty()) return;
        m_deltaBox = makeDeltas();
        layout()->addWidget(m_deltaBox);
    }
    m_deltaBox->setVisible(!deltas.deltas.empty());
    QStringList names;
    for (int i = 0; i < m_strip->count(); ++i)
        names.push_back(m_strip->token(i).text);
    m_deltas->setDeltas(deltas.deltas, names, deltas.expert);
    m_deltaTitle->setText(deltas.title);
    m_deltaNote->setText(deltas.note);
    const double mean = m_deltas->mean();
    m_deltaMean->setText(tr("mean Δ %1")
                             .arg((mean < 0 ? QString(QChar(0x2212)) : QStringLiteral("+")) +
                                  QString::number(std::abs(mean), 'f', 3)));
}

void MessageView::setDeltasStale() {
    if (m_deltaBox == nullptr || m_deltas->isStale()) return;
    m_deltas->setStale(true);
    m_deltaNote->setText(tr("Made before the experts were changed again"));
}

}  // namespace caravan::ui

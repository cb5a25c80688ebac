// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The regions of the chat page.
#include <QAction>
#include <QApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QScrollBar>
#include <QShortcut>
#include <QSlider>
#include <QSpinBox>
#include <QVBoxLayout>
#include <initializer_list>
#include <utility>

#include "ui/actions/action_registry.h"
#include "ui/pages/chat/chat_controls.h"
#include "ui/pages/chat/chat_page.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/pages/chat/compare_view.h"
#include "ui/pages/chat/conversation_delegate.h"
#include "ui/shell/icon_label.h"
#include "ui/shell/surface.h"
#include "widgets/token_strip.h"

namespace caravan::ui {

namespace {

// PgUp and PgDn: another layer while an answer's tokens are walked, else a page of the conversation.
void stepLayersByKeys(const QWidget* bar, QSlider* slider, std::initializer_list<QWidget*> views) {
    const auto step = [bar, slider](int delta) {
        QWidget* focus = QApplication::focusWidget();
        if (bar->isVisible() && qobject_cast<widgets::TokenStrip*>(focus) != nullptr)
            return slider->setValue(slider->value() + delta);
        while (focus != nullptr && qobject_cast<QAbstractScrollArea*>(focus) == nullptr)
            focus = focus->parentWidget();
        if (auto* area = qobject_cast<QAbstractScrollArea*>(focus))
            area->verticalScrollBar()->triggerAction(delta < 0 ? QScrollBar::SliderPageStepSub
                                                               : QScrollBar::SliderPageStepAdd);
    };
    for (QWidget* view : views)
        for (const auto& [key, delta] : {std::pair{Qt::Key_PageUp, -1}, std::pair{Qt::Key_PageDown, 1}}) {
            auto* keys = new QShortcut(key, view, nullptr, nullptr, Qt::WidgetWithChildrenShortcut);
            QObject::connect(keys, &QShortcut::activated, slider, [step, delta = delta] { step(delta); });
        }
}

}  // namespace

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
    m_pin = actions->add({.id = QStringLiteral("chat.pin"),
                          .text = tr("&Pin on top of the list"),
                          .menu = page,
                          .icon = QStringLiteral("pin"),
                          .page = page},
                         this, [this] {
                             const bool pinned = m_session->chat().pinned;
                             m_session->setPinned(m_session->currentChat(), !pinned);
                         });
    m_pin->setCheckable(true);
    m_branch = actions->add({.id = QStringLiteral("chat.branch"),
                             .text = tr("&Branch as a new conversation"),
                             .menu = page,
                             .shortcut = QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_B),
                             .icon = QStringLiteral("branch"),
                             .page = page,
                             .tip = tr("A new conversation that begins with the shown messages")},
                            this, [this] { m_session->branchOff(m_session->path().size() - 1); });
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
    m_search->setAccessibleName(tr("Search chats"));
    makeSearchField(m_search);
    m_list = new QListWidget;
    m_list->setFrameShape(QFrame::NoFrame);
    m_list->setItemDelegate(new ConversationDelegate(m_list));
    m_list->setMouseTracking(true);
    m_list->setAccessibleName(tr("Conversations"));
    m_list->setTextElideMode(Qt::ElideRight);
    m_list->setContextMenuPolicy(Qt::ActionsContextMenu);
    auto* remove = new QAction(tr("Delete conversation"), m_list);
    remove->setShortcut(QKeySequence::Delete);
    remove->setShortcutContext(Qt::WidgetShortcut);
    m_list->addAction(m_pin);
    m_list->addAction(remove);
    connect(remove, &QAction::triggered, this, [this] {
        if (const QListWidgetItem* item = m_list->currentItem())
            m_session->removeChat(item->data(Qt::UserRole).toString());
    });
    QPushButton* fresh = textButton(tr("New conversation"), QStringLiteral("plus"));
    connect(fresh, &QPushButton::clicked, m_new, &QAction::trigger);
    auto* box = new Surface(Token::Base);
    box->setMinimumWidth(std::max(180, fresh->sizeHint().width() + 24));
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 12, 0, 12);
    layout->setSpacing(8);
    const auto inset = [layout](QWidget* widget) {
        auto* row = new QHBoxLayout;
        row->setContentsMargins(12, 0, 12, 0);
        row->addWidget(widget);
        layout->addLayout(row);
    };
    inset(m_search);
    layout->addWidget(m_list, 1);
    inset(fresh);
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
    auto* label = new ThemedLabel(tr("Layer"), widgets::TextRole::Secondary, Token::Text2);
    m_layer = new QSpinBox;
    m_layer->setFixedWidth(60);
    m_layer->setAlignment(Qt::AlignRight);
    m_layer->setFont(widgets::numberFont());
    m_layer->setAccessibleName(tr("Layer whose experts color the tokens"));
    label->setBuddy(m_layer);
    m_layerSlider = new QSlider(Qt::Horizontal);
    m_layerSlider->setMinimumWidth(40);  // the legend's experts come first
    m_layerSlider->setMaximumWidth(88);
    m_layerSlider->setAccessibleName(tr("Layer"));
    m_legend = new ExpertLegend;
    m_layerBar = new Surface(Token::Base, Surface::Bottom);
    m_layerBar->setFixedHeight(44);
    auto* row = new QHBoxLayout(m_layerBar);
    row->setContentsMargins(16, 0, 16, 1);
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
    stepLayersByKeys(m_layerBar, m_layerSlider, {m_view, m_compare});
    connect(m_legend, &ExpertLegend::highlighted, m_view, &ChatView::setHighlightedExpert);
    connect(m_legend, &ExpertLegend::highlighted, m_compare, &CompareView::setHighlightedExpert);
    return m_layerBar;
}

QWidget* ChatPage::makeComposer() {
    m_input = new QPlainTextEdit;
    m_input->setPlaceholderText(tr("Message. Enter sends, Shift+Enter starts a new line."));
    m_input->setAccessibleName(tr("Message"));
    m_input->setFont(widgets::textFont(widgets::TextRole::Chat));
    m_input->setFixedHeight(66);
    m_input->document()->setDocumentMargin(8);
    m_input->setTabChangesFocus(true);
    m_input->installEventFilter(this);
    connect(m_input, &QPlainTextEdit::textChanged, this, [this] { showState(); });
    m_status = new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2);
    m_speed = new ThemedLabel(QString(), widgets::TextRole::Number, Token::Text2);
    m_sendButton = textButton(tr("Send"), QStringLiteral("send"), true);
    connect(m_sendButton, &QPushButton::clicked, this,
            [this] { m_session->isStreaming() ? m_session->stop() : send(); });
    auto* row = new QHBoxLayout;
    row->setSpacing(12);
    row->addWidget(m_status, 1);
    row->addWidget(m_speed);
    row->addWidget(m_sendButton);
    auto* box = new Surface(Token::Base, Surface::Top);
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(24, 13, 24, 12);
    layout->setSpacing(8);
    layout->addWidget(m_input);
    layout->addLayout(row);
    return box;
}

// A button whose text goes on in a second line where the window is narrow.
static QPushButton* wrappingButton(const QString& text) {
    auto* button = new QPushButton;
    button->setAccessibleName(text);
    auto* label = new QLabel(text);
    label->setWordWrap(true);
    label->setAttribute(Qt::WA_TransparentForMouseEvents);
    auto* layout = new QVBoxLayout(button);
    layout->setContentsMargins(12, 6, 12, 6);
    layout->addWidget(label);
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Preferred);
    policy.setHeightForWidth(true);
    button->setSizePolicy(policy);
    return button;
}

QWidget* ChatPage::makeExamples() {
    auto* box = new QWidget;
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(24, 48, 24, 24);
    layout->setSpacing(12);
    layout->addWidget(
        new ThemedLabel(tr("Ask something, and see which experts answer"), widgets::TextRole::Section));
    for (const QString& example :
         {tr("Write a Python function that returns the sum of the squares of the even numbers in a list."),
          tr("Mia has 24 pencils. She gives a third of them away and buys 5 more. How many has she now?"),
          tr("Give three tips for a good night's sleep.")}) {
        QPushButton* card = wrappingButton(example);
        connect(card, &QPushButton::clicked, this, [this, example] {
            m_input->setPlainText(example);
            m_input->setFocus();
            m_input->moveCursor(QTextCursor::End);
        });
        layout->addWidget(card);
    }
    box->setMaximumWidth(760);
    return box;
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/chat_side.h"

#include <QHBoxLayout>
#include <QSplitter>
#include <QVBoxLayout>

#include "ui/shell/surface.h"
#include "widgets/segmented.h"

namespace caravan::ui {
namespace {
constexpr int kLow = 740;  // px: the inspector with its rows, and 8 experts to steer
}

ChatSide::ChatSide(QWidget* token, QWidget* steer, QWidget* parent)
    : QWidget(parent),
      m_token(token),
      m_steer(steer),
      m_split(new QSplitter(Qt::Vertical)),
      m_bar(new Surface(Token::Base)),
      m_choice(new widgets::Segmented({tr("Token"), tr("Steer experts")})) {
    m_choice->setAccessibleName(tr("Panel"));
    auto* bar = new QHBoxLayout(m_bar);
    bar->setContentsMargins(16, 8, 16, 4);
    bar->addWidget(m_choice);
    bar->addStretch(1);
    m_split->addWidget(token);
    m_split->addWidget(steer);
    m_split->setChildrenCollapsible(false);
    m_split->setStretchFactor(0, 1);
    m_split->setStretchFactor(1, 1);
    m_split->setSizes({380, 420});
    steer->setMinimumHeight(260);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_bar);
    layout->addWidget(m_split, 1);
    connect(m_choice, &widgets::Segmented::currentChanged, this, [this] { arrange(); });
    arrange();
}

void ChatSide::setSteerable(bool steerable) {
    if (steerable == m_steerable) return;
    m_steerable = steerable;
    arrange();
}

void ChatSide::showSteer() {
    m_choice->setCurrent(1);
}

void ChatSide::arrange() {
    const bool one = m_low && m_steerable;
    m_bar->setVisible(one);
    m_token->setVisible(!one || m_choice->current() == 0);
    m_steer->setVisible(m_steerable && (!m_low || m_choice->current() == 1));
}

void ChatSide::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    const bool low = height() < kLow;
    if (low == m_low) return;
    m_low = low;
    arrange();
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/vote_bar.h"

#include <QHBoxLayout>
#include <QPushButton>

namespace caravan::ui {

QString columnLetter(int column) {
    return QString(QChar(u'A' + column));
}

QKeySequence voteKey(int choice) {
    const int number = choice == VoteBar::kTie ? 5 : choice == VoteBar::kAllBad ? 6 : choice + 1;
    return QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_0 + number));
}

VoteBar::VoteBar(QWidget* parent)
    : Surface(Token::Base, Surface::Top, parent),
      m_words(new ThemedLabel(QString(), widgets::TextRole::Secondary)),
      m_row(new QHBoxLayout(this)) {
    setFixedHeight(48);
    m_row->setContentsMargins(24, 1, 16, 0);
    m_row->setSpacing(8);
    m_words->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_row->addWidget(m_words, 1);
}

void VoteBar::clear() {
    for (const auto& [choice, button] : m_buttons)
        button->deleteLater();
    m_buttons.clear();
    if (m_end != nullptr) m_end->deleteLater();
    m_end = nullptr;
}

void VoteBar::addButton(int choice, const QString& text) {
    QPushButton* button = textButton(text);
    button->setToolTip(voteKey(choice).toString(QKeySequence::NativeText));
    connect(button, &QPushButton::clicked, this, [this, choice] { Q_EMIT voted(choice); });
    m_row->addWidget(button);
    m_buttons.emplace_back(choice, button);
}

void VoteBar::ask(int answers, const QStringList& gone) {
    clear();
    QString words = tr("Which answer is better? The names are shown after your vote.");
    if (!gone.isEmpty())
        words = tr("Not in the project any more: %1. Its answer can still be voted on.")
                    .arg(gone.join(QStringLiteral("; ")));
    m_words->setText(words);
    m_words->setToolTip(gone.isEmpty() ? QString() : words);
    for (int i = 0; i < answers; ++i)
        addButton(i, tr("%1 is better").arg(columnLetter(i)));
    addButton(kTie, tr("Tie"));
    addButton(kAllBad, answers == 2 ? tr("Both bad") : tr("All bad"));
    m_end = textButton(tr("No vote"));
    m_end->setToolTip(tr("Ends the blind vote and shows the names; nothing is counted"));
    connect(m_end, &QPushButton::clicked, this, &VoteBar::ended);
    m_row->addWidget(m_end);
}

void VoteBar::tell(const QString& words) {
    clear();
    m_words->setText(words);
    m_words->setToolTip({});
}

QPushButton* VoteBar::button(int choice) const {
    for (const auto& [each, button] : m_buttons)
        if (each == choice) return button;
    return nullptr;
}

QString VoteBar::text() const {
    return m_words->text();
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/runs/queue_bar.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QInputDialog>
#include <QPushButton>
#include <QSignalBlocker>

#include "ui/shell/pane_header.h"
#include "ui/theme/style.h"

namespace caravan::ui {

QueueBar::QueueBar(QWidget* parent)
    : Surface(Token::Base, Surface::Bottom, parent),
      m_text(new ElidedLabel(widgets::TextRole::Body, Token::Text)),
      m_start(textButton(tr("Start the queue"), QStringLiteral("play"))),
      m_end(new QComboBox) {
    setFixedHeight(44);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(24, 0, 16, 1);
    row->setSpacing(12);
    row->addWidget(m_text, 1);
    row->addWidget(new ThemedLabel(tr("When all is done"), widgets::TextRole::Body, Token::Text2));
    m_end->addItems({tr("do nothing"), tr("close Caravan"), tr("run a command…")});
    m_end->setAccessibleName(tr("What to do when all runs are done"));
    row->addWidget(m_end);
    row->addWidget(m_start);
    connect(m_start, &QPushButton::clicked, this, &QueueBar::startRequested);
    connect(m_end, &QComboBox::activated, this, &QueueBar::chosen);
    hide();
}

void QueueBar::setQueue(const QStringList& waiting, bool live, bool usable) {
    setVisible(live || !waiting.isEmpty());
    QString words = tr("No run waits.");
    if (!waiting.isEmpty()) {
        words = waiting.size() == 1 ? tr("1 run waits:") : tr("%1 runs wait:").arg(waiting.size());
        words += QLatin1Char(' ') + waiting.join(QStringLiteral(", ")) + QLatin1Char('.');
        if (live) words += QLatin1Char(' ') + tr("The first starts when this run has ended.");
    }
    m_text->setText(words);
    m_text->setToolTip(words);
    m_start->setVisible(!waiting.isEmpty() && !live);
    m_start->setEnabled(usable);
}

QString QueueBar::text() const {
    return m_text->text();
}

void QueueBar::setEndAction(EndAction action, const QString& command) {
    m_action = action;
    m_command = command;
    const QSignalBlocker quiet(m_end);
    m_end->setCurrentIndex(static_cast<int>(action));
    m_end->setToolTip(action == EndAction::Command ? command : QString());
}

void QueueBar::chosen(int index) {
    const auto action = static_cast<EndAction>(index);
    if (action != EndAction::Command) return setEndAction(action);
    const EndAction before = m_action;
    auto* dialog = new QInputDialog(this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("Command"));
    dialog->setLabelText(tr("Run in a shell when all runs are done:"));
    dialog->setTextValue(m_command);
    connect(dialog, &QInputDialog::textValueSelected, this, [this](const QString& text) {
        setEndAction(text.trimmed().isEmpty() ? EndAction::Nothing : EndAction::Command, text.trimmed());
    });
    connect(dialog, &QDialog::rejected, this, [this, before] { setEndAction(before, m_command); });
    dialog->open();
}

}  // namespace caravan::ui

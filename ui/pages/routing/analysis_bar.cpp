// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/routing/analysis_bar.h"

#include <QHBoxLayout>
#include <QProgressBar>

namespace caravan::ui {

AnalysisBar::AnalysisBar(QWidget* parent)
    : Surface(Token::Base, Bottom, parent),
      m_words(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text)),
      m_progress(new QProgressBar),
      m_cancel(textButton(tr("Cancel"))) {
    setFixedHeight(44);
    setAccessibleName(tr("Analysis"));
    m_progress->setTextVisible(false);
    m_progress->setFixedWidth(220);
    m_progress->setAccessibleName(tr("Progress of the analysis"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(24, 0, 16, 1);
    row->setSpacing(12);
    row->addWidget(m_words);
    row->addStretch(1);
    row->addWidget(m_progress);
    row->addWidget(m_cancel);
}

QString AnalysisBar::words() const {
    return m_words->text();
}

void AnalysisBar::showProgress(const QString& what, const std::optional<engine::Progress>& progress) {
    if (!progress) m_clock.restart();
    m_words->setText(progress ? tr("%1: %2").arg(what, m_clock.words(*progress)) : what);
    m_progress->setRange(0, progress ? static_cast<int>(progress->total) : 0);
    m_progress->setValue(progress ? static_cast<int>(progress->done) : 0);
}

}  // namespace caravan::ui

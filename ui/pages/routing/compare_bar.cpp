// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/routing/compare_bar.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QSpinBox>
#include <cmath>

#include "ui/shell/pane_header.h"

namespace caravan::ui {

RoutingView ratioOf(const RoutingView& view, const RoutingView& other) {
    if (view.layerIndices != other.layerIndices || view.experts != other.experts) return {};
    RoutingView ratio;
    ratio.layers = view.layers;
    ratio.experts = view.experts;
    ratio.layerIndices = view.layerIndices;
    ratio.dead.assign(view.load.size(), 0);
    ratio.statistics.resize(view.layers);
    for (std::size_t i = 0; i < view.load.size(); ++i)
        ratio.load.push_back(other.load[i] > 0 ? view.load[i] / other.load[i] : NAN);
    return ratio;
}

CompareBar::CompareBar(QWidget* parent)
    : Surface(Token::Base, Bottom, parent),
      m_runs(new QComboBox),
      m_step(new QSpinBox),
      m_note(new ThemedLabel(QString(), widgets::TextRole::Caption, Token::Text2)) {
    setFixedHeight(44);
    setAccessibleName(tr("Comparison"));
    m_runs->setAccessibleName(tr("Run to compare with"));
    m_runs->setMinimumWidth(200);
    m_step->setAccessibleName(tr("Step to compare with"));
    m_step->setFont(widgets::numberFont());
    m_step->setFixedWidth(88);
    m_step->setAlignment(Qt::AlignRight);
    m_step->setKeyboardTracking(false);
    auto* close = iconButton(QStringLiteral("close"), tr("End the comparison"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(24, 0, 16, 1);
    row->setSpacing(8);
    row->addWidget(new ThemedLabel(tr("Compared with"), widgets::TextRole::Secondary, Token::Text2));
    row->addWidget(m_runs);
    row->addWidget(new ThemedLabel(tr("step"), widgets::TextRole::Secondary, Token::Text2));
    row->addWidget(m_step);
    row->addWidget(m_note, 1);
    row->addWidget(close);
    connect(m_runs, &QComboBox::activated, this, [this] { Q_EMIT runChosen(folder()); });
    connect(m_step, &QSpinBox::valueChanged, this, [this](int step) { Q_EMIT stepChosen(step); });
    connect(close, &QToolButton::clicked, this, &CompareBar::closed);
}

QString CompareBar::folder() const {
    return m_runs->currentData().toString();
}

void CompareBar::setRuns(const QVector<Choice>& runs, const QString& current) {
    const QSignalBlocker blocker(m_runs);
    const QString kept = m_runs->count() > 0 ? folder() : current;
    m_runs->clear();
    for (const Choice& run : runs)
        m_runs->addItem(run.name, run.folder);
    m_runs->setCurrentIndex(std::max(0, m_runs->findData(kept)));
}

void CompareBar::setSteps(const QVector<qint64>& steps) {
    const QSignalBlocker blocker(m_step);
    m_step->setEnabled(!steps.isEmpty());
    if (!steps.isEmpty()) m_step->setRange(static_cast<int>(steps.first()), static_cast<int>(steps.last()));
}

void CompareBar::setStep(qint64 step) {
    const QSignalBlocker blocker(m_step);
    m_step->setValue(static_cast<int>(step));
}

void CompareBar::setNote(const QString& note, bool warning) {
    m_note->setText(note);
    m_note->setToken(warning ? Token::Warn : Token::Text2);
}

}  // namespace caravan::ui

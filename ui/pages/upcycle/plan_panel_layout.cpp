// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The regions of the plan's panel.
#include <QGridLayout>
#include <QHBoxLayout>
#include <QProgressBar>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/pages/models/verdict_box.h"
#include "ui/pages/upcycle/parameter_bar.h"
#include "ui/pages/upcycle/plan_panel.h"
#include "ui/shell/surface.h"
#include "widgets/stack_bar.h"

namespace caravan::ui {

PlanPanel::PlanPanel(QWidget* parent) : QScrollArea(parent) {
    setWidgetResizable(true);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFocusPolicy(Qt::NoFocus);
    setAccessibleName(tr("What the settings mean"));
    auto* body = new Surface(Token::Base);
    m_layout = new QVBoxLayout(body);
    m_layout->setContentsMargins(24, 16, 24, 20);
    m_layout->setSpacing(6);
    makeParameters();
    makeMemory();
    makeDiskAndTime();
    makeProof();
    m_layout->addStretch(1);
    setWidget(body);
    showDryStep({}, false);
    showProof({}, false, engine::UpcycleMethod::Pesc);
    showWork({}, {});
    showError({});
    showDryNeed({}, false);
}

void PlanPanel::makeParameters() {
    m_layout->addWidget(new ThemedLabel(tr("Parameters"), widgets::TextRole::Section));
    m_total = new ParameterBar(tr("Total"), 0);
    m_active = new ParameterBar(tr("Active per token"), 1);
    m_trainable = new ParameterBar(tr("Trainable"), 2);
    for (ParameterBar* measure : {m_total, m_active, m_trainable})
        m_layout->addWidget(measure);
    m_layout->addSpacing(8);
}

void PlanPanel::makeMemory() {
    auto* head = new QHBoxLayout;
    head->setSpacing(10);
    head->addWidget(new ThemedLabel(tr("Memory"), widgets::TextRole::Section));
    m_memoryNote = new ThemedLabel(QString(), widgets::TextRole::Caption, Token::Text2);
    head->addWidget(m_memoryNote, 1);
    m_layout->addLayout(head);
    m_bar = new widgets::StackBar;
    m_bar->setFixedHeight(24);
    m_bar->setAccessibleName(tr("Planned memory by item"));
    m_layout->addWidget(m_bar);
    auto* scale = new QHBoxLayout;
    m_scaleLeft = new ThemedLabel(QStringLiteral("0"), widgets::TextRole::Caption, Token::Text2);
    m_scaleRight = new ThemedLabel(QString(), widgets::TextRole::Caption, Token::Text2);
    scale->addWidget(m_scaleLeft);
    scale->addStretch(1);
    scale->addWidget(m_scaleRight);
    m_layout->addLayout(scale);
    m_over = new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Err);
    m_over->setWordWrap(true);
    m_layout->addWidget(m_over);
    m_remedies = new QVBoxLayout;
    m_remedies->setSpacing(2);
    m_layout->addLayout(m_remedies);
    m_items = new QVBoxLayout;
    m_items->setSpacing(0);
    m_layout->addLayout(m_items);
    auto* rule = new Surface(Token::Line);
    rule->setFixedHeight(1);
    m_layout->addWidget(rule);
    auto* totals = new QGridLayout;
    totals->setColumnStretch(0, 1);
    totals->setVerticalSpacing(2);
    totals->addWidget(new ThemedLabel(tr("Plan, peak of one step"), widgets::TextRole::DockTitle), 0, 0);
    m_planTotal = new ThemedLabel(QString(), widgets::TextRole::Number);
    totals->addWidget(m_planTotal, 0, 1, Qt::AlignRight);
    m_measuredName = new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2);
    totals->addWidget(m_measuredName, 1, 0);
    m_measured = new ThemedLabel(QString(), widgets::TextRole::Number);
    totals->addWidget(m_measured, 1, 1, Qt::AlignRight);
    m_layout->addLayout(totals);
    m_layout->addSpacing(10);
}

ThemedLabel* PlanPanel::value(QGridLayout* grid, int row, const QString& name) {
    grid->addWidget(new ThemedLabel(name, widgets::TextRole::Secondary, Token::Text2), row, 0);
    auto* label = new ThemedLabel(QStringLiteral("–"), widgets::TextRole::Number);
    grid->addWidget(label, row, 1, Qt::AlignRight);
    grid->setColumnStretch(0, 1);
    return label;
}

void PlanPanel::makeDiskAndTime() {
    auto* both = new QHBoxLayout;
    both->setSpacing(24);
    auto* disk = new QGridLayout;
    disk->setVerticalSpacing(3);
    disk->addWidget(new ThemedLabel(tr("Disk"), widgets::TextRole::DockTitle), 0, 0);
    m_checkpoint = value(disk, 1, tr("Per checkpoint"));
    m_kept = value(disk, 2, tr("Whole run"));
    m_free = value(disk, 3, tr("Free"));
    m_free->setObjectName(QStringLiteral("diskFree"));
    auto* time = new QGridLayout;
    time->setVerticalSpacing(3);
    time->addWidget(new ThemedLabel(tr("Time"), widgets::TextRole::DockTitle), 0, 0);
    m_stepTime = value(time, 1, tr("Per step"));
    m_stepsName = new ThemedLabel(tr("Steps"), widgets::TextRole::Secondary, Token::Text2);
    m_steps = new ThemedLabel(QString(), widgets::TextRole::Number);
    time->addWidget(m_stepsName, 2, 0);
    time->addWidget(m_steps, 2, 1, Qt::AlignRight);
    m_throughput = value(time, 3, tr("Throughput"));
    both->addLayout(disk, 1);
    both->addLayout(time, 1);
    m_layout->addLayout(both);
    m_layout->addSpacing(12);
}

void PlanPanel::makeProof() {
    m_proof = new VerdictBox;
    m_proof->setFramed(true);
    m_layout->addWidget(m_proof);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    m_prove = textButton(tr("Check step 0"), QStringLiteral("check"));
    m_dry = textButton(tr("Measure a dry step"), QStringLiteral("play"));
    row->addWidget(m_prove);
    row->addWidget(m_dry);
    row->addStretch(1);
    m_layout->addSpacing(6);
    m_layout->addLayout(row);
    m_needRow = new QWidget;
    auto* need = new QHBoxLayout(m_needRow);
    need->setContentsMargins(0, 2, 0, 0);
    need->setSpacing(8);
    m_dryNeed = new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2);
    m_dryNeed->setWordWrap(true);
    m_chooseData = new LinkButton(tr("Choose data"));
    need->addWidget(m_dryNeed, 1);
    need->addWidget(m_chooseData);
    m_layout->addWidget(m_needRow);
    m_workRow = new QWidget;
    auto* work = new QHBoxLayout(m_workRow);
    work->setContentsMargins(0, 4, 0, 0);
    m_work = new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2);
    m_progress = new QProgressBar;
    m_progress->setTextVisible(false);
    m_progress->setFixedHeight(8);
    m_cancel = textButton(tr("Cancel"));
    work->addWidget(m_work);
    work->addWidget(m_progress, 1);
    work->addWidget(m_cancel);
    m_layout->addWidget(m_workRow);
    m_error = new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Err);
    m_error->setWordWrap(true);
    m_layout->addWidget(m_error);
    connect(m_cancel, &QPushButton::clicked, this, &PlanPanel::cancelWanted);
    connect(m_chooseData, &LinkButton::clicked, this, &PlanPanel::dataWanted);
}

}  // namespace caravan::ui

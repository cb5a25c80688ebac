// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What the page measures beyond the logged sums, and the comparison with another step or run.
#include <QDir>
#include <QMenu>
#include <QPushButton>
#include <QSpinBox>
#include <cmath>

#include "engine/api/expert_copies.h"
#include "ui/actions/action_registry.h"
#include "ui/analysis_source.h"
#include "ui/format/format.h"
#include "ui/pages/routing/analysis_bar.h"
#include "ui/pages/routing/analysis_panes.h"
#include "ui/pages/routing/cell_inspector.h"
#include "ui/pages/routing/compare_bar.h"
#include "ui/pages/routing/load_map.h"
#include "ui/pages/routing/routing_filters.h"
#include "ui/pages/routing/routing_page.h"
#include "ui/pages/tune/alarm_text.h"
#include "ui/routing_source.h"
#include "ui/shell/pane_header.h"
#include "widgets/heat_map.h"
#include "widgets/message_bar.h"
#include "widgets/segmented.h"

namespace caravan::ui {

void RoutingPage::makeAnalysis() {
    m_analysis = new AnalysisSource(services().engine, this);
    m_panes = new AnalysisPanes(this);
    m_analysisBar = new AnalysisBar;
    m_analysisBar->hide();
    m_analysisMessage = new widgets::MessageBar;
    m_analysisMessage->setClosable(true);
    m_analysisMessage->hide();
    addBar(m_analysisBar);
    addBar(m_analysisMessage);
    m_copiesBar = new widgets::MessageBar;
    m_copiesBar->setClosable(true);
    m_copiesBar->hide();
    addBar(m_copiesBar);
    connect(m_copiesBar, &widgets::MessageBar::closed, m_copiesBar, &QWidget::hide);
    m_analyseMenu = new QMenu(this);
    connect(m_analyseButton, &QPushButton::clicked, this, [this] {
        fillAnalyseMenu();
        m_analyseMenu->popup(m_analyseButton->mapToGlobal(QPoint(0, m_analyseButton->height() + 2)));
    });
    connect(m_analysisBar->cancelButton(), &QPushButton::clicked, m_analysis, &AnalysisSource::cancel);
    connect(m_analysisMessage, &widgets::MessageBar::closed, m_analysisMessage, &QWidget::hide);
    connect(m_analysis, &AnalysisSource::changed, this, [this] {
        if (!isActive()) return;
        showAnalysis();
        if (!m_record) return;
        showTiles();
        showTimeline();
    });
    connect(m_analysis, &AnalysisSource::saturationChanged, this, [this] {
        if (isActive()) showAnalysis();
    });
    connect(m_analysis, &AnalysisSource::busyChanged, this, &RoutingPage::showAnalysisBar);
    connect(m_analysis, &AnalysisSource::failed, this, [this](const engine::Error& error) {
        const ErrorWords text = words(error);
        m_analysisMessage->showMessage(widgets::MessageBar::Kind::Error, text.what,
                                       text.detail + QLatin1Char(' ') + text.todo);
        m_analysisMessage->show();
    });
    connect(m_panes, &AnalysisPanes::expertChosen, this, [this](int expert) {
        if (m_map->currentRow() >= 0) m_map->setCurrentCell(m_map->currentRow(), expert);
    });
    connect(m_panes, &AnalysisPanes::layerChosen, this, [this](std::int64_t layer) {
        for (std::size_t i = 0; i < m_view.layers; ++i)
            if (m_view.layerIndices[i] == layer)
                m_map->setCurrentCell(mapRow(m_view, static_cast<int>(i), m_allLayers),
                                      std::max(0, m_map->currentColumn()));
    });
}

QVector<qint64> RoutingPage::checkpoints() const {
    QVector<qint64> steps;
    for (const engine::CheckpointInfo& info : m_run->history().checkpoints())
        if (QDir(m_run->folder() +
                 QStringLiteral("/checkpoints/step-%1").arg(info.step, 6, 10, QLatin1Char('0')))
                .exists())
            steps.append(info.step);
    return steps;
}

QString RoutingPage::whyNotAnalyse(const QVector<qint64>& steps) const {
    if (m_run->isLive())
        return tr("The run is being tuned. Its checkpoints can be analysed when it has ended.");
    if (steps.isEmpty()) return tr("The run has no checkpoint that could be read.");
    return {};
}

void RoutingPage::fillAnalyseMenu() {
    m_analyseMenu->clear();
    const QVector<qint64> steps = checkpoints();
    if (const QString why = whyNotAnalyse(steps); !why.isEmpty()) {
        m_analyseMenu->addAction(why)->setEnabled(false);
        return;
    }
    if (m_analysis->isBusy()) {
        m_analyseMenu->addAction(tr("Cancel the analysis"), m_analysis, &AnalysisSource::cancel);
        return;
    }
    const qint64 last = steps.last();
    const auto ask = [this, last](const QVector<qint64>& wanted, const QVector<qint64>& mute) {
        QVector<AnalysisSource::Wish> wishes;
        for (const qint64 step : wanted)
            wishes.append({step, last, mute});
        m_analysisMessage->hide();
        m_analysis->ask(wishes);
    };
    qint64 near = last;
    for (const qint64 step : steps)
        if (std::abs(step - shownStep()) < std::abs(near - shownStep())) near = step;
    m_analyseMenu->addAction(tr("Checkpoint of step %1").arg(withThousands(near)), this,
                             [ask, near] { ask({near}, {}); });
    if (steps.size() > 1)
        m_analyseMenu->addAction(tr("All %1 checkpoints").arg(steps.size()), this,
                                 [ask, steps] { ask(steps, {}); });
    m_analyseMenu->addSeparator();
    if (const int layer = selectedLayer(); layer >= 0) {
        const qint64 index = m_view.layerIndices[static_cast<std::size_t>(layer)];
        m_analyseMenu->addAction(
            tr("Mute each expert of layer %1, step %2").arg(index).arg(withThousands(near)), this,
            [ask, near, index] { ask({near}, {index}); });
    }
    m_analyseMenu->addAction(tr("Mute each expert in all layers, step %1").arg(withThousands(near)), this,
                             [ask, near] { ask({near}, {-1}); });
    m_analyseMenu->addSeparator();
    m_analyseMenu->addAction(tr("Approximation error…"), this, &RoutingPage::openApproximation);
}

QMenu* RoutingPage::analyseMenu() {
    fillAnalyseMenu();
    return m_analyseMenu;
}

void RoutingPage::showAnalysisBar() {
    m_analysisBar->setVisible(m_analysis->isBusy());
    if (!m_analysis->isBusy()) return;
    m_analysisBar->showProgress(tr("Analysing step %1").arg(withThousands(m_analysis->busyStep())),
                                m_analysis->progress());
}

void RoutingPage::showAnalysis() {
    if (!m_record) return;
    m_analysis->show(m_analysis->stepFor(shownStep()));
    showCell();
    showCopies();
    const auto analysis = m_analysis->current();
    const CellFacts& cell = m_cell->facts();
    const int row = selectedLayer();
    m_panes->showSaturation(m_analysis->saturation(),
                            row < 0 ? -1 : m_view.layerIndices[static_cast<std::size_t>(row)]);
    if (!analysis)
        m_panes->clear(whyNotMeasured());
    else
        m_panes->show(*analysis, cell.analysis ? static_cast<int>(cell.layer) : -1, m_map->currentColumn(),
                      tr("step %1").arg(withThousands(analysis->step)));
}

QString RoutingPage::whyNotMeasured() const {
    return m_run->isLive() ? tr("Measured on held-out rows when the run has ended.")
                           : tr("Not measured yet. Analyse reads held-out rows with a checkpoint's weights.");
}

// Experts that do the same: told once per analysis, with what to do.
void RoutingPage::showCopies() {
    const auto analysis = m_analysis->current();
    if (analysis == m_copiesOf.lock()) return;
    m_copiesOf = analysis;
    const auto copies = analysis ? engine::copiesOf(*analysis) : std::vector<engine::ExpertCopies>();
    m_copiesBar->setVisible(!copies.empty());
    if (copies.empty()) return;
    const engine::ExpertCopies most = copies.front();
    const AlarmWords text = alarmWords(engine::alarmOf(most, analysis->step), {.step = analysis->step});
    QString where =
        tr("Step %1, experts %2 and %3").arg(withThousands(analysis->step)).arg(most.first).arg(most.second);
    if (most.pairs > 1) where = tr("%1, %2 pairs").arg(where).arg(most.pairs);
    if (copies.size() > 1) where = tr("%1, %2 layers").arg(where).arg(copies.size());
    m_copiesBar->showMessage(text.kind, text.title,
                             QStringLiteral("%1 (%2.) %3").arg(text.text, where, text.remedy));
    QPushButton* show = m_copiesBar->addButton(tr("Show"));
    connect(show, &QPushButton::clicked, this, [this, most] {
        Q_EMIT m_panes->layerChosen(most.layer);
        if (m_map->currentRow() >= 0)
            m_map->setCurrentCell(m_map->currentRow(), static_cast<int>(most.first));
        m_panes->measure()->setCurrent(AnalysisPanes::Cka);
    });
    const QVector<qint64> steps = checkpoints();
    if (!whyNotAnalyse(steps).isEmpty() || !steps.contains(analysis->step)) return;
    QPushButton* mute = m_copiesBar->addButton(tr("Mute each"));
    mute->setToolTip(tr("Measures the loss with each expert of layer %1 muted alone").arg(most.layer));
    connect(mute, &QPushButton::clicked, this, [this, most, step = analysis->step, last = steps.last()] {
        m_analysis->ask({{step, last, {most.layer}}});
    });
}

void RoutingPage::makeComparison() {
    m_other = new RoutingSource(this);
    m_compareBar = new CompareBar;
    m_compareBar->hide();
    addBar(m_compareBar);
    m_compareButton->setCheckable(true);
    connect(m_compareButton, &QPushButton::toggled, this, &RoutingPage::setComparing);
    connect(m_compareBar, &CompareBar::closed, m_compareButton,
            [this] { m_compareButton->setChecked(false); });
    connect(m_compareBar, &CompareBar::runChosen, this, [this](const QString& folder) {
        m_otherRecord.reset();
        m_other->setRun(folder);
        m_other->refresh();
        showView();
    });
    connect(m_compareBar, &CompareBar::stepChosen, m_other, &RoutingSource::request);
    connect(m_other, &RoutingSource::stepsChanged, this, [this] {
        m_compareBar->setSteps(m_other->steps());
        // Of the shown run the first record: what has changed since. Of another one the shown step.
        if (m_otherRecord || m_other->steps().isEmpty()) return;
        m_other->request(
            m_other->run() == m_run->folder()
                ? m_other->steps().first()
                : std::max(m_other->steps().first(), std::min<qint64>(shownStep(), m_other->steps().last())));
    });
    connect(m_other, &RoutingSource::recordReady, this,
            [this](const std::shared_ptr<const engine::RoutingRecord>& record) {
                m_otherRecord = record;
                m_compareBar->setStep(record->step);
                showView();
            });
}

void RoutingPage::setComparing(bool comparing) {
    m_compareBar->setVisible(comparing);
    m_otherRecord.reset();
    if (comparing) {
        QVector<CompareBar::Choice> runs;
        if (project() != nullptr)
            for (const RunEntry& run : project()->runs())
                if (run.recipe.upcycle.method != engine::UpcycleMethod::None)
                    runs.append({runName(*project(), run), run.folder});
        m_compareBar->setRuns(runs, m_run->folder());
        m_compareBar->setNote({}, false);
        m_other->setRun({});
        m_other->setRun(m_compareBar->folder());
        m_other->refresh();
    } else {
        m_other->setRun({});
    }
    showView();
}

bool RoutingPage::isComparing() const {
    return m_compareBar->isVisibleTo(this) && m_otherRecord != nullptr;
}

// The map's data: the loads, or their ratio to the other record's.
widgets::HeatMapData RoutingPage::shownMap() {
    if (!isComparing()) return mapData(m_view, m_allLayers);
    RoutingFilter filter = m_filters->filter();
    if (filter.domain >= static_cast<int>(m_otherRecord->domains.size()) ||
        (filter.domain >= 0 && m_otherRecord->domains[static_cast<std::size_t>(filter.domain)] !=
                                   m_record->domains[static_cast<std::size_t>(filter.domain)])) {
        m_compareBar->setNote(tr("The other run has no such domain."), true);
        return {};
    }
    const RoutingView ratio = ratioOf(m_view, viewOf(*m_otherRecord, filter));
    if (ratio.layers == 0) {
        m_compareBar->setNote(tr("Not comparable: %1 layers of %2 experts there, %3 of %4 here.")
                                  .arg(m_otherRecord->layers.size())
                                  .arg(m_otherRecord->experts)
                                  .arg(m_view.layers)
                                  .arg(m_view.experts),
                              true);
        return {};
    }
    m_compareBar->setNote(tr("Load here ÷ load there; 1× = the same."), false);
    widgets::HeatMapData data = mapData(ratio, m_allLayers);
    data.bars.clear();
    return data;
}

}  // namespace caravan::ui

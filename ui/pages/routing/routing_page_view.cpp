// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QComboBox>
#include <QPushButton>
#include <QSpinBox>
#include <QStackedWidget>
#include <QToolButton>
#include <algorithm>
#include <cmath>

#include "engine/api/expert_copies.h"
#include "ui/analysis_source.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/routing/analysis_panes.h"
#include "ui/pages/routing/cell_inspector.h"
#include "ui/pages/routing/compare_bar.h"
#include "ui/pages/routing/load_map.h"
#include "ui/pages/routing/routing_filters.h"
#include "ui/pages/routing/routing_page.h"
#include "ui/pages/routing/statistic_tiles.h"
#include "ui/routing_source.h"
#include "ui/shell/first_focus.h"
#include "ui/shell/pane_header.h"
#include "widgets/chart_pane.h"
#include "widgets/chip.h"
#include "widgets/expert_bars.h"
#include "widgets/heat_map.h"
#include "widgets/message_bar.h"
#include "widgets/timeline_scrubber.h"

namespace caravan::ui {
namespace {

constexpr int kCurvePoints = 64;

QString number(double value, int digits) {
    return std::isfinite(value) ? QString::number(value, 'f', digits) : QStringLiteral("–");
}

QString loadText(double load) {
    return number(load, 2) + QStringLiteral("×");
}

// A figure of the history up to a step, thinned for a sparkline.
QVector<double> curveOf(const RunHistory& history, engine::StepIndex upTo, double StepRow::*member) {
    QVector<double> curve;
    const auto& rows = history.steps();
    const std::size_t count = rows.lowerIndex(upTo + 1);
    const std::size_t stride = std::max<std::size_t>(1, count / kCurvePoints);
    for (std::size_t i = 0; i < count; i += stride)
        curve.append(rows[i].*member);
    return curve.size() < 2 ? QVector<double>() : curve;
}

}  // namespace

void RoutingPage::refresh() {
    m_refresh.stop();
    if (!isActive() || !m_stale) return;
    m_stale = false;
    ++m_refreshes;
    if (!m_record && m_follow && m_run->history().latestRouting() && m_run->isLive())
        m_record = std::make_shared<engine::RoutingRecord>(*m_run->history().latestRouting());
    showEmpty();
    if (!m_record) return;
    QStringList domains;
    for (const std::string& domain : m_record->domains)
        domains << QString::fromStdString(domain);
    m_filters->setShape(domains, static_cast<int>(m_record->topK));
    showTimeline();
    showView();
    focusFirst(*this, m_map);
}

void RoutingPage::showEmpty() {
    const bool any = m_record != nullptr;
    m_center->setCurrentIndex(any ? 1 : 0);
    for (QWidget* widget : QList<QWidget*>{m_filters, m_tiles, m_timeBar, m_sharesPane, m_cellPane,
                                           m_tableButton, m_exportButton, m_tag, m_analyseButton,
                                           m_compareButton, m_panes->together(), m_panes->similarity()})
        widget->setVisible(any);
    m_pinnedPane->setVisible(any && m_pinned->facts().expert >= 0);
    m_copiesBar->setVisible(any && m_copiesBar->isVisibleTo(this));
    m_compareBar->setVisible(any && m_compareButton->isChecked());
    m_run->box()->setVisible(m_run->entry() != nullptr);
    if (any) return;
    if (m_run->entry() == nullptr)
        m_empty->setText(tr("No run yet. Routing shows which experts the tokens of a run go to."));
    else if (m_run->isDense())
        m_empty->setText(tr("This run has no experts."));
    else
        m_empty->setText(m_run->isLoading() ? tr("Reading the run…")
                                            : tr("Routing appears after the first logged step."));
}

void RoutingPage::showTimeline() {
    // What the chosen tile says, over the run.
    const std::pair<double StepRow::*, QString> curves[] = {
        {&StepRow::maxVio, tr("MaxVio, mean over layers")},
        {&StepRow::worstMaxVio, tr("MaxVio of the worst layer")},
        {&StepRow::effectiveExperts, tr("Effective experts")},
        {&StepRow::entropy, tr("Entropy of the load")},
        {&StepRow::confidence, tr("Router confidence")}};
    const auto& [member, name] = curves[static_cast<std::size_t>(std::clamp(m_curve, 0, 4))];
    QVector<widgets::TimelineScrubber::Point> points;
    for (const qint64 step : m_source->steps()) {
        const auto row = m_run->history().rowAt(step);
        points.append({step, row ? (*row).*member : NAN});
    }
    if (m_run->isLive() && m_follow && (points.isEmpty() || points.last().step < m_record->step))
        points.append({m_record->step,
                       m_run->history().steps().empty() ? NAN : m_run->history().steps().back().*member});
    m_timeline->setPoints(points, name);
    QVector<qint64> checkpoints;
    for (const engine::CheckpointInfo& info : m_run->history().checkpoints())
        checkpoints.append(info.step);
    m_timeline->setCheckpoints(checkpoints);
    QVector<widgets::TimelineScrubber::Mark> marks;
    for (const engine::Alarm& alarm : m_run->history().alarms())
        if (alarm.layer) marks.append({alarm.step, tr("alarm, layer %1").arg(*alarm.layer)});
    if (const auto analysis = m_analysis->current())
        if (const auto copies = engine::copiesOf(*analysis); !copies.empty())
            marks.append({analysis->step, tr("alike, layer %1").arg(copies.front().layer)});
    std::stable_sort(marks.begin(), marks.end(),
                     [](const auto& one, const auto& other) { return one.step < other.step; });
    m_timeline->setMarks(marks);
    const std::int64_t planned = m_run->isLive() && services().runs->live().steps > 0
                                     ? services().runs->live().steps
                                 : m_run->entry() != nullptr ? m_run->entry()->steps
                                                             : 0;
    m_timeline->setTotal(std::max<qint64>(planned, m_run->history().lastStep()));
    const QSignalBlocker blocker(m_step), timeBlocker(m_timeline);
    m_timeline->setValue(static_cast<int>(m_record->step));
    m_timeline->update();
    m_step->setRange(0, static_cast<int>(std::max<qint64>(m_timeline->maximum(), m_record->step)));
    m_step->setValue(static_cast<int>(m_record->step));
    m_followButton->setVisible(m_run->isLive());
    m_followButton->setChecked(m_follow);
}

void RoutingPage::showView() {
    if (!m_record || !isActive()) return;
    const bool first = m_view.layers == 0;
    m_view = viewOf(*m_record, m_filters->filter());
    const std::int64_t all = m_run->modelLayers();
    m_allLayers = all > static_cast<std::int64_t>(m_view.layers) ? all : 0;
    widgets::HeatMapData shown = shownMap();
    if (shown.rows == 0) m_map->setEmptyText(m_compareBar->note());
    m_map->setData(std::move(shown));
    m_mapPane->refresh();
    m_mapHeader->setTitle(isComparing() ? tr("Load compared") : tr("Load"));
    const bool live = m_run->isLive() && m_follow;
    m_tag->setText(live ? tr("Live") : tr("Step %1").arg(withThousands(m_record->step)));
    m_tag->setTone(live ? widgets::Chip::Tone::Accent : widgets::Chip::Tone::Plain);
    const QString when =
        m_record->firstStep < m_record->step
            ? tr("steps %1 to %2").arg(withThousands(m_record->firstStep), withThousands(m_record->step))
            : tr("step %1").arg(withThousands(m_record->step));
    m_mapHeader->setContext(tr("%1, %2").arg(m_filters->words(), when));
    const QString dead = deadSentence(m_view);
    if (isComparing())
        m_mapNote->setText(tr("Corner: more than twice the load there."));
    else
        m_mapNote->setText(dead.isEmpty() ? tr("Corner: over 2×. Hatched: dead, under 0.1× in every domain.")
                                          : tr("Corner: over 2×. %1").arg(dead));
    showTiles();
    if (m_wantedCell) {
        for (std::size_t i = 0; i < m_view.layers; ++i)
            if (m_view.layerIndices[i] == m_wantedCell->first)
                m_map->setCurrentCell(mapRow(m_view, static_cast<int>(i), m_allLayers), m_wantedCell->second);
        m_wantedCell.reset();
    } else if ((first || m_map->currentRow() < 0) && m_view.worstLayer >= 0) {
        m_map->setCurrentCell(mapRow(m_view, m_view.worstLayer, m_allLayers),
                              m_view.statistics[static_cast<std::size_t>(m_view.worstLayer)].busiest);
    }
    showLayer();
    showAnalysis();
}

void RoutingPage::showTiles() {
    const engine::StepIndex step = m_record->step;
    QVector<StatisticTiles::Tile> tiles;
    tiles.append({tr("MaxVio, mean over layers"), number(m_view.maxVioMean, 2),
                  tr("balanced < 0.10, bad > 1"), false, curveOf(m_run->history(), step, &StepRow::maxVio)});
    if (m_view.worstLayer >= 0) {
        const LayerStatistics& worst = m_view.statistics[static_cast<std::size_t>(m_view.worstLayer)];
        tiles.append({tr("Worst layer"), number(worst.maxVio, 2),
                      tr("layer %1, expert %2")
                          .arg(m_view.layerIndices[static_cast<std::size_t>(m_view.worstLayer)])
                          .arg(worst.busiest),
                      worst.maxVio > 1, curveOf(m_run->history(), step, &StepRow::worstMaxVio)});
    }
    tiles.append({tr("Effective experts"), number(m_view.effectiveMean, 2),
                  tr("of %1, mean over layers").arg(m_view.experts), false,
                  curveOf(m_run->history(), step, &StepRow::effectiveExperts)});
    tiles.append({tr("Entropy ÷ ln %1").arg(m_view.experts), number(m_view.entropyMean, 3),
                  tr("1 = even load"), false, curveOf(m_run->history(), step, &StepRow::entropy)});
    const auto row = m_run->history().rowAt(step);
    tiles.append({tr("Router confidence"), number(row ? row->confidence : NAN, 2), tr("mean top probability"),
                  false, curveOf(m_run->history(), step, &StepRow::confidence)});
    QString dead = tr("under 0.1× in every domain");
    for (std::size_t i = 0; i < m_view.dead.size() && m_view.deadCount > 0; ++i)
        if (m_view.dead[i]) {
            dead = tr("layer %1, expert %2")
                       .arg(m_view.layerIndices[i / m_view.experts])
                       .arg(i % m_view.experts);
            if (m_view.deadCount > 1) dead = tr("%1 and more").arg(dead);
            break;
        }
    tiles.append({tr("Dead experts"), QString::number(m_view.deadCount), dead, m_view.deadCount > 0, {}});
    if (const auto analysis = m_analysis->current(); analysis && m_record->domains.size() > 1) {
        double information = 0, shuffled = 0;
        for (const engine::LayerAnalysis& layer : analysis->layers) {
            information += layer.information / static_cast<double>(analysis->layers.size());
            shuffled += layer.informationShuffled / static_cast<double>(analysis->layers.size());
        }
        tiles.append({tr("Expert–domain information"),
                      number(information, 3),
                      tr("nats; %1 when shuffled").arg(number(shuffled, 4)),
                      false,
                      {}});
    }
    m_tiles->setTiles(tiles);
}

int RoutingPage::selectedLayer() const {
    return viewLayer(m_view, m_map->currentRow(), m_allLayers);
}

void RoutingPage::showLayer() {
    const int layer = selectedLayer();
    if (!m_record || layer < 0) {
        m_bars->setShares({}, {});
        m_bars->setEmptyText(m_map->currentRow() >= 0 ? tr("This layer is dense.")
                                                      : tr("Choose a cell of the map."));
        m_sharesPane->header()->setContext({});
        m_legend->setItems({});
        return;
    }
    QStringList names;
    QVector<QVector<double>> shares;
    RoutingFilter filter = m_filters->filter();
    const auto byDomain = sharesByDomain(*m_record, static_cast<std::size_t>(layer), filter);
    for (std::size_t domain = 0; domain < byDomain.size(); ++domain) {
        if (filter.domain >= 0 && filter.domain != static_cast<int>(domain)) continue;
        names << QString::fromStdString(m_record->domains[domain]);
        shares.append(QVector<double>(byDomain[domain].begin(), byDomain[domain].end()));
    }
    m_bars->setShares(names, shares);
    m_bars->setCurrentExpert(m_map->currentColumn());
    m_barsPane->refresh();
    m_legend->setItems(names);
    m_sharesPane->header()->setContext(
        tr("layer %1").arg(m_view.layerIndices[static_cast<std::size_t>(layer)]));
}

QVector<FoundItem> RoutingPage::found() const {
    constexpr std::size_t kMost = 400;
    const auto& latest = m_run->history().latest();
    RoutingView view = m_view;
    if (view.layers == 0 && latest && !latest->expertLoad.empty()) view = viewOf(latest->expertLoad, {});
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t cell = 0; cell < view.load.size(); ++cell)
        if (std::isfinite(view.load[cell]))
            order.emplace_back(-std::abs(std::log2(std::max(1e-3, static_cast<double>(view.load[cell])))),
                               cell);
    std::sort(order.begin(), order.end());
    order.resize(std::min(order.size(), kMost));
    QVector<FoundItem> items;
    for (const auto& [deviation, cell] : order) {
        const auto layer = view.layerIndices[cell / view.experts];
        const int expert = static_cast<int>(cell % view.experts);
        FoundItem item;
        item.group = FoundItem::Group::Experts;
        item.text = tr("Layer %1, expert %2").arg(layer).arg(expert);
        item.note = tr("%1 its share").arg(loadText(view.load[cell]));
        if (cell < view.dead.size() && view.dead[cell]) item.note += tr(", dead");
        item.verb = tr("Show in Routing");
        item.expert = expert;
        item.act = [page = const_cast<RoutingPage*>(this), run = m_run->id(), layer, expert] {
            Q_EMIT page->linkActivated(QStringLiteral("routing"),
                                       {{QStringLiteral("run"), run},
                                        {QStringLiteral("layer"), static_cast<qlonglong>(layer)},
                                        {QStringLiteral("expert"), expert}});
        };
        items << item;
    }
    return items;
}

}  // namespace caravan::ui

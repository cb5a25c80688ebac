// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The inspector of the chosen cell, and the one that stays.
#include <QToolButton>
#include <algorithm>
#include <cmath>

#include "ui/analysis_source.h"
#include "ui/format/format.h"
#include "ui/pages/routing/cell_inspector.h"
#include "ui/pages/routing/load_map.h"
#include "ui/pages/routing/routing_filters.h"
#include "ui/pages/routing/routing_page.h"
#include "ui/shell/pane_header.h"
#include "widgets/chip.h"
#include "widgets/heat_map.h"

namespace caravan::ui {
namespace {

QString number(double value, int digits) {
    return std::isfinite(value) ? QString::number(value, 'f', digits) : QStringLiteral("–");
}

QString loadText(double load) {
    return number(load, 2) + QStringLiteral("×");
}

}  // namespace

void RoutingPage::makeCellPanes() {
    m_cell = new CellInspector;
    m_chip = new widgets::ExpertChip;
    m_cellPane = new Pane(QStringLiteral("routing.cell"), tr("Cell"), m_cell, {420, 560}, this);
    m_cellPane->header()->addLeft(m_chip);
    m_pinButton = iconButton(QStringLiteral("pin"), tr("Pin this cell (P)"), m_cellPane->header());
    m_cellPane->header()->addWidget(m_pinButton);
    m_pinned = new CellInspector;
    m_pinned->setAccessibleName(tr("The pinned expert"));
    m_pinnedChip = new widgets::ExpertChip;
    m_pinnedPane = new Pane(QStringLiteral("routing.pinned"), tr("Pinned"), m_pinned, {420, 280}, this);
    m_pinnedPane->header()->addLeft(m_pinnedChip);
    auto* unpin = iconButton(QStringLiteral("close"), tr("Unpin"), m_pinnedPane->header());
    m_pinnedPane->header()->addLast(unpin);
    connect(m_pinButton, &QToolButton::clicked, this, [this] { pinCell(true); });
    connect(unpin, &QToolButton::clicked, this, [this] { pinCell(false); });
}

widgets::LoadBars* RoutingPage::loads() const {
    return m_cell->loads();
}
TokenList* RoutingPage::tokens() const {
    return m_cell->tokens();
}

// The shown cell stays beside those that are chosen next, also of other steps and runs.
void RoutingPage::pinCell(bool pinned) {
    const CellFacts facts = pinned ? m_cell->facts() : CellFacts();
    if (pinned && facts.expert < 0) return;
    m_pinned->show(facts);
    m_pinnedPane->setVisible(pinned);
    if (!pinned) return;
    m_pinnedChip->setExpert(facts.expert);
    m_pinnedPane->header()->setTitle(facts.title);
    m_pinnedPane->header()->setContext(facts.when);
}

void RoutingPage::showCell() {
    const CellFacts facts = cellFacts();
    const bool any = facts.expert >= 0;
    m_cell->show(facts);
    m_chip->setVisible(any);
    m_pinButton->setEnabled(any);
    m_cellPane->header()->setTitle(any ? facts.title : tr("Cell"));
    m_cellPane->header()->setContext(any ? facts.when : QString());
    if (any) m_chip->setExpert(facts.expert);
}

CellFacts RoutingPage::cellFacts() const {
    CellFacts facts;
    const int layer = selectedLayer(), expert = m_map->currentColumn();
    if (!m_record || layer < 0 || expert < 0 || expert >= static_cast<int>(m_view.experts)) return facts;
    const auto at = static_cast<std::size_t>(layer), e = static_cast<std::size_t>(expert);
    facts.expert = expert;
    facts.title = tr("Layer %1, expert %2").arg(m_view.layerIndices[at]).arg(expert);
    facts.when = tr("step %1").arg(withThousands(m_record->step));
    if (project() != nullptr && m_run->entry() != nullptr)
        facts.when = QStringLiteral("%1, %2").arg(facts.when, runName(*project(), *m_run->entry()));
    RoutingFilter filter = m_filters->filter();
    const std::vector<double> loads = cellLoads(*m_record, at, e, filter);
    facts.loads.append({tr("All"), loads[0]});
    double most = 0;
    for (std::size_t domain = 0; domain < m_record->domains.size() && m_record->domains.size() > 1;
         ++domain) {
        facts.loads.append({QString::fromStdString(m_record->domains[domain]), loads[domain + 1]});
        if (std::isfinite(loads[domain + 1])) most = std::max(most, loads[domain + 1]);
    }
    filter.measure = RoutingMeasure::Tokens;
    const double tokens = routedAmount(*m_record, at, e, filter);
    filter.measure = RoutingMeasure::GateWeight;
    const double gates = routedAmount(*m_record, at, e, filter);
    facts.note = tr("%1 choices, mean gate weight %2.")
                     .arg(withThousands(std::llround(tokens)), number(tokens > 0 ? gates / tokens : NAN, 2));
    facts.note += QLatin1Char(' ') + tr("Line: 1× = even share.");
    if (most >= 1.5)
        facts.note +=
            QLatin1Char(' ') +
            tr("Published studies report 1.6–2.3× for topics, so read %1 as a lean, not a specialty.")
                .arg(loadText(most));
    facts.why = whyNotMeasured();
    const auto analysis = m_analysis->current();
    if (!analysis || expert >= analysis->statistics.record.experts) return facts;
    const auto& layers = analysis->statistics.record.layers;
    const auto found = std::find(layers.begin(), layers.end(), m_view.layerIndices[at]);
    if (found == layers.end()) return facts;
    facts.analysis = analysis;
    facts.layer = static_cast<std::size_t>(found - layers.begin());
    const auto& toDense = analysis->layers[facts.layer].toDense;
    if (e < toDense.size() && std::isfinite(toDense[e]))
        facts.note += QLatin1Char(' ') +
                      tr("Cosine of its output to the dense layer's: %1.").arg(number(toDense[e], 4));
    return facts;
}

QString RoutingPage::cellTip(int row, int expert) const {
    const int layer = viewLayer(m_view, row, m_allLayers);
    if (!m_record || layer < 0 || expert >= static_cast<int>(m_view.experts)) return {};
    const auto at = static_cast<std::size_t>(layer), e = static_cast<std::size_t>(expert);
    RoutingFilter filter = m_filters->filter();
    const double share = layerShares(*m_record, at, filter)[e];
    QStringList lines{tr("Share %1").arg(number(share * 100, 1) + kThinSpace + QLatin1Char('%'))};
    if (m_record->domains.size() > 1) {
        const auto loads = cellLoads(*m_record, at, e, filter);
        for (std::size_t domain = 0; domain < m_record->domains.size(); ++domain)
            lines << QStringLiteral("%1 %2").arg(QString::fromStdString(m_record->domains[domain]),
                                                 loadText(loads[domain + 1]));
    }
    lines << tr("MaxVio of the layer %1").arg(number(m_view.statistics[at].maxVio, 2));
    return lines.join(QLatin1Char('\n'));
}

}  // namespace caravan::ui

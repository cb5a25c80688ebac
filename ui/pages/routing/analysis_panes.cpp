// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/routing/analysis_panes.h"

#include <QHeaderView>
#include <QMainWindow>
#include <QStackedWidget>
#include <QStandardItemModel>
#include <QTableView>
#include <QVBoxLayout>
#include <cmath>

#include "engine/api/routing_figures.h"
#include "engine/api/routing_view.h"
#include "ui/pages/routing/saturation_plot.h"
#include "ui/shell/pane_header.h"
#include "ui/shell/tables.h"
#include "widgets/chart_pane.h"
#include "widgets/heat_map.h"
#include "widgets/segmented.h"

namespace caravan::ui {
namespace {

widgets::HeatMap* matrix(const QString& name) {
    auto* map = new widgets::HeatMap;
    map->setScale(widgets::HeatMap::Scale::Share, 1.0);
    map->setWords(AnalysisPanes::tr("expert"), AnalysisPanes::tr("expert"));
    map->setColumnPrefix(QString());
    map->setHeaderColors(false);
    map->setMaximumCell({40, 26});
    map->setAccessibleName(name);
    return map;
}

QWidget* framed(QWidget* content) {
    auto* surface = new Surface(Token::Base);
    auto* column = new QVBoxLayout(surface);
    column->setContentsMargins(12, 0, 12, 8);
    column->addWidget(content);
    return surface;
}

// The scale ends at the largest value off the diagonal, so that small differences are seen.
void fill(widgets::HeatMap& map, const std::vector<double>& values, std::size_t experts, int expert) {
    widgets::HeatMapData data;
    if (values.size() == experts * experts) {
        data.rows = data.columns = static_cast<int>(experts);
        double most = 0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            const bool diagonal = i / experts == i % experts;
            data.values.push_back(diagonal ? NAN : static_cast<float>(values[i]));
            if (!diagonal && std::isfinite(values[i])) most = std::max(most, values[i]);
        }
        map.setScale(widgets::HeatMap::Scale::Share, most > 0 ? most : 1.0);
    }
    map.setData(std::move(data));
    if (map.mapData().rows > 0 && expert >= 0 && expert < map.mapData().rows && map.currentRow() != expert) {
        const QSignalBlocker blocker(map);
        map.setCurrentCell(expert, std::max(0, map.currentColumn()));
    }
}

QString figure(double value, int decimals) {
    return std::isfinite(value) ? QString::number(value, 'f', decimals) : QStringLiteral("–");
}

double at(const std::vector<double>& values, std::size_t i) {
    return i < values.size() ? values[i] : NAN;
}

}  // namespace

AnalysisPanes::AnalysisPanes(QMainWindow* page)
    : QObject(page),
      m_together(matrix(tr("Experts chosen together"))),
      m_similarity(matrix(tr("Similarity of experts"))),
      m_togetherChart(new widgets::ChartPane(m_together)),
      m_similarityChart(new widgets::ChartPane(m_similarity)),
      m_measure(new widgets::Segmented({tr("Cosine"), tr("CKA"), tr("Layers"), tr("Settling")})),
      m_stack(new QStackedWidget),
      m_saturation(new SaturationPlot),
      m_saturationChart(new widgets::ChartPane(m_saturation)),
      m_layerModel(new QStandardItemModel(this)),
      m_layers(flatTable(tr("Figures by layer"))) {
    m_togetherChart->setExportName(tr("chosen together"));
    m_similarityChart->setExportName(tr("similarity"));
    m_togetherPane = new Pane(QStringLiteral("routing.together"), tr("Chosen together"),
                              framed(m_togetherChart), {260, 280}, page);
    m_togetherPane->header()->addMenu(m_togetherChart->chartActions());
    m_layers->setModel(m_layerModel);
    m_stack->addWidget(m_similarityChart);
    m_stack->addWidget(m_layers);
    m_stack->addWidget(m_saturationChart);
    m_saturationChart->setExportName(tr("saturation"));
    m_saturation->setEmptyText(tr("Analyse all checkpoints to see when routing settles."));
    m_similarityPane = new Pane(QStringLiteral("routing.similarity"), tr("Expert similarity"),
                                framed(m_stack), {260, 280}, page);
    m_measure->setAccessibleName(tr("What is compared"));
    m_measure->setSegmentToolTip(Cosine, tr("Cosine of what the experts' weights add to the dense model"));
    m_measure->setSegmentToolTip(Cka, tr("Linear CKA of what the experts add on the same 256 tokens"));
    m_measure->setSegmentToolTip(Layers, tr("Saturation, vocabulary, repeats and information of each layer"));
    m_measure->setSegmentToolTip(Saturation,
                                 tr("Saturation: share of choices that the last checkpoint makes too"));
    m_measure->setCompact(true);
    m_similarityPane->header()->addWidget(m_measure);
    m_similarityPane->header()->addMenu(m_similarityChart->chartActions() +
                                        m_saturationChart->chartActions());
    connect(m_measure, &widgets::Segmented::currentChanged, this, [this] { showSimilarity(); });
    for (auto* map : {m_together, m_similarity})
        connect(map, &widgets::HeatMap::currentCellChanged, this, [this](int row, int) {
            if (row >= 0 && row != m_expert) Q_EMIT expertChosen(row);
        });
    connect(m_layers, &QTableView::clicked, this, [this](const QModelIndex& index) {
        Q_EMIT layerChosen(m_layerModel->index(index.row(), 0).data(Qt::UserRole).toLongLong());
    });
}

void AnalysisPanes::clear(const QString& why) {
    m_layer = {};
    m_experts = 0;
    m_layerModel->clear();
    for (auto* map : {m_together, m_similarity}) {
        map->setEmptyText(why);
        map->setData({});
    }
    m_togetherPane->header()->setContext({});
    m_when.clear();
    showSimilarity();
}

void AnalysisPanes::showSaturation(const engine::SaturationCurve& curve, std::int64_t layer) {
    m_saturation->setLayer(layer);
    m_saturation->setCurve(curve);
    m_saturationChart->refresh();
}

void AnalysisPanes::show(const engine::RoutingAnalysis& analysis, int layer, int expert,
                         const QString& when) {
    m_experts = static_cast<std::size_t>(analysis.statistics.record.experts);
    m_expert = expert;
    m_when = when;
    m_layer = layer >= 0 ? analysis.layers[static_cast<std::size_t>(layer)] : engine::LayerAnalysis{};
    const QString why = layer >= 0 ? tr("Nothing to compare.") : tr("Choose a cell of the map.");
    m_together->setEmptyText(why);
    m_similarity->setEmptyText(layer >= 0 ? tr("The experts add nothing yet.") : why);
    fill(*m_together, m_layer.together, m_experts, expert);
    m_togetherChart->refresh();
    m_togetherPane->header()->setContext(tr("P(column | row), %1").arg(when));
    fillLayers(analysis);
    showSimilarity();
}

void AnalysisPanes::showSimilarity() {
    const int measure = m_measure->current();
    const bool matrix = measure == Cosine || measure == Cka;
    m_stack->setCurrentIndex(matrix ? 0 : measure == Layers ? 1 : 2);
    m_similarityPane->header()->setTitle(measure == Layers       ? tr("All layers")
                                         : measure == Saturation ? tr("Saturation")
                                                                 : tr("Similarity"));
    m_similarityPane->header()->setContext(measure == Saturation ? QString() : m_when);
    for (auto* chart : {m_similarityChart, m_saturationChart}) {
        const bool shown = chart == (matrix ? m_similarityChart : m_saturationChart) && measure != Layers;
        for (QAction* action : chart->chartActions())
            action->setVisible(shown);
    }
    const auto& values = measure == Cka ? m_layer.cka : m_layer.cosine;
    const bool known = std::any_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
    fill(*m_similarity, known ? values : std::vector<double>(), m_experts, m_expert);
    m_similarityChart->refresh();
}

void AnalysisPanes::fillLayers(const engine::RoutingAnalysis& analysis) {
    m_layerModel->clear();
    m_layerModel->setHorizontalHeaderLabels(
        {tr("Layer"), tr("Saturation"), tr("Vocabulary"), tr("Repeats"), tr("Information"), tr("Confidence"),
         tr("Margin"), tr("Token entropy"), tr("log-sum-exp"), tr("Variation"), tr("To dense")});
    const char* const tips[] = {
        "",
        QT_TR_NOOP("Share of choices that the reference checkpoint makes too"),
        QT_TR_NOOP("Mean largest share of a token's first choices; 1 = every token has one expert"),
        QT_TR_NOOP("Tokens whose first choice is that of the token before"),
        QT_TR_NOOP("Between expert and domain, nats; in brackets with shuffled domains"),
        QT_TR_NOOP("Mean top probability"),
        QT_TR_NOOP("Mean of the first less the second probability"),
        QT_TR_NOOP("Mean entropy of the router's softmax ÷ ln n"),
        QT_TR_NOOP("Of the router's logits"),
        QT_TR_NOOP("Coefficient of variation of the experts' loads; 0 = even"),
        QT_TR_NOOP("Cosine of an expert's output to the dense layer's, mean over experts and tokens")};
    for (int i = 1; i < m_layerModel->columnCount(); ++i)
        m_layerModel->horizontalHeaderItem(i)->setToolTip(tr(tips[i]));
    const auto& s = analysis.statistics;
    for (std::size_t i = 0; i < analysis.layers.size(); ++i) {
        const engine::LayerAnalysis& layer = analysis.layers[i];
        QList<QStandardItem*> row;
        for (const QString& text : {QString::number(layer.layer), figure(layer.saturation, 3),
                                    figure(layer.vocabulary, 3), figure(layer.repeatRate, 3),
                                    QStringLiteral("%1 (%2)").arg(figure(layer.information, 4),
                                                                  figure(layer.informationShuffled, 4)),
                                    figure(at(s.confidence, i), 3), figure(at(s.margin, i), 3),
                                    figure(at(s.tokenEntropy, i), 3), figure(layer.logSumExp, 2),
                                    figure(engine::variationOf(engine::layerShares(s.record, i, {})), 3),
                                    figure(engine::meanOf(layer.toDense), 4)}) {
            auto* item = new QStandardItem(text);
            item->setEditable(false);
            item->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
            row.append(item);
        }
        row.first()->setData(static_cast<qlonglong>(layer.layer), Qt::UserRole);
        m_layerModel->appendRow(row);
    }
    m_layers->resizeColumnsToContents();
}

}  // namespace caravan::ui

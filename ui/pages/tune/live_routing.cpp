// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/tune/live_routing.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QVBoxLayout>
#include <cmath>

#include "ui/pages/routing/load_map.h"
#include "ui/shell/surface.h"
#include "widgets/chart_pane.h"
#include "widgets/heat_map.h"

namespace caravan::ui {

using widgets::TextRole;

LiveRouting::LiveRouting(QWidget* parent) : QWidget(parent), m_map(new widgets::HeatMap) {
    setBackgroundRole(QPalette::Base);
    setAutoFillBackground(true);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(12, 0, 12, 12);
    column->setSpacing(8);
    m_map->setBarTitle(tr("MaxVio"), 1.0);
    m_map->setHeaderColors(false);
    m_map->setMaximumCell({48, 44});
    m_pane = new widgets::ChartPane(m_map);
    column->addWidget(m_pane, 1);
    m_legend = new QWidget;
    auto* legend = new QHBoxLayout(m_legend);
    legend->setContentsMargins(0, 0, 0, 0);
    legend->addWidget(new widgets::ColorScale);
    m_note = new ThemedLabel(QString(), TextRole::Caption, Token::Text2);
    m_note->setWordWrap(true);
    legend->addSpacing(8);
    legend->addWidget(m_note, 1);
    column->addWidget(m_legend);
    m_statistics = new QWidget;
    auto* grid = new QGridLayout(m_statistics);
    grid->setContentsMargins(4, 0, 0, 0);
    grid->setHorizontalSpacing(16);
    grid->setVerticalSpacing(0);
    for (int i = 0; i < 3; ++i) {
        m_values[i] = new ThemedLabel(QStringLiteral("–"), TextRole::LaneReadOut, Token::Text);
        m_words[i] = new ThemedLabel(QString(), TextRole::Caption, Token::Text2);
        grid->addWidget(m_values[i], 0, i);
        grid->addWidget(m_words[i], 1, i);
        grid->setColumnStretch(i, 1);
    }
    column->addWidget(m_statistics);
    connect(m_map, &widgets::HeatMap::cellActivated, this, [this](int row, int expert) {
        const int layer = viewLayer(m_view, row, m_allLayers);
        if (layer >= 0) Q_EMIT cellActivated(m_view.layerIndices[static_cast<std::size_t>(layer)], expert);
    });
    clear({});
}

void LiveRouting::clear(const QString& text) {
    m_view = {};
    m_map->setData({});
    m_map->setEmptyText(text);
    m_legend->hide();
    m_statistics->hide();
}

void LiveRouting::show(const RoutingView& view, std::int64_t allLayers) {
    m_view = view;
    m_allLayers = allLayers > static_cast<std::int64_t>(view.layers) ? allLayers : 0;
    m_map->setData(mapData(view, m_allLayers));
    m_pane->refresh();
    m_legend->show();
    m_statistics->show();
    const QString dead = deadSentence(view);
    m_note->setText(dead.isEmpty() ? tr("Load ÷ ideal share. Corner: over 2×.")
                                   : tr("Load ÷ ideal share. %1").arg(dead));
    const auto number = [](double value, int digits) {
        return std::isfinite(value) ? QString::number(value, 'f', digits) : QStringLiteral("–");
    };
    m_values[0]->setText(number(view.maxVioMean, 2));
    m_values[1]->setText(number(view.effectiveMean, 2));
    m_values[2]->setText(number(view.entropyMean, 3));
    m_words[0]->setText(tr("MaxVio, mean"));
    m_words[1]->setText(tr("Effective of %1").arg(view.experts));
    m_words[2]->setText(tr("Entropy ÷ ln %1").arg(view.experts));
    for (int i = 0; i < 3; ++i)
        m_values[i]->setAccessibleName(m_words[i]->text() + QLatin1Char(' ') + m_values[i]->text());
}

void LiveRouting::select(std::int64_t layer, int expert) {
    for (std::size_t i = 0; i < m_view.layers; ++i)
        if (m_view.layerIndices[i] == layer)
            m_map->setCurrentCell(mapRow(m_view, static_cast<int>(i), m_allLayers), expert);
}

QString LiveRouting::statistic(int index) const {
    return m_values[index]->text();
}

}  // namespace caravan::ui

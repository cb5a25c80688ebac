// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/routing/load_map.h"

#include <QCoreApplication>
#include <cmath>

namespace caravan::ui {
namespace {
QString tr(const char* text) {
    return QCoreApplication::translate("LoadMap", text);
}

std::int64_t rowCount(const RoutingView& view, std::int64_t allLayers) {
    return std::max(allLayers, view.layerIndices.empty() ? 0 : view.layerIndices.back() + 1);
}
}  // namespace

int mapRow(const RoutingView& view, int layer, std::int64_t allLayers) {
    if (layer < 0 || layer >= static_cast<int>(view.layers)) return -1;
    return allLayers > 0 ? static_cast<int>(view.layerIndices[static_cast<std::size_t>(layer)]) : layer;
}

int viewLayer(const RoutingView& view, int row, std::int64_t allLayers) {
    if (row < 0) return -1;
    if (allLayers <= 0) return row < static_cast<int>(view.layers) ? row : -1;
    for (std::size_t layer = 0; layer < view.layers; ++layer)
        if (view.layerIndices[layer] == row) return static_cast<int>(layer);
    return -1;
}

widgets::HeatMapData mapData(const RoutingView& view, std::int64_t allLayers) {
    widgets::HeatMapData data;
    if (view.layers == 0) return data;
    data.rows =
        static_cast<int>(allLayers > 0 ? rowCount(view, allLayers) : static_cast<std::int64_t>(view.layers));
    data.columns = static_cast<int>(view.experts);
    const auto rows = static_cast<std::size_t>(data.rows);
    data.values.assign(rows * view.experts, NAN);
    data.dead.assign(rows * view.experts, 0);
    data.bars.assign(rows, NAN);
    data.plainRows.assign(rows, allLayers > 0 ? 1 : 0);
    data.rowLabels.resize(rows);
    for (std::size_t row = 0; row < rows; ++row)
        data.rowLabels[row] = static_cast<int>(row);
    for (std::size_t layer = 0; layer < view.layers; ++layer) {
        const auto row = static_cast<std::size_t>(mapRow(view, static_cast<int>(layer), allLayers));
        if (row >= rows) continue;
        data.plainRows[row] = 0;
        data.rowLabels[row] = static_cast<int>(view.layerIndices[layer]);
        for (std::size_t expert = 0; expert < view.experts; ++expert) {
            data.values[row * view.experts + expert] = view.load[layer * view.experts + expert];
            data.dead[row * view.experts + expert] = view.dead[layer * view.experts + expert];
        }
        if (view.statistics[layer].known) data.bars[row] = static_cast<float>(view.statistics[layer].maxVio);
    }
    return data;
}

QString deadSentence(const RoutingView& view) {
    if (view.deadCount == 0) return {};
    for (std::size_t i = 0; i < view.dead.size(); ++i) {
        if (!view.dead[i]) continue;
        const QString first = tr("Hatched: E%1 in layer %2 is dead")
                                  .arg(i % view.experts)
                                  .arg(view.layerIndices[i / view.experts]);
        return view.deadCount == 1 ? first + QLatin1Char('.')
                                   : tr("%1, and %2 more.").arg(first).arg(view.deadCount - 1);
    }
    return {};
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/routing_view.h"
#include "widgets/heat_map.h"

namespace caravan::ui {

// A routing view as the data of a heat map. allLayers > 0: layers that are not sparse stand as rows "dense".
[[nodiscard]] widgets::HeatMapData mapData(const RoutingView& view, std::int64_t allLayers = 0);
// Row of the map for a position in view.layerIndices, and back (-1 for a dense row).
[[nodiscard]] int mapRow(const RoutingView& view, int layer, std::int64_t allLayers = 0);
[[nodiscard]] int viewLayer(const RoutingView& view, int row, std::int64_t allLayers = 0);
// "Hatched: E6 in layer 30 is dead." or "" without dead experts.
[[nodiscard]] QString deadSentence(const RoutingView& view);

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/api/routing_view.h"

namespace caravan::ui {

using engine::cellLoads;
using engine::layerShares;
using engine::LayerStatistics;
using engine::routedAmount;
using engine::RoutingChoice;
using engine::RoutingFilter;
using engine::RoutingMeasure;
using engine::RoutingRole;
using engine::RoutingView;
using engine::sharesByDomain;
using engine::statisticsOf;
using engine::viewOf;

}  // namespace caravan::ui

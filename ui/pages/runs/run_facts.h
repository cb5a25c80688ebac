// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QVector>
#include <string>

#include "projects/run_comparison.h"

namespace caravan::ui {

// What the list of runs tells of a run beyond its row: read from the database, off the GUI thread.
struct RunFacts : projects::RunFigures {
    QVector<double> loss;  // the curve, for a sparkline
};
[[nodiscard]] RunFacts readFacts(projects::RunCatalogue& catalogue, const std::string& run);

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QVector>
#include <cmath>
#include <string>

namespace caravan::projects {
class RunCatalogue;
}

namespace caravan::ui {

// What the list of runs tells of a run beyond its row: read from the database, off the GUI thread.
struct RunFacts {
    QVector<double> loss;  // thinned, for a sparkline
    double lastLoss = NAN, maxVio = NAN, tokensPerSecond = NAN, memoryBytes = NAN;
    bool broken = false;  // the loss was not a number
};
[[nodiscard]] RunFacts readFacts(projects::RunCatalogue& catalogue, const std::string& run);

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/runs/run_facts.h"

namespace caravan::ui {

RunFacts readFacts(projects::RunCatalogue& catalogue, const std::string& run) {
    RunFacts facts{projects::readFigures(catalogue, run), {}};
    facts.loss = QVector<double>(facts.curve.begin(), facts.curve.end());
    return facts;
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace caravan::projects {
struct RunReport;
}

namespace caravan::ui {

// Writes a report by the ending of the name: html, or pdf on A4. Its figures are the light ones of the
// report, whatever the window looks like. "" or why not.
[[nodiscard]] QString saveReport(const projects::RunReport& report, const QString& path);

}  // namespace caravan::ui

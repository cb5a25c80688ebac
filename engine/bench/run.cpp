// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/bench/sheet.h"

namespace caravan::engine::bench {

void run(const BenchRequest& request, const FigureFunction& figure, const ProgressFunction& progress,
         std::stop_token stop) {
    for (const std::string& id : request.rows)
        if (!findBenchRow(id))
            throw EngineException(ErrorCode::NotFound, {{"what", "row of the bench"}, {"name", id}});
    const auto wanted = [&](const char* row) {
        return request.rows.empty() || std::ranges::any_of(request.rows, [&](const std::string& id) {
                   return findBenchRow(id)->id == row;
               });
    };
    const Sheet sheet{figure, progress, std::move(stop), request.model};
    if (wanted("C1")) cpuStep(sheet);
    if (wanted("C2")) cpuDecode(sheet);
}

}  // namespace caravan::engine::bench

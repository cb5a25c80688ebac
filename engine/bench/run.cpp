// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/bench/sheet.h"

namespace caravan::engine::bench {
namespace {

// In the table's order; all known, and a GPU there for those that need one.
std::vector<BenchRow> chosenRows(const BenchRequest& request, bool cuda, const std::string& note) {
    std::vector<BenchRow> rows;
    for (const std::string& id : request.rows) {
        const BenchRow* row = findBenchRow(id);
        if (!row) throw EngineException(ErrorCode::NotFound, {{"what", "row of the bench"}, {"name", id}});
        if (row->gpu && !cuda)
            throw EngineException(ErrorCode::Unsupported,
                                  {{"what", "Row " + row->id + " here"},
                                   {"detail", "It needs a CUDA device, and the engine uses the CPU" +
                                                  (note.empty() ? "" : ": " + note) +
                                                  ". Rows that --list does not mark with GPU run anywhere"}});
    }
    for (const BenchRow& row : benchRows()) {
        const bool named = std::ranges::any_of(
            request.rows, [&](const std::string& id) { return findBenchRow(id)->id == row.id; });
        if (request.rows.empty() ? row.gpu == cuda : named) rows.push_back(row);
    }
    return rows;
}

}  // namespace

void run(const BenchRequest& request, const FigureFunction& figure, const ProgressFunction& progress,
         std::stop_token stop, bool cuda, const std::string& note) {
    const std::vector<BenchRow> rows = chosenRows(request, cuda, note);
    const Sheet sheet{figure, progress, std::move(stop), request.model};
    std::vector<std::string> decoding;
    for (const BenchRow& row : rows) {
        if (row.id == "C1")
            cpuStep(sheet);
        else if (row.id == "C2")
            cpuDecode(sheet);
        else if (row.id == "C3")
            cpuDecodeTogether(sheet);
        else if (row.id == "B10" || row.id == "B11" || row.id == "B15")
            decoding.push_back(row.id);
        else if (row.id == "B1" || row.id == "B2" || row.id == "B3" || row.id == "B12")
            gpuOperations(sheet, row.id);
        else
            gpuSteps(sheet, row.id);
    }
    if (!decoding.empty()) gpuDecode(sheet, decoding);  // all of one model
}

}  // namespace caravan::engine::bench

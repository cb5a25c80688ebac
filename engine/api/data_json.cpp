// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/config/column_mapping.h"
#include "engine/api/event_json.h"
#include "engine/api/json_values.h"

// JSON of the data page's facts.
namespace caravan::engine {

using nlohmann::json;
using namespace jsonvalues;

namespace {

json write(const DataFileReport& f) {
    return {{"path", f.path},
            {"name", f.name},
            {"format", f.format},
            {"heldout", f.heldout},
            {"weight", f.weight},
            {"rows", f.rows},
            {"rejected", f.rejected},
            {"dropped", f.dropped},
            {"truncated", f.truncated},
            {"split", f.split},
            {"used", f.used},
            {"tokens", f.tokens},
            {"answer_tokens", f.answerTokens},
            {"answer_tokens_lost", f.answerTokensLost},
            {"lengths", f.lengths},
            {"error", f.error},
            {"columns", mappingToJson(f.columns)},
            {"known", f.known},
            {"counts_rows", f.countsRows},
            {"duplicates", f.duplicates},
            {"epochs", f.epochs},
            {"row_share", f.rowShare},
            {"token_share", f.tokenShare}};
}
DataFileReport fileReport(const json& in) {
    DataFileReport f;
    read(in, "path", f.path);
    read(in, "name", f.name);
    read(in, "format", f.format);
    read(in, "heldout", f.heldout);
    read(in, "weight", f.weight);
    read(in, "rows", f.rows);
    read(in, "rejected", f.rejected);
    read(in, "dropped", f.dropped);
    read(in, "truncated", f.truncated);
    read(in, "split", f.split);
    read(in, "used", f.used);
    read(in, "tokens", f.tokens);
    read(in, "answer_tokens", f.answerTokens);
    read(in, "answer_tokens_lost", f.answerTokensLost);
    read(in, "lengths", f.lengths);
    read(in, "error", f.error);
    if (in.contains("columns")) f.columns = mappingFromJson(in.at("columns"));
    read(in, "known", f.known);
    read(in, "counts_rows", f.countsRows);
    read(in, "duplicates", f.duplicates);
    read(in, "epochs", f.epochs);
    read(in, "row_share", f.rowShare);
    read(in, "token_share", f.tokenShare);
    return f;
}

json write(const PreviewRow& row) {
    json tokens = json::array();
    for (const PreviewToken& t : row.tokens)
        tokens.push_back({{"id", t.id}, {"text", t.text}, {"trained", t.trained}, {"special", t.special}});
    return {{"file", row.file}, {"domain", row.domain}, {"line", row.line}, {"tokens", std::move(tokens)}};
}
PreviewRow previewRow(const json& in) {
    PreviewRow row;
    read(in, "file", row.file);
    read(in, "domain", row.domain);
    read(in, "line", row.line);
    for (const json& t : in.at("tokens")) {
        PreviewToken token;
        read(t, "id", token.id);
        read(t, "text", token.text);
        read(t, "trained", token.trained);
        read(t, "special", token.special);
        row.tokens.push_back(std::move(token));
    }
    return row;
}

}  // namespace

void to_json(json& out, const DataPreview& p) {
    json files = json::array(), problems = json::array(), batch = json::array();
    for (const DataFileReport& file : p.files)
        files.push_back(write(file));
    for (const RowProblem& problem : p.problems)
        problems.push_back({{"file", problem.file},
                            {"line", problem.line},
                            {"reason", problem.reason},
                            {"kept", problem.kept}});
    for (const PreviewSequence& sequence : p.firstBatch) {
        json rows = json::array();
        for (const PreviewRow& row : sequence.rows)
            rows.push_back(write(row));
        batch.push_back({{"rows", std::move(rows)}, {"padding", sequence.padding}});
    }
    out = {{"files", std::move(files)},
           {"problems", std::move(problems)},
           {"problem_count", p.problemCount},
           {"bin_width", p.binWidth},
           {"sequence_length", p.sequenceLength},
           {"rows_per_epoch", p.rowsPerEpoch},
           {"tokens_per_epoch", p.tokensPerEpoch},
           {"answer_tokens_per_epoch", p.answerTokensPerEpoch},
           {"steps", p.steps},
           {"first_batch", std::move(batch)}};
}

void from_json(const json& in, DataPreview& p) {
    p.files.clear();
    p.problems.clear();
    p.firstBatch.clear();
    if (in.contains("files"))
        for (const json& file : in.at("files"))
            p.files.push_back(fileReport(file));
    if (in.contains("problems"))
        for (const json& problem : in.at("problems")) {
            RowProblem row;
            read(problem, "file", row.file);
            read(problem, "line", row.line);
            read(problem, "reason", row.reason);
            read(problem, "kept", row.kept);
            p.problems.push_back(std::move(row));
        }
    if (in.contains("first_batch"))
        for (const json& sequence : in.at("first_batch")) {
            PreviewSequence& out = p.firstBatch.emplace_back();
            read(sequence, "padding", out.padding);
            for (const json& row : sequence.at("rows"))
                out.rows.push_back(previewRow(row));
        }
    read(in, "problem_count", p.problemCount);
    read(in, "bin_width", p.binWidth);
    read(in, "sequence_length", p.sequenceLength);
    read(in, "rows_per_epoch", p.rowsPerEpoch);
    read(in, "tokens_per_epoch", p.tokensPerEpoch);
    read(in, "answer_tokens_per_epoch", p.answerTokensPerEpoch);
    read(in, "steps", p.steps);
}

}  // namespace caravan::engine

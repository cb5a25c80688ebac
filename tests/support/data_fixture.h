// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include "engine/api/data_preview.h"

namespace caravan::test {

inline engine::PreviewRow previewRow(const char* file, std::int64_t line, const char* domain) {
    engine::PreviewRow r;
    r.file = file;
    r.line = line;
    r.domain = domain;
    r.tokens = {{1, "<s>", false, true},
                {400, "### Human:\n", false, false},
                {401, "Add 2 and 3.\n", false, false},
                {402, "### Assistant:\n", false, false},
                {403, "The sum", true, false},
                {404, " is 5.", true, false},
                {2, "</s>", true, true}};
    return r;
}

// What the engine tells of the recipe's files: two domains, some rejected and cut rows, a batch of two.
inline engine::DataPreview dataPreview(const nlohmann::json& recipe) {
    engine::DataPreview p;
    p.sequenceLength = 512;
    for (const char* list : {"files", "heldout"})
        for (const auto& file : recipe["data"][list]) {
            engine::DataFileReport r;
            r.path = file["path"];
            r.name = r.path.find("math") != std::string::npos ? "math" : "code";
            r.heldout = std::string(list) == "heldout";
            r.format = "PESC rows";
            r.rows = r.used = r.name == "math" ? 600 : 200;
            r.rejected = r.name == "code" ? 3 : 0;
            r.tokens = r.name == "math" ? 60000 : 60000;
            r.answerTokens = 20000;
            r.truncated = 5;
            r.lengths = {10, 200, 300, 60, 20, 5, 3, 2, 1};
            p.files.push_back(r);
        }
    p.problems = {{"code.train.jsonl", 17, "Field “output” is empty: no token to train on"},
                  {"code.train.jsonl", 4, "Not valid UTF-8 at byte 1,902"}};
    p.problemCount = 2;
    p.rowsPerEpoch = 800;
    p.tokensPerEpoch = 120000;
    p.answerTokensPerEpoch = 40000;
    p.steps = 25;
    p.firstBatch = {
        {{previewRow("math.train.jsonl", 12, "math"), previewRow("code.train.jsonl", 99, "code")}, 2},
        {{previewRow("math.train.jsonl", 44, "math")}, 9}};
    return p;
}

}  // namespace caravan::test

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/api/ids.h"

namespace caravan::engine {

// The data page's facts: what tuning would do with the recipe's files. Computed by engine/data, no torch.
struct DataFileReport {
    std::string path, name, format;  // format "PESC rows"; name = domain
    bool heldout = false;
    double weight = 1.0;
    std::int64_t rows = 0;                      // accepted
    std::int64_t rejected = 0;                  // could not be read
    std::int64_t dropped = 0;                   // no answer token left after the cut
    std::int64_t truncated = 0;                 // lost their end
    std::int64_t split = 0;                     // of rows: kept apart as held-out rows
    std::int64_t used = 0;                      // rows per epoch after weight
    std::int64_t tokens = 0, answerTokens = 0;  // per epoch, after the cut and the weight
    std::int64_t answerTokensLost = 0;
    std::vector<std::int64_t> lengths;        // histogram of uncut rows, bins of DataPreview::binWidth tokens
    std::string error;                        // the whole file cannot be used; else ""
    ColumnMapping columns;                    // as recognised: format, shape and names of the first row
    std::vector<std::string> known;           // columns that the first row has
    bool countsRows = false;                  // places are numbers of rows (a JSON list), not lines
    std::int64_t duplicates = 0;              // accepted rows whose text came before in the same file
    double epochs = 1.0;                      // passes over the file in the whole run
    double rowShare = 0.0, tokenShare = 0.0;  // of what an epoch draws
};
struct RowProblem {
    std::string file;
    std::int64_t line = 0;  // from 1
    std::string reason;
    bool kept = false;  // only a remark: the row is used
};
struct PreviewToken {
    TokenId id = 0;
    std::string text;  // decoded piece; special tokens by name
    bool trained = false, special = false;
};
struct PreviewRow {  // one packed row inside the batch
    std::string file, domain;
    std::int64_t line = 0;
    std::vector<PreviewToken> tokens;
};
struct PreviewSequence {  // one micro-batch sequence: rows behind each other, attention starts anew at each
    std::vector<PreviewRow> rows;
    std::int64_t padding = 0;
};
struct DataPreview {
    std::vector<DataFileReport> files;
    std::vector<RowProblem> problems;  // the first 1,000
    std::int64_t problemCount = 0;
    std::int64_t binWidth = 64;
    std::int64_t sequenceLength = 0;
    std::int64_t rowsPerEpoch = 0, tokensPerEpoch = 0, answerTokensPerEpoch = 0, steps = 0;
    std::vector<PreviewSequence> firstBatch;  // of step 1, epoch 0, exactly as tuning draws it
};

}  // namespace caravan::engine

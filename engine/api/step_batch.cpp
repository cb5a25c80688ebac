// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/step_batch.h"

#include <algorithm>

#include "engine/api/event_json.h"

namespace caravan::engine {

std::int64_t StepBatch::rows() const {
    std::int64_t sum = 0;
    for (const PreviewSequence& sequence : batch)
        sum += static_cast<std::int64_t>(sequence.rows.size());
    return sum;
}

std::int64_t StepBatch::tokens() const {
    std::int64_t sum = 0;
    for (const PreviewSequence& sequence : batch)
        for (const PreviewRow& row : sequence.rows)
            sum += static_cast<std::int64_t>(row.tokens.size());
    return sum;
}

std::int64_t StepBatch::trainedTokens() const {
    std::int64_t sum = 0;
    for (const PreviewSequence& sequence : batch)
        for (const PreviewRow& row : sequence.rows)
            sum += std::count_if(row.tokens.begin(), row.tokens.end(),
                                 [](const PreviewToken& token) { return token.trained; });
    return sum;
}

std::vector<std::pair<std::string, std::int64_t>> StepBatch::domains() const {
    std::vector<std::pair<std::string, std::int64_t>> found;
    for (const PreviewSequence& sequence : batch)
        for (const PreviewRow& row : sequence.rows) {
            auto at = std::find_if(found.begin(), found.end(),
                                   [&](const auto& entry) { return entry.first == row.domain; });
            if (at == found.end()) at = found.insert(found.end(), {row.domain, 0});
            ++at->second;
        }
    return found;
}

// A batch is spelled as the first one of a preview.
void to_json(nlohmann::json& out, const StepBatch& batch) {
    DataPreview preview;
    preview.firstBatch = batch.batch;
    out = {{"step", batch.step},
           {"steps", batch.steps},
           {"epoch", batch.epoch},
           {"sequence_length", batch.sequenceLength},
           {"rows", batch.rows()},
           {"tokens", batch.tokens()},
           {"trained_tokens", batch.trainedTokens()},
           {"batch", std::move(nlohmann::json(preview)["first_batch"])}};
}

void from_json(const nlohmann::json& in, StepBatch& batch) {
    batch.step = in.value("step", StepIndex(0));
    batch.steps = in.value("steps", std::int64_t(0));
    batch.epoch = in.value("epoch", std::int64_t(0));
    batch.sequenceLength = in.value("sequence_length", std::int64_t(0));
    batch.batch = nlohmann::json{{"first_batch", in.value("batch", nlohmann::json::array())}}
                      .get<DataPreview>()
                      .firstBatch;
}

}  // namespace caravan::engine

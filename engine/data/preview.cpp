// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/preview.h"

#include <algorithm>
#include <memory>

#include "engine/data/batch_source.h"
#include "engine/data/data_set.h"
#include "engine/data/run_changes.h"
#include "engine/formats/model_folder.h"
#include "engine/formats/peft.h"

namespace caravan::engine {
namespace {

PreviewSequence previewOf(const MicroBatch& batch, const DataSet& data, const Tokenizer& tokenizer) {
    PreviewSequence sequence;
    for (std::size_t s = 0; s < batch.segments(); ++s) {
        const RowStore::Row row = data.rows().row(batch.rows[s]);
        const DataFileReport& file = data.reports()[static_cast<std::size_t>(row.file)];
        PreviewRow& shown = sequence.rows.emplace_back(PreviewRow{file.path, file.name, row.line, {}});
        for (std::size_t t = 0; t < row.ids.size(); ++t)
            shown.tokens.push_back({row.ids[t], tokenizer.pieceName(row.ids[t]), row.trained[t] != 0,
                                    tokenizer.isSpecial(row.ids[t])});
    }
    sequence.padding = static_cast<std::int64_t>(batch.ids.size()) - batch.tokens;
    return sequence;
}

DataPreview makePreview(const Recipe& recipe, const DataSet& data, const Tokenizer& tokenizer,
                        std::int64_t sequenceLength, std::int64_t microBatchTokens) {
    DataPreview preview;
    preview.files = data.reports();
    preview.problems = data.problems();
    preview.problemCount = data.problemCount();
    preview.binWidth = DataSet::kLengthBin;
    preview.sequenceLength = sequenceLength;
    for (const DataFileReport& file : preview.files) {
        if (file.heldout) continue;
        preview.rowsPerEpoch += file.used;
        preview.tokensPerEpoch += file.tokens;
        preview.answerTokensPerEpoch += file.answerTokens;
    }
    if (data.epochRows().empty()) return preview;
    BatchSource source(data, recipe, sequenceLength);
    preview.steps = source.steps();
    const double passes = recipe.tune.steps
                              ? static_cast<double>(*recipe.tune.steps * recipe.tune.batchRows) /
                                    static_cast<double>(preview.rowsPerEpoch)
                              : recipe.tune.epochs;
    for (DataFileReport& file : preview.files)
        file.epochs = file.heldout ? 0.0 : passes * file.weight;
    for (const MicroBatch& batch : source.microBatches(1, microBatchTokens, tokenizer.padId().value_or(0)))
        preview.firstBatch.push_back(previewOf(batch, data, tokenizer));
    return preview;
}

// The recipe's rows, encoded with the model's tokenizer.
struct Encoded {
    std::unique_ptr<Tokenizer> tokenizer;
    ModelConfig config;
    std::int64_t sequenceLength;
    DataSet data;
};

Encoded encode(const Recipe& recipe, const std::filesystem::path& folder,
               const std::filesystem::path& modelPath, DataSet::Options options) {
    const std::filesystem::path base =
        isPeftFolder(modelPath) ? peftBase(unwrap(readPeftConfig(modelPath)), modelPath) : modelPath;
    auto tokenizer = unwrap(loadTokenizer(base));
    const ModelConfig config = unwrap(readModelConfig(base));
    options.sequenceLength = sequenceLengthOf(recipe, config.maxPositions);
    options.modelFolder = base;
    DataSet data = unwrap(DataSet::load(recipe, folder, *tokenizer, options));
    return {std::move(tokenizer), config, options.sequenceLength, std::move(data)};
}

}  // namespace

Result<DataPreview> previewData(const Recipe& recipe, const std::filesystem::path& folder,
                                const std::filesystem::path& modelPath, DeviceKind device,
                                const ProgressFunction& progress, std::stop_token stop) {
    try {
        const Encoded rows =
            encode(recipe, folder, modelPath,
                   {.progress = progress, .stop = std::move(stop), .tolerateBadFiles = true});
        return makePreview(recipe, rows.data, *rows.tokenizer, rows.sequenceLength,
                           microBatchTokensOf(recipe, rows.config, device));
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
}

Result<StepBatch> stepBatch(const Recipe& recipe, const std::filesystem::path& folder,
                            const std::filesystem::path& modelPath, DeviceKind device, StepIndex step,
                            const ProgressFunction& progress, std::stop_token stop) {
    try {
        const Encoded rows =
            encode(recipe, folder, modelPath, {.progress = progress, .stop = std::move(stop)});
        BatchSource source(rows.data, recipe, rows.sequenceLength);
        if (step < 1 || step > source.steps())
            return fail(ErrorCode::BadOption, {{"key", "step"},
                                               {"value", std::to_string(step)},
                                               {"range", "1 to " + std::to_string(source.steps())}});
        StepBatch shown{step, source.steps(), source.epoch(step), rows.sequenceLength, {}};
        const std::int64_t maxTokens =
            microBatchTokensTold(folder, step).value_or(microBatchTokensOf(recipe, rows.config, device));
        for (const MicroBatch& batch :
             source.microBatches(step, maxTokens, rows.tokenizer->padId().value_or(0)))
            shown.batch.push_back(previewOf(batch, rows.data, *rows.tokenizer));
        return shown;
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
}

}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <filesystem>

#include "app/cli/recipe_options.h"
#include "engine/api/config/column_mapping.h"
#include "engine/api/event_json.h"
#include "engine/data/preview.h"
#include "engine/data/run_changes.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::DataFileReport;
using engine::DataPreview;
using engine::ErrorCode;

namespace {

struct Options {
    RecipeOptions recipe;
    std::size_t problems = 20;
    bool batch = false;
    std::optional<engine::StepIndex> step;
};

std::string percent(double share) {
    return fmt::format("{:.1f} %", 100 * share);
}

std::string fileWords(const DataFileReport& file) {
    std::string out = fmt::format("{}\n", file.path);
    if (!file.error.empty()) return out + "  cannot be used: " + file.error + "\n";
    out += fmt::format("  {}, domain {}{}\n", file.format, file.name, file.heldout ? ", held out" : "");
    std::string columns;
    for (const auto& column : engine::kMappedColumns)
        if (const std::string& name = file.columns.*column.name; !name.empty())
            columns += fmt::format("{}{} = {}", columns.empty() ? "" : ", ", column.word, name);
    if (!columns.empty()) out += "  columns: " + columns + "\n";
    out += fmt::format("  rows {}, rejected {}, dropped {}, cut {}, repeated {}\n", countText(file.rows),
                       countText(file.rejected), countText(file.dropped), countText(file.truncated),
                       countText(file.duplicates));
    if (file.split > 0) out += fmt::format("  held out of these {}\n", countText(file.split));
    if (!file.heldout)
        out += fmt::format("  {} of the rows, {} of the tokens, {:g} epochs\n", percent(file.rowShare),
                           percent(file.tokenShare), file.epochs);
    return out;
}

// Rows by length, eight bars and the cut.
std::string lengthWords(const DataPreview& preview) {
    std::vector<std::int64_t> bins;
    for (const DataFileReport& file : preview.files)
        for (std::size_t i = 0; i < file.lengths.size() && !file.heldout; ++i) {
            if (bins.size() <= i) bins.resize(i + 1);
            bins[i] += file.lengths[i];
        }
    std::string out = fmt::format("row lengths, cut at {} tokens\n", countText(preview.sequenceLength));
    const std::size_t step = std::max<std::size_t>(1, (bins.size() + 7) / 8);
    for (std::size_t i = 0; i < bins.size(); i += step) {
        std::int64_t rows = 0;
        for (std::size_t j = i; j < std::min(i + step, bins.size()); ++j)
            rows += bins[j];
        out += fmt::format(
            "  {:>7} to {:>7}  {:>10}\n", countText(static_cast<std::int64_t>(i) * preview.binWidth),
            countText(static_cast<std::int64_t>(i + step) * preview.binWidth - 1), countText(rows));
    }
    return out;
}

// Trained tokens stand in [brackets].
std::string batchWords(const std::vector<engine::PreviewSequence>& batch) {
    std::string out;
    for (const auto& sequence : batch) {
        for (const auto& row : sequence.rows) {
            out +=
                fmt::format("--- {}, {} {}\n", row.domain, fs::path(row.file).filename().string(), row.line);
            bool trained = false;
            for (const auto& token : row.tokens) {
                if (token.trained != trained) out += token.trained ? "[" : "]";
                trained = token.trained;
                out += token.text;
            }
            out += trained ? "]\n" : "\n";
        }
        out += fmt::format("=== padding {}\n", sequence.padding);
    }
    return out;
}

std::string words(const DataPreview& preview, const Options& options) {
    std::string out;
    for (const DataFileReport& file : preview.files)
        out += fileWords(file);
    out += lengthWords(preview);
    out += fmt::format("an epoch: {} rows, {} tokens, {} of them answers; {} steps in all\n",
                       countText(preview.rowsPerEpoch), countText(preview.tokensPerEpoch),
                       countText(preview.answerTokensPerEpoch), countText(preview.steps));
    for (std::size_t i = 0; i < std::min(preview.problems.size(), options.problems); ++i)
        out += fmt::format("{}:{}: {}\n", preview.problems[i].file, preview.problems[i].line,
                           preview.problems[i].reason);
    if (preview.problems.size() > options.problems)
        out += fmt::format("and more: {} rows are not used\n", countText(preview.problemCount));
    if (options.batch) out += "first batch, trained tokens in [brackets]\n" + batchWords(preview.firstBatch);
    return out;
}

int showStep(Context& context, const engine::Recipe& recipe, engine::DeviceKind device,
             engine::StepIndex step) {
    const auto batch = engine::stepBatch(
        recipe, fs::current_path(), recipe.model.path, device, step,
        [&](const auto& p) { context.progress(p); }, context.stopToken());
    context.clearProgress();
    if (!batch) return context.fail(batch.error());
    context.emit(nlohmann::json(*batch));
    std::string domains;
    for (const auto& [domain, rows] : batch->domains())
        domains += fmt::format(", {} {}", domain, countText(rows));
    context.print(fmt::format("step {} of {}, epoch {}: {} rows, {} tokens, {} of them trained{}\n{}",
                              countText(batch->step), countText(batch->steps), batch->epoch + 1,
                              countText(batch->rows()), countText(batch->tokens()),
                              countText(batch->trainedTokens()), domains, batchWords(batch->batch)));
    return 0;
}

int data(Context& context, const Options& options) {
    const auto recipe = options.recipe.build(context);
    if (!recipe) return context.fail(recipe.error());
    if (recipe->model.path.empty()) return context.fail({ErrorCode::MissingOption, {{"key", "--model"}}});
    if (recipe->data.files.empty()) return context.fail({ErrorCode::MissingOption, {{"key", "--data"}}});
    const auto device =
        context.device.starts_with("cuda") ? engine::DeviceKind::Cuda : engine::DeviceKind::Cpu;
    if (options.step) {  // the recipe's folder may be a run's, which knows what it was told since
        engine::Recipe then = *recipe;
        if (const auto told = engine::microBatchTokensTold(options.recipe.recipeFolder(), *options.step))
            then.tune.microBatchTokens = told;
        return showStep(context, then, device, *options.step);
    }
    const auto preview = engine::previewData(
        *recipe, fs::current_path(), recipe->model.path, device, [&](const auto& p) { context.progress(p); },
        context.stopToken());
    context.clearProgress();
    if (!preview) return context.fail(preview.error());
    nlohmann::json json = *preview;
    if (!options.batch) json.erase("first_batch");
    context.emit(json);
    context.print(words(*preview, options));
    for (const DataFileReport& file : preview->files)
        if (!file.error.empty())
            return context.fail(
                {ErrorCode::FileBad, {{"file", file.path}, {"place", "all rows"}, {"detail", file.error}}});
    return 0;
}

const Registration kData{
    "data", "What the rows of data files are: formats, problems, lengths, mix, the first batch", 15,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        options->recipe.define(app, RecipeOptions::Scope::All);
        app.add_option("--problems", options->problems, "Rows with problems to list; default 20")
            ->type_name("N");
        app.add_flag("--batch", options->batch, "Show the first batch as the model sees it");
        app.add_option("--step", options->step,
                       "Show the batch of that step alone; with --recipe of a run's folder, what it saw")
            ->type_name("N");
        return [options, &context] { return data(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli

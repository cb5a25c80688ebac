// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/upcycle/dry_step.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "engine/data/batch_source.h"
#include "engine/formats/peft.h"
#include "engine/model/model.h"
#include "engine/plan/plan.h"
#include "engine/train/memory.h"
#include "engine/train/stepper.h"
#include "engine/upcycle/upcycle.h"

namespace caravan::engine::upcycle {
namespace {

MicroBatch longestBatch(const DataSet& data, std::int64_t maxTokens, Packing packing) {
    const RowStore& store = data.rows();
    std::vector<std::int32_t> rows(static_cast<std::size_t>(store.size()));
    std::iota(rows.begin(), rows.end(), 0);
    std::stable_sort(rows.begin(), rows.end(),
                     [&](std::int32_t a, std::int32_t b) { return store.length(a) > store.length(b); });
    std::int64_t tokens = 0;
    std::size_t count = 0;
    while (count < rows.size() && tokens < maxTokens)
        tokens += store.length(rows[count++]);
    rows.resize(std::max<std::size_t>(count, 1));
    const auto batches = packMicroBatches(store, rows, maxTokens, packing);
    return *std::max_element(batches.begin(), batches.end(),
                             [](const MicroBatch& a, const MicroBatch& b) { return a.tokens < b.tokens; });
}

}  // namespace

DryStep dryStep(const Recipe& recipe, const std::filesystem::path& recipeFolder, at::Device device,
                const ProgressFunction& progress, std::stop_token stop) {
    const auto path = resolved(recipe.model.path, recipeFolder);
    model::LoadOptions load{
        .quantization = recipe.model.quantization, .compute = recipe.tune.compute, .device = device};
    load.progress = progress;
    load.stop = stop;
    const auto model = model::loadModel(path, load);
    model::attachRecipe(*model, recipe);
    const auto tokenizer =
        unwrap(loadTokenizer(isPeftFolder(path) ? peftBase(unwrap(readPeftConfig(path)), path) : path));
    DataSet::Options reading{.sequenceLength = sequenceLengthOf(recipe, model->config().maxPositions),
                             .progress = progress,
                             .stop = stop};
    const DataSet data = unwrap(DataSet::load(recipe, recipeFolder, *tokenizer, reading));
    const auto kind = device.is_cuda() ? DeviceKind::Cuda : DeviceKind::Cpu;
    const std::int64_t maxTokens =
        recipe.tune.microBatchTokens.value_or(microBatchTokensOf(recipe, model->config(), kind));

    const train::TokenBatch batch = train::makeTokenBatch(longestBatch(data, maxTokens, recipe.data.packing));
    train::Stepper stepper(*model,
                           train::stepperOptions(recipe, static_cast<std::int64_t>(data.domains().size())));
    static_cast<void>(train::takePeakMemory(device));
    DryStep measured{.tokens = batch.count()};
    for (int pass = 0; pass < 2; ++pass) {  // the first one fills caches and allocators
        if (stop.stop_requested())
            throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
        if (progress) progress({.stage = "measuring a step", .done = pass, .total = 2});
        const auto start = std::chrono::steady_clock::now();
        stepper.run(pass + 1, std::span(&batch, 1), recipe.tune.learningRate);
        static_cast<void>(stepper.take());
        measured.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    measured.peakBytes = train::takePeakMemory(device);
    return measured;
}

}  // namespace caravan::engine::upcycle

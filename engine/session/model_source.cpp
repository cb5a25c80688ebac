// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/model_source.h"

#include <charconv>

#include "engine/checkpoint/checkpoint_store.h"
#include "engine/formats/model_folder.h"
#include "engine/formats/peft.h"
#include "engine/train/run_folder.h"
#include "engine/train/snapshot.h"

namespace caravan::engine {
namespace fs = std::filesystem;
namespace {

bool isRunFolder(const fs::path& path) {
    return fs::is_regular_file(path / "recipe.json");
}

// RUN@STEP where no such folder is named.
std::optional<StepIndex> splitStep(std::string& path) {
    const auto at = path.rfind('@');
    StepIndex step = 0;
    if (at == std::string::npos || fs::exists(path)) return std::nullopt;
    const char* last = path.data() + path.size();
    const auto parsed = std::from_chars(path.data() + at + 1, last, step);
    if (parsed.ec != std::errc() || parsed.ptr != last) return std::nullopt;
    path.resize(at);
    return step;
}

// Where the weights of a folder and its tokenizer lie: a PEFT folder has a base.
fs::path baseOf(const fs::path& folder, const std::optional<std::string>& base) {
    if (isReferenceRun(folder)) return base ? fs::path(*base) : referenceBase(folder);
    if (!isPeftFolder(folder)) return folder;
    return base ? fs::path(*base) : peftBase(unwrap(readPeftConfig(folder)), folder);
}

}  // namespace

std::string SourcePlan::key() const {
    return folder.string() + "|" + (checkpoint ? checkpoint->string() : "") + "|" + base.value_or("") + "|" +
           std::to_string(static_cast<int>(quantization)) + "|" + std::to_string(static_cast<int>(compute)) +
           "|" + std::to_string(reference.topK) + "|" + std::to_string(reference.scaling);
}

SourcePlan planSource(const ModelSource& source) {
    SourcePlan plan{.base = source.base, .quantization = source.quantization, .compute = source.compute};
    if (source.topK) plan.reference.topK = *source.topK;
    if (source.scaling) plan.reference.scaling = *source.scaling;
    std::string path = source.path;
    const auto step = splitStep(path);
    plan.folder = fs::absolute(path).lexically_normal();
    if (!fs::is_directory(plan.folder))
        throw EngineException(ErrorCode::FileMissing, {{"file", plan.folder.string()}});
    if (!isRunFolder(plan.folder)) {
        if (step)
            throw EngineException(ErrorCode::NotFound, {{"what", "run"}, {"name", plan.folder.string()}});
        return plan;
    }
    plan.recipe = train::readRecipe(plan.folder);
    plan.quantization = plan.recipe->model.quantization;
    if (plan.compute == Compute::Auto) plan.compute = plan.recipe->tune.compute;
    if (step) {
        plan.checkpoint = checkpoint::checkpointFolder(plan.folder, *step);
        if (!fs::exists(*plan.checkpoint))
            throw EngineException(ErrorCode::NotFound,
                                  {{"what", "checkpoint"}, {"name", std::to_string(*step)}});
    } else {
        plan.checkpoint = unwrap(checkpoint::latestVerified(plan.folder));
    }
    return plan;
}

const Tokenizer& OpenedModel::text() const {
    if (!tokenizer)
        throw EngineException(ErrorCode::FileMissing,
                              {{"file", (tokenizerFolder / "tokenizer.json").string()}});
    return *tokenizer;
}

OpenedModel openSource(const SourcePlan& plan, at::Device device, const ProgressFunction& progress,
                       std::stop_token stop) {
    OpenedModel opened{.recipe = plan.recipe};
    const fs::path folder = plan.recipe ? train::resolved(plan.recipe->model.path, plan.folder) : plan.folder;
    opened.baseFolder = baseOf(folder, plan.base);
    model::LoadOptions load{.quantization = plan.quantization, .compute = plan.compute, .device = device};
    load.base = plan.base;
    load.reference = plan.reference;
    load.progress = progress;
    load.stop = std::move(stop);
    opened.model = model::loadModel(folder, load);
    if (plan.recipe) {
        model::attachRecipe(*opened.model, *plan.recipe);
        train::restore(opened.model->trainable(), unwrap(checkpoint::load(*plan.checkpoint, false)), {});
    }
    for (const fs::path& place : {folder, opened.baseFolder}) {
        opened.tokenizerFolder = place;
        if (auto tokenizer = loadTokenizer(place)) {
            opened.tokenizer = std::move(*tokenizer);
            break;
        } else if (tokenizer.error().code != ErrorCode::FileMissing &&
                   tokenizer.error().code != ErrorCode::NotFound) {
            throw EngineException(tokenizer.error());
        }
    }
    return opened;
}

}  // namespace caravan::engine

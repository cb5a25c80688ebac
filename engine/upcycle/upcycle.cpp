// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/upcycle/upcycle.h"

#include "engine/api/config/descriptors.h"
#include "engine/checkpoint/model_parts.h"
#include "engine/plan/plan.h"
#include "engine/upcycle/step_zero.h"

namespace caravan::engine::upcycle {
namespace fs = std::filesystem;
namespace {

struct Base {
    ModelFolder folder;
    std::unique_ptr<model::Model> model;
    DenseReference reference;
};

Base openBase(const Recipe& recipe, const fs::path& recipeFolder, at::Device device,
              const ProgressFunction& progress, std::stop_token stop) {
    if (recipe.upcycle.method != UpcycleMethod::Pesc)
        throw EngineException(ErrorCode::BadOption,
                              {{"key", "upcycle.method"}, {"value", "none"}, {"range", "pesc"}});
    Base base{.folder = unwrap(openModelFolder(resolved(recipe.model.path, recipeFolder)))};
    if (base.folder.config.moe)
        throw EngineException(ErrorCode::Unsupported,
                              {{"what", "upcycling"}, {"detail", "the model has experts already"}});
    base.model = model::loadModel(base.folder.folder, {.quantization = recipe.model.quantization,
                                                       .compute = recipe.tune.compute,
                                                       .device = device,
                                                       .progress = progress,
                                                       .stop = stop});
    const auto tokenizer = loadTokenizer(base.folder.folder);
    base.reference =
        denseReference(*base.model, proofIds(tokenizer ? tokenizer->get() : nullptr, base.folder.config));
    return base;
}

void attach(model::Model& model, const Recipe& recipe) {
    const auto& pesc = recipe.upcycle;
    model.attachPesc({.experts = pesc.experts,
                      .topK = pesc.topK,
                      .adapterSize = pesc.adapterSize,
                      .scaling = pesc.scaling,
                      .layers = unwrap(parseLayers(pesc.layers, model.config().layers)),
                      .seed = recipe.seed});
}

}  // namespace

fs::path resolved(const fs::path& path, const fs::path& folder) {
    return path.is_absolute() ? path : fs::absolute(folder / path).lexically_normal();
}

StepZeroProof prove(const Recipe& recipe, const fs::path& recipeFolder, at::Device device,
                    const ProgressFunction& progress, std::stop_token stop) {
    Base base = openBase(recipe, recipeFolder, device, progress, stop);
    attach(*base.model, recipe);
    return proveStepZero(*base.model, base.reference, progress, stop);
}

UpcycleOutcome apply(const Recipe& recipe, const fs::path& recipeFolder, const fs::path& outFolder,
                     at::Device device, const ProgressFunction& progress, std::stop_token stop) {
    checkpoint::ModelWriter writer(outFolder);
    Base base = openBase(recipe, recipeFolder, device, progress, stop);
    attach(*base.model, recipe);
    ModelConfig written = base.folder.config;
    written.moe = base.model->config().moe;
    written.quantizedNf4 = base.model->quantized();
    writer.weights("model", checkpoint::modelParts(base.folder, *base.model, written, false), progress, stop);
    writer.json("config.json", makeConfigJson(base.folder.configJson, written));
    writer.copyCompanions(base.folder.folder);
    base.model.reset();

    Recipe noLora = recipe;
    noLora.tune.loraRank = 0;
    UpcycleOutcome outcome{.counts = unwrap(planRun(noLora, base.folder.config, nullptr,
                                                    device.is_cuda() ? DeviceKind::Cuda : DeviceKind::Cpu)),
                           .folder = fs::absolute(outFolder).lexically_normal().string()};
    const auto sparse = model::loadModel(
        writer.temporary(),
        {.compute = recipe.tune.compute, .device = device, .progress = progress, .stop = stop});
    outcome.proof = proveStepZero(*sparse, base.reference, progress, stop);
    writer.commit();
    return outcome;
}

}  // namespace caravan::engine::upcycle

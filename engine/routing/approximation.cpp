// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/approximation.h"

#include <ATen/Functions.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/model_folder.h"
#include "engine/formats/peft.h"
#include "engine/formats/reference_run.h"
#include "engine/generate/prompt.h"
#include "engine/routing/adapter_fit.h"
#include "engine/routing/ffn_outputs.h"
#include "engine/routing/saved_file.h"
#include "engine/session/model_source.h"
#include "engine/train/run_folder.h"

namespace caravan::engine::routing {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kHoldOutEvery = 4;  // rows of a domain

void check(const std::stop_token& stop) {
    if (stop.stop_requested()) throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
}

[[noreturn]] void unsuited(const std::string& model, std::string detail, const char* supported) {
    throw EngineException(ErrorCode::ModelUnsupported,
                          {{"file", model}, {"detail", std::move(detail)}, {"supported", supported}});
}

// The base as a model, and the run that it was named by.
struct Base {
    ModelSource source;
    std::optional<Recipe> recipe;
    fs::path runFolder;
};
Base baseOf(const ModelSource& asked) {
    Base base{asked, {}, {}};
    const fs::path folder = fs::absolute(asked.path).lexically_normal();
    if (fs::is_regular_file(folder / "recipe.json")) {
        base.recipe = train::readRecipe(folder);
        base.runFolder = folder;
        base.source.path = train::resolved(base.recipe->model.path, folder).string();
    }
    base.source.compute = Compute::Fp32;
    return base;
}

std::string shapeOf(const ModelConfig& config) {
    return fmt::format("{} layers, {} wide, {} inside the FFN", config.layers, config.hidden,
                       config.intermediate);
}

void checkShapes(const ModelConfig& base, const std::string& baseName, const ModelConfig& tuned,
                 const std::string& tunedName) {
    if (base.layers == tuned.layers && base.hidden == tuned.hidden && base.intermediate == tuned.intermediate)
        return;
    unsuited(tunedName, fmt::format("it has {}; the base {} has {}", shapeOf(tuned), baseName, shapeOf(base)),
             "a dense model of the base's shape");
}

void checkDense(const model::Model& model, const std::string& name) {
    if (!model.sparseLayers().empty())
        unsuited(name, "it has experts", "a dense model: the base, and one of its shape that was tuned");
}

// From config.json alone, before weights are read; nothing: another source, looked at when it is open.
std::optional<ModelConfig> configOf(const fs::path& folder) {
    std::error_code ignored;
    if (!fs::is_regular_file(folder / "config.json", ignored) || isPeftFolder(folder) ||
        isReferenceRun(folder))
        return std::nullopt;
    return unwrap(readModelConfig(folder));
}

void checkEarly(const std::string& base, const std::string& tuned) {
    const auto one = configOf(base), other = configOf(tuned);
    if (one && other) checkShapes(*one, base, *other, tuned);
}

std::vector<std::int64_t> widthsOf(const ApproximationRequest& request, std::int64_t hidden) {
    std::vector<std::int64_t> widths = request.widths;
    std::sort(widths.begin(), widths.end());
    widths.erase(std::unique(widths.begin(), widths.end()), widths.end());
    if (widths.empty()) throw EngineException(ErrorCode::MissingOption, {{"key", "widths"}});
    for (const std::int64_t width : {widths.front(), widths.back()})
        if (width < 0 || width > kMostAdapterWidth)
            throw EngineException(ErrorCode::BadOption,
                                  {{"key", "a width"},
                                   {"value", std::to_string(width)},
                                   {"range", fmt::format("between 0 and {}; the model is {} wide",
                                                         kMostAdapterWidth, hidden)}});
    return widths;
}

// The rows of each domain, those of the fit and those that it does not see.
struct Parts {
    std::vector<DomainBatches> fitting, heldOut;
    std::int64_t fittingTokens = 0, heldOutTokens = 0, rows = 0;
};
Parts partsOf(const ProbeRows& probe, std::int64_t maxTokens, at::Device device) {
    auto fitting = probe.first(maxTokens), heldOut = fitting;
    for (std::size_t d = 0; d < fitting.size(); ++d) {
        const std::vector<std::int32_t> all = std::move(fitting[d].rows);
        fitting[d].rows.clear();
        heldOut[d].rows.clear();
        for (std::size_t i = 0; i < all.size(); ++i)
            (i % kHoldOutEvery == kHoldOutEvery - 1 ? heldOut : fitting)[d].rows.push_back(all[i]);
    }
    Parts parts{batchesOf(fitting, device), batchesOf(heldOut, device)};
    const auto count = [&](const std::vector<DomainBatches>& domains, std::int64_t& tokens) {
        for (const DomainBatches& domain : domains)
            for (std::size_t i = 0; i < domain.batches.size(); ++i) {
                tokens += domain.batches[i].count();
                parts.rows += domain.rows[i];
            }
    };
    count(parts.fitting, parts.fittingTokens);
    count(parts.heldOut, parts.heldOutTokens);
    if (std::min(parts.fittingTokens, parts.heldOutTokens) < kFewestApproximationTokens)
        throw EngineException(ErrorCode::BadOption,
                              {{"key", "the data"},
                               {"value", fmt::format("{} tokens for the fit and {} held out",
                                                     parts.fittingTokens, parts.heldOutTokens)},
                               {"range", fmt::format("{} or more of each; every {}th row is held out",
                                                     kFewestApproximationTokens, kHoldOutEvery)}});
    return parts;
}

void checkMemory(const DeviceChoice& device, std::int64_t tokens, std::int64_t hidden, std::size_t layers) {
    const DeviceStatus status = deviceStatus(device);
    // Two outputs per layer, the inputs, and some copies of one layer while it is fitted.
    const Bytes needed = tokens * hidden * 4 * static_cast<Bytes>(3 * layers + 8);
    const Bytes free = status.memoryTotal - status.memoryUsed;
    if (needed > free)
        throw EngineException(ErrorCode::MemoryShort, {{"needed", std::to_string(needed)},
                                                       {"available", std::to_string(free)},
                                                       {"remedy", "Take fewer layers or fewer tokens."}});
}

struct Measurement {
    const ApproximationRequest& request;
    const DeviceChoice& device;
    const ProgressFunction& progress;
    const std::stop_token& stop;

    Approximation result = {};
    ModelConfig config = {};  // of the base
    std::vector<std::int64_t> layers = {}, widths = {};
    std::vector<FfnPairs> pairs = {};                    // by layer
    std::vector<at::Tensor> fitting = {}, heldOut = {};  // x, by layer

    // Inputs and frozen outputs, with the base in memory.
    void readBase() {
        const Base base = baseOf(request.base);
        checkEarly(base.source.path, request.tuned.path);
        OpenedModel opened = openSource(planSource(base.source), device.device, progress, stop);
        model::Model& model = *opened.model;
        checkDense(model, base.source.path);
        config = model.config();
        layers = unwrap(resolveLayers(request.layers, model.config().layers));
        widths = widthsOf(request, model.config().hidden);
        const Recipe* recipe = base.recipe ? &*base.recipe : nullptr;
        const ChatTemplate chat = recipe ? generate::promptForm(opened.tokenizerFolder, recipe, opened.text())
                                         : ChatTemplate::pesc();
        const ProbeRows probe =
            loadProbeRows({request.files, recipe, base.runFolder,
                           sequenceLengthOf(recipe ? *recipe : Recipe{}, model.config().maxPositions)},
                          opened.text(), chat, progress, stop);
        const Parts parts = partsOf(probe, request.maxTokens, device.device);
        checkMemory(device, parts.fittingTokens + parts.heldOutTokens, model.config().hidden, layers.size());
        result = {.base = base.source.path,
                  .tuned = request.tuned.path,
                  .probe = probe.kind,
                  .fittedTokens = parts.fittingTokens,
                  .heldOutTokens = parts.heldOutTokens,
                  .hidden = model.config().hidden,
                  .intermediate = model.config().intermediate,
                  .seed = request.seed};
        Progress state{.stage = "reading the inputs of the FFNs", .total = parts.rows};
        const auto told = [&](std::int64_t rows) {
            state.done += rows;
            if (progress) progress(state);
        };
        fitting = ffnInputs(model, layers, parts.fitting, told, stop);
        heldOut = ffnInputs(model, layers, parts.heldOut, told, stop);
        for (std::size_t i = 0; i < layers.size(); ++i) {
            check(stop);
            pairs.push_back({{ffnOutputs(model, layers[i], fitting[i]), {}},
                             {ffnOutputs(model, layers[i], heldOut[i]), {}}});
        }
    }

    // The tuned outputs on the same inputs, with the tuned model in memory.
    void readTuned() {
        ModelSource source = request.tuned;
        source.compute = Compute::Fp32;
        OpenedModel opened = openSource(planSource(source), device.device, progress, stop);
        model::Model& model = *opened.model;
        checkDense(model, request.tuned.path);
        checkShapes(config, result.base, model.config(), request.tuned.path);
        for (std::size_t i = 0; i < layers.size(); ++i) {
            check(stop);
            pairs[i].fitting.tuned = ffnOutputs(model, layers[i], fitting[i]);
            pairs[i].heldOut.tuned = ffnOutputs(model, layers[i], heldOut[i]);
            fitting[i].reset();
            heldOut[i].reset();
            checkFinite(i);
        }
    }

    void checkFinite(std::size_t i) const {
        for (const FfnPair* pair : {&pairs[i].fitting, &pairs[i].heldOut})
            for (const bool tuned : {false, true})
                if (!at::isfinite(tuned ? pair->tuned : pair->frozen).all().item<bool>())
                    unsuited(
                        tuned ? result.tuned : result.base,
                        fmt::format("the FFN of layer {} gives values that are no finite numbers", layers[i]),
                        "a model whose outputs are finite in fp32");
    }

    void fitAll() {
        const auto units = static_cast<std::int64_t>(layers.size() * widths.size());
        Progress state{.stage = "fitting adapters", .total = units * request.maxSteps};
        bool anything = false;
        for (std::size_t i = 0; i < layers.size(); ++i) {
            LayerApproximation layer{.layer = layers[i], .change = relativeChange(pairs[i].heldOut)};
            const bool differs = layer.change > 0 && relativeChange(pairs[i].fitting) > 0;
            if (!differs) layer.change = 0;
            anything = anything || differs;
            for (std::size_t w = 0; w < widths.size(); ++w) {
                const std::int64_t before =
                    static_cast<std::int64_t>(i * widths.size() + w) * request.maxSteps;
                const auto told = [&](std::int64_t steps) {
                    state.done = before + steps;
                    if (progress) progress(state);
                };
                if (differs)
                    layer.fits.push_back(fitAdapter(pairs[i],
                                                    {.width = widths[w],
                                                     .maxSteps = request.maxSteps,
                                                     .seed = request.seed,
                                                     .layer = layers[i]},
                                                    told, stop));
                told(request.maxSteps);
            }
            addLinearMaps(pairs[i], layer.fits);
            pairs[i] = {};
            result.layers.push_back(std::move(layer));
        }
        if (!anything)
            unsuited(request.tuned.path,
                     fmt::format("in the chosen layers its FFNs do the same as those of {}: there is nothing "
                                 "to approximate",
                                 result.base),
                     "a model whose FFNs were tuned");
    }
};

}  // namespace

Approximation approximate(const ApproximationRequest& request, const DeviceChoice& device,
                          const ProgressFunction& progress, const std::stop_token& stop) {
    if (request.maxSteps < 1 || request.maxTokens < 0)
        throw EngineException(
            ErrorCode::BadOption,
            {{"key", request.maxSteps < 1 ? "steps" : "tokens"},
             {"value", std::to_string(request.maxSteps < 1 ? request.maxSteps : request.maxTokens)},
             {"range", request.maxSteps < 1 ? "1 or more" : "0 (all) or more"}});
    static_cast<void>(planSource(request.tuned));  // it is there, before the base is read
    Measurement measurement{request, device, progress, stop};
    measurement.readBase();
    measurement.readTuned();
    measurement.fitAll();
    if (const Base base = baseOf(request.base); request.save && !base.runFolder.empty())
        saveJson(nlohmann::json(measurement.result), base.runFolder / kApproximationFile);
    return std::move(measurement.result);
}

}  // namespace caravan::engine::routing

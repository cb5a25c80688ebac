// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/base_services.h"

#include <filesystem>
#include <memory>
#include <mutex>

#include "engine/data/preview.h"
#include "engine/formats/model_folder.h"
#include "engine/plan/fits.h"
#include "engine/plan/plan.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::app {
namespace fs = std::filesystem;
using namespace engine;

namespace {

fs::path modelPath(const Recipe& recipe, const std::string& folder) {
    return folder.empty() ? fs::path(recipe.model.path) : fs::path(folder) / recipe.model.path;
}

// What the last preview counted, so that the plan knows its steps while only other settings change.
class FactsCache {
  public:
    void put(const Recipe& recipe, const std::string& folder, const DataPreview& preview) {
        DataFacts facts;
        facts.rowsPerEpoch = preview.rowsPerEpoch;
        facts.tokensPerEpoch = preview.tokensPerEpoch;
        facts.domains = static_cast<std::int64_t>(recipe.data.files.size());
        const std::lock_guard lock(m_mutex);
        m_key = keyOf(recipe, folder);
        m_facts = facts;
    }
    std::optional<DataFacts> find(const Recipe& recipe, const std::string& folder) {
        const std::lock_guard lock(m_mutex);
        if (!m_facts || m_key != keyOf(recipe, folder)) return std::nullopt;
        return m_facts;
    }

  private:
    static Recipe keyOf(const Recipe& recipe, const std::string& folder) {
        Recipe key;
        key.data = recipe.data;
        key.data.heldout.clear();
        key.model.path = modelPath(recipe, folder).string();
        key.tune.sequenceLength = recipe.tune.sequenceLength;
        return key;
    }
    std::mutex m_mutex;
    Recipe m_key;
    std::optional<DataFacts> m_facts;
};

Result<ModelConfig> configOf(const fs::path& path) {
    if (auto config = readModelConfig(path)) return config;
    auto inspection = inspectModel(path);  // LoRA folders; its error tells more
    if (!inspection) return tl::unexpected(inspection.error());
    return inspection->config;
}

DeviceKind kindOf(Engine& engine) {
    return engine.device().cuda ? DeviceKind::Cuda : DeviceKind::Cpu;
}

Result<host::HostServices::Plan> plan(Engine& engine, FactsCache& cache, const Recipe& recipe,
                                      const std::string& folder) {
    host::HostServices::Plan out;
    if (recipe.model.path.empty()) {
        out.problems = validate(recipe, nullptr);
        return out;
    }
    const auto config = configOf(modelPath(recipe, folder));
    if (!config) return tl::unexpected(config.error());
    out.problems = validate(recipe, &*config);
    const auto facts = cache.find(recipe, folder);
    auto planned = planRun(recipe, *config, facts ? &*facts : nullptr, kindOf(engine));
    // Settings that contradict each other are told as problems; there is no plan of them.
    if (planned)
        out.plan = std::move(*planned);
    else if (out.problems.empty())
        return tl::unexpected(planned.error());
    return out;
}

Result<host::HostServices::Tokens> tokenize(const std::string& path, const std::string& text) {
    const auto tokenizer = loadTokenizer(path);
    if (!tokenizer) return tl::unexpected(tokenizer.error());
    host::HostServices::Tokens tokens;
    tokens.ids = (*tokenizer)->encode(text);
    for (const TokenId id : tokens.ids)
        tokens.pieces.push_back((*tokenizer)->pieceName(id));
    return tokens;
}

}  // namespace

host::HostServices baseServices(Engine& engine) {
    const auto cache = std::make_shared<FactsCache>();
    host::HostServices services;
    services.inspect = [](const std::string& path) { return inspectModel(path); };
    services.plan = [cache, &engine](const Recipe& recipe, const std::string& folder) {
        return plan(engine, *cache, recipe, folder);
    };
    services.preview = [cache, &engine](const Recipe& recipe, const std::string& folder,
                                        const ProgressFunction& progress, std::stop_token stop) {
        auto preview =
            previewData(recipe, folder, modelPath(recipe, folder), kindOf(engine), progress, std::move(stop));
        if (preview) cache->put(recipe, folder, *preview);
        return preview;
    };
    services.stepBatch = [&engine](const Recipe& recipe, const std::string& folder, StepIndex step,
                                   const ProgressFunction& progress, std::stop_token stop) {
        return stepBatch(recipe, folder, modelPath(recipe, folder), kindOf(engine), step, progress,
                         std::move(stop));
    };
    services.tokenize = tokenize;
    services.fits = fitTable;
    return services;
}

}  // namespace caravan::app

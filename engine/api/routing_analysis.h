// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/api/engine.h"

namespace caravan::engine {

// What routing.bin's sums do not hold (methods.md section 5), measured on rows of a probe set with the
// weights of one checkpoint. Matrices are [E][E] row-major; NaN = not known.

struct RoutingAnalysisRequest {
    ModelSource source;
    std::vector<DomainFile> files;         // none: a run's held-out rows, or its training rows if it has none
    std::int64_t maxTokens = 0;            // in all, evenly over domains, whole rows; 0 = all
    std::int64_t contexts = 10;            // tokens in context per expert and layer
    std::optional<ModelSource> reference;  // saturation and its load are taken against this
    // Layers in which each expert is muted alone; -1: in all layers at once.
    std::vector<std::int64_t> mute;
    std::int64_t muteTokens = 8192;  // of the probe set, for each muted expert; 0 = all
    bool save = true;                // a run: into its folder, see analysisFile()
};

struct ExpertToken {  // a token that goes to an expert more than others do
    std::int32_t id = 0;
    std::string text;
    double share = 0;  // of its occurrences, by all k choices
    std::int64_t count = 0;
    friend bool operator==(const ExpertToken&, const ExpertToken&) = default;
};
struct TokenInContext {
    std::string before, token, after;
    double gate = 0;
    std::int64_t domain = 0;  // index into the record's domains
    friend bool operator==(const TokenInContext&, const TokenInContext&) = default;
};
struct LayerAnalysis {
    std::int64_t layer = 0;
    std::vector<double> together;  // P(column chosen | row chosen); the diagonal is NaN
    std::vector<double> cosine;    // of the maps that the experts add to the dense model
    std::vector<double> cka;       // linear CKA of what they add, on the same tokens
    std::vector<double> toDense;   // [E] cosine of an expert's output to the dense one, mean over tokens
    double repeatRate = 0;         // the first choice is that of the token before, within a row
    double vocabulary = 0;   // mean largest share of a token's first choices, tokens seen 8 times or more
    double information = 0;  // I(expert; domain), nats
    double informationShuffled = 0;     // the same with the tokens' domains shuffled
    double saturation = 0;              // share of choices that the reference makes too; NaN without one
    double logSumExp = 0;               // of the router's logits, mean over tokens
    std::vector<double> referenceLoad;  // [E] shares of the reference; may be empty
    std::vector<std::vector<ExpertToken>> tokens;       // [E]
    std::vector<std::vector<TokenInContext>> contexts;  // [E]
};
struct MutedExpert {
    std::int64_t layer = -1, expert = 0;  // layer -1: in all layers at once
    std::vector<double> change;           // [domains] of the loss, nats per answer token
    double mean = 0;                      // unweighted over domains
};
struct RoutingAnalysis {
    std::string model;    // the source's path
    StepIndex step = -1;  // of a run's checkpoint; -1 = not of a run
    std::string probe;    // "files", "held-out", "training"
    std::int64_t tokens = 0;
    RoutingStatistics statistics;
    std::vector<LayerAnalysis> layers;  // as statistics.record.layers
    std::string reference;              // path, or ""
    std::vector<double> loss;           // [domains] with all experts, on the rows that muting used; or empty
    std::int64_t muteTokens = 0;
    std::vector<MutedExpert> muted;
};

// What an Engine may be beside: hosts ask with dynamic_cast and refuse the request where it is not.
class RoutingAnalyst {
  public:
    virtual ~RoutingAnalyst() = default;
    // Blocks. Errors as Engine::routing; BadOption for layers that have no experts.
    virtual Result<RoutingAnalysis> analyseRouting(const RoutingAnalysisRequest& request,
                                                   const ProgressFunction& progress,
                                                   std::stop_token stop) = 0;
};

void to_json(nlohmann::json& out, const RoutingAnalysisRequest& request);
void from_json(const nlohmann::json& in, RoutingAnalysisRequest& request);
void to_json(nlohmann::json& out, const RoutingAnalysis& analysis);
void from_json(const nlohmann::json& in, RoutingAnalysis& analysis);

// "routing/analysis-000060.json" in a run's folder.
[[nodiscard]] std::string analysisFile(StepIndex step);
// The step of such a file name (no folder); nullopt: another file.
[[nodiscard]] std::optional<StepIndex> analysisStep(std::string_view fileName);
[[nodiscard]] Result<RoutingAnalysis> readAnalysis(const std::string& path);

}  // namespace caravan::engine

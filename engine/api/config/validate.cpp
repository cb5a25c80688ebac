// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <set>

#include "engine/api/config/descriptors.h"

// Pure checks of a whole recipe: every problem, each with a value that would do.
namespace caravan::engine {
namespace {

using nlohmann::json;

class Checker {
  public:
    Checker(const Recipe& recipe, const ModelConfig* model) : m_recipe(recipe), m_model(model) {}

    std::vector<Problem> run() {
        ranges();
        model();
        if (m_recipe.upcycle.method == UpcycleMethod::Pesc) experts();
        lora();
        data();
        batch();
        return std::move(m_problems);
    }

  private:
    void add(std::string key, std::string value, std::string range, std::string nearest,
             bool warning = false) {
        m_problems.push_back({key,
                              Error{ErrorCode::BadOption,
                                    {{"key", key}, {"value", std::move(value)}, {"range", std::move(range)}}},
                              warning, std::move(nearest)});
    }
    void missing(const std::string& key, bool warning = false) {
        m_problems.push_back({key, Error{ErrorCode::MissingOption, {{"key", key}}}, warning, ""});
    }
    [[nodiscard]] bool faulty(std::string_view key) const {
        return std::ranges::any_of(m_problems, [&](const Problem& p) { return p.key == key; });
    }

    // Values set in code rather than through the table may lie outside their range.
    void ranges() {
        for (const FieldDescriptor& field : recipeFields()) {
            Recipe copy = m_recipe;
            const json value = field.get(m_recipe);
            const bool finite = !value.is_number_float() || std::isfinite(value.get<double>());
            if (finite && field.set(copy, value)) continue;
            std::string nearest;
            if (finite && value.is_number()) {
                const double clamped = std::clamp(value.get<double>(), field.minimum, field.maximum);
                nearest = json(clamped).dump();
                if (field.type == FieldType::Integer) nearest = fmt::format("{:.0f}", clamped);
            }
            add(field.key, value.dump(), rangeText(field), nearest);
        }
    }

    void model() {
        if (m_recipe.model.path.empty()) missing("model.path");
        if (!m_model) return;
        if (m_recipe.upcycle.method == UpcycleMethod::Pesc && m_model->moe)
            add("upcycle.method", "pesc", "none: the model is a mixture already", "none");
    }

    void experts() {
        const auto& u = m_recipe.upcycle;
        if (!faulty("upcycle.experts") && !faulty("upcycle.top_k")) {
            if (u.topK > u.experts)
                add("upcycle.top_k", std::to_string(u.topK),
                    fmt::format("at most the number of experts, {}", u.experts), std::to_string(u.experts));
            else if (u.topK == 1 && u.experts > 1)
                add("upcycle.top_k", "1",
                    "2 or more: with one active expert the router learns nothing from the text", "2", true);
            else if (u.topK == u.experts && u.experts > 1)
                add("upcycle.top_k", std::to_string(u.topK),
                    "less than the number of experts: else every token uses all of them",
                    std::to_string(u.experts - 1), true);
        }
        if (u.scaling == 0 && !faulty("upcycle.scaling"))
            add("upcycle.scaling", "0", "other than 0: the experts would add nothing", "0.25", true);
        // Without a model only the form of the text can be checked.
        if (auto layers = parseLayers(u.layers, m_model ? m_model->layers : 4096); !layers)
            m_problems.push_back({"upcycle.layers", layers.error(), false, "all"});
        if (m_model && !faulty("upcycle.adapter_size") && u.adapterSize > m_model->hidden)
            add("upcycle.adapter_size", std::to_string(u.adapterSize),
                fmt::format("a bottleneck: at most the hidden size, {}", m_model->hidden),
                std::to_string(m_model->hidden), true);
    }

    void lora() {
        const auto& t = m_recipe.tune;
        if (t.loraRank > 0 && t.loraTargets.empty())
            add("tune.lora_targets", "[]", "at least one linear, or lora_rank 0",
                "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj");
        if (t.loraRank == 0 && m_recipe.upcycle.method == UpcycleMethod::None && (!m_model || !m_model->moe))
            add("tune.lora_rank", "0", "at least 1: nothing else is trained without experts", "64");
        std::set<std::string> seen;
        for (const std::string& target : t.loraTargets)
            if (!seen.insert(target).second) add("tune.lora_targets", target, "named once", "");
    }

    void data() {
        const auto& d = m_recipe.data;
        if (d.files.empty()) missing("data.files");
        if (d.heldout.empty()) missing("data.heldout", true);
        double rows = 0;
        for (const DataFile& file : d.files) {
            if (file.path.empty()) add("data.files", "\"\"", "a path", "");
            if (std::isfinite(file.weight)) rows += file.weight;
        }
        if (!d.files.empty() && rows == 0)
            add("data.files", "weight 0", "above 0 for at least one file", "1");
        for (const DataFile& file : d.heldout)
            if (file.path.empty()) add("data.heldout", "\"\"", "a path", "");
    }

    void batch() {
        const auto& t = m_recipe.tune;
        if (t.sequenceLength && m_model && *t.sequenceLength > m_model->maxPositions &&
            !faulty("tune.sequence_length"))
            add("tune.sequence_length", std::to_string(*t.sequenceLength),
                fmt::format("at most the model's length, {}", m_model->maxPositions),
                std::to_string(m_model->maxPositions));
        if (t.microBatchTokens && !faulty("tune.micro_batch_tokens")) {
            std::int64_t sequence = std::min<std::int64_t>(2048, m_model ? m_model->maxPositions : 2048);
            if (t.sequenceLength) sequence = *t.sequenceLength;
            if (*t.microBatchTokens < sequence && (t.sequenceLength || m_model))
                add("tune.micro_batch_tokens", std::to_string(*t.microBatchTokens),
                    fmt::format("at least the sequence length, {}", sequence), std::to_string(sequence));
        }
        if (t.learningRate == 0 && !faulty("tune.learning_rate"))
            add("tune.learning_rate", "0", "above 0: else nothing is learned", "0.0002", true);
        if (t.sampleEvery > 0 && t.samples.empty()) missing("tune.samples", true);
        if ((t.earlyStop > 0 || t.keep == Keeping::Best) && t.evaluateEvery == 0)
            add("tune.evaluate_every", "0",
                "above 0: keeping the best and stopping early look at evaluations on the way", "30", true);
    }

    const Recipe& m_recipe;
    const ModelConfig* m_model;
    std::vector<Problem> m_problems;
};

std::optional<std::int64_t> layerNumber(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty() || value < 0)
        return std::nullopt;
    return value;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    return text;
}

}  // namespace

std::vector<Problem> validate(const Recipe& recipe, const ModelConfig* model) {
    return Checker(recipe, model).run();
}

Result<std::vector<std::int64_t>> parseLayers(std::string_view text, std::int64_t layers) {
    const auto bad = [&] {
        return fail(ErrorCode::BadOption,
                    {{"key", "upcycle.layers"},
                     {"value", std::string(text.substr(0, 200))},
                     {"range", fmt::format("all, or layers from 0 to {} such as 0-3,7", layers - 1)}});
    };
    std::set<std::int64_t> chosen;
    if (trimmed(text) == "all") {
        std::vector<std::int64_t> all(static_cast<std::size_t>(layers));
        std::iota(all.begin(), all.end(), 0);
        return all;
    }
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        const std::string_view part = trimmed(text.substr(begin, end - begin));
        const std::size_t dash = part.find('-');
        const auto first = layerNumber(trimmed(part.substr(0, dash)));
        const auto last =
            dash == std::string_view::npos ? first : layerNumber(trimmed(part.substr(dash + 1)));
        if (!first || !last || *first > *last || *last >= layers) return bad();
        for (std::int64_t i = *first; i <= *last; ++i)
            chosen.insert(i);
        begin = end + 1;
    }
    if (chosen.empty()) return bad();
    return std::vector<std::int64_t>(chosen.begin(), chosen.end());
}

std::string formatLayers(const std::vector<std::int64_t>& layers, std::int64_t total) {
    if (static_cast<std::int64_t>(layers.size()) == total) return "all";
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < layers.size();) {
        std::size_t j = i;
        while (j + 1 < layers.size() && layers[j + 1] == layers[j] + 1)
            ++j;
        parts.push_back(i == j ? std::to_string(layers[i]) : fmt::format("{}-{}", layers[i], layers[j]));
        i = j + 1;
    }
    return fmt::format("{}", fmt::join(parts, ","));
}

}  // namespace caravan::engine

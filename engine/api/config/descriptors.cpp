// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/config/descriptors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "engine/api/config/field_codecs.h"

namespace caravan::engine {
namespace {

using nlohmann::json;
using namespace fields;
using R = Recipe;
constexpr double kInt = 1e12;  // where only the machine is the limit

template <class T>
FieldType typeOf() {
    if constexpr (std::is_enum_v<T>)
        return FieldType::Choice;
    else if constexpr (std::is_same_v<T, double>)
        return FieldType::Real;
    else if constexpr (std::is_same_v<T, std::string>)
        return FieldType::Text;
    else if constexpr (std::is_same_v<T, std::vector<std::string>>)
        return FieldType::TextList;
    else if constexpr (std::is_same_v<T, std::vector<DataFile>>)
        return FieldType::FileList;
    else
        return FieldType::Integer;
}
template <class T>
struct Unwrapped {
    using Type = T;
    static constexpr bool kOptional = false;
};
template <class T>
struct Unwrapped<std::optional<T>> {
    using Type = T;
    static constexpr bool kOptional = true;
};

struct Text {
    const char* key;
    const char* label;
    const char* unit;
    const char* help;
};

// access: captureless lambda Recipe& -> member&.
template <class Access>
FieldDescriptor field(FieldGroup group, double minimum, double maximum, const Text& text, Access) {
    using Member = std::remove_reference_t<decltype(Access{}(std::declval<R&>()))>;
    using Inner = typename Unwrapped<Member>::Type;
    FieldDescriptor out;
    out.key = text.key;
    out.label = text.label;
    out.unit = text.unit;
    out.help = text.help;
    out.group = group;
    out.minimum = minimum;
    out.maximum = maximum;
    out.type = typeOf<Inner>();
    out.optional = Unwrapped<Member>::kOptional;
    if constexpr (std::is_enum_v<Inner>)
        for (const char* word : jsonvalues::Words<Inner>::kAll)
            out.choices.emplace_back(word);
    out.get = [](const R& recipe) { return Codec<Member>::get(Access{}(const_cast<R&>(recipe))); };
    static std::string key;  // one instantiation per row: its key finds the row
    key = text.key;
    out.set = [](R& recipe, const json& value) {
        return Codec<Member>::set(*findField(key), Access{}(recipe), value);
    };
    return out;
}

FieldDescriptor betas() {
    FieldDescriptor out;
    out.key = "tune.betas";
    out.label = "Betas";
    out.help = "Decay of AdamW's two running means.";
    out.group = FieldGroup::Training;
    out.type = FieldType::RealPair;
    out.minimum = 0;
    out.maximum = 0.999999;
    out.get = [](const R& r) { return json{r.tune.beta1, r.tune.beta2}; };
    out.set = [](R& r, const json& value) -> Result<void> {
        const FieldDescriptor& row = *findField("tune.betas");
        if (!value.is_array() || value.size() != 2 || !value[0].is_number() || !value[1].is_number() ||
            !inRange(row, value[0].get<double>()) || !inRange(row, value[1].get<double>()))
            return badValue(row.key, value, rangeText(row));
        r.tune.beta1 = value[0].get<double>();
        r.tune.beta2 = value[1].get<double>();
        return {};
    };
    return out;
}

FieldDescriptor loraTargets() {
    FieldDescriptor out = field(
        FieldGroup::Lora, 0, 0, {"tune.lora_targets", "LoRA on", "", "The linears that get a LoRA."},
        [](R & r) -> auto& { return r.tune.loraTargets; });
    out.choices = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
    return out;
}

FieldDescriptor templateName() {
    FieldDescriptor out = field(
        FieldGroup::Data, 0, 0,
        {"data.template", "Template", "",
         "How a conversation becomes text; model: the model's own chat template."},
        [](R & r) -> auto& { return r.data.templateName; });
    out.type = FieldType::Choice;
    out.choices.assign(kTemplateNames.begin(), kTemplateNames.end());
    out.set = [](R& r, const json& value) -> Result<void> {
        const FieldDescriptor& row = *findField("data.template");
        if (!value.is_string() ||
            std::ranges::find(row.choices, value.get<std::string>()) == row.choices.end())
            return badValue(row.key, value, rangeText(row));
        r.data.templateName = value.get<std::string>();
        return {};
    };
    return out;
}

#define AT(member)       \
    [](R & r) -> auto& { \
        return r.member; \
    }
std::vector<FieldDescriptor> makeFields() {
    using G = FieldGroup;
    return {
        field(G::Model, 0, 0,
              {"model.path", "Base model", "", "Folder of the dense model in Hugging Face layout."},
              AT(model.path)),
        field(G::Model, 0, 0,
              {"model.quantization", "Quantisation", "",
               "How the frozen weights are kept: NF4 needs a quarter of the memory of bf16."},
              AT(model.quantization)),
        field(G::Upcycle, 0, 0,
              {"upcycle.method", "Method", "",
               "pesc: adapters as experts over the shared feed-forward; none: LoRA alone."},
              AT(upcycle.method)),
        field(G::Upcycle, 1, 128, {"upcycle.experts", "Experts", "", "Experts in each sparse layer."},
              AT(upcycle.experts)),
        field(G::Upcycle, 1, 128, {"upcycle.top_k", "Active experts", "", "Experts that each token uses."},
              AT(upcycle.topK)),
        field(G::Upcycle, 1, 65536,
              {"upcycle.adapter_size", "Adapter size", "", "Width of each expert's bottleneck."},
              AT(upcycle.adapterSize)),
        field(G::Upcycle, 0, 1000,
              {"upcycle.scaling", "Adapter scaling", "", "Factor on what the experts add."},
              AT(upcycle.scaling)),
        field(G::Upcycle, 0, 0,
              {"upcycle.layers", "Sparse layers", "", "Layers that get experts: all, or for example 0-3,7."},
              AT(upcycle.layers)),
        field(G::Data, 0, 0,
              {"data.files", "Training files", "",
               "Rows to learn from; weight says how often each row is used in an epoch."},
              AT(data.files)),
        field(G::Data, 0, 0,
              {"data.heldout", "Held-out files", "", "Rows that are never learned, to measure by."},
              AT(data.heldout)),
        templateName(),
        field(G::Data, 0, 0,
              {"data.packing", "Packing", "",
               "packed: rows behind each other without attention across them; padded: one row per sequence."},
              AT(data.packing)),
        field(
            G::Data, 0, 0.9,
            {"data.heldout_fraction", "Held-out share", "",
             "Share of each file's rows that is kept apart to measure by, where no held-out file is given."},
            AT(data.heldoutFraction)),
        field(G::Data, 0, 0,
              {"data.long_rows", "Long rows", "",
               "Rows over the sequence length: cut their end, leave out whole turns, or drop the row."},
              AT(data.longRows)),
        field(G::Batch, 1, kInt,
              {"tune.steps", "Steps", "steps", "Optimizer steps; if not said, epochs count."},
              AT(tune.steps)),
        field(G::Batch, 1e-6, 10000, {"tune.epochs", "Epochs", "epochs", "Passes over the training rows."},
              AT(tune.epochs)),
        field(G::Batch, 1, 1e6, {"tune.batch_rows", "Batch", "rows", "Data rows per optimizer step."},
              AT(tune.batchRows)),
        field(G::Batch, 1, 1e6,
              {"tune.batch_sequences", "Batch in sequences", "sequences",
               "Packed sequences per optimizer step, instead of rows."},
              AT(tune.batchSequences)),
        field(G::Batch, 1, 1 << 24,
              {"tune.micro_batch_tokens", "Micro-batch", "tokens",
               "Most tokens that are computed at once; memory grows with it."},
              AT(tune.microBatchTokens)),
        field(G::Batch, 2, 1 << 24,
              {"tune.sequence_length", "Sequence length", "tokens",
               "Longer rows are cut; 2048 or the model's own length if not said."},
              AT(tune.sequenceLength)),
        field(G::Training, 0, 10,
              {"tune.learning_rate", "Learning rate", "", "Step size of the optimizer after the warm-up."},
              AT(tune.learningRate)),
        field(G::Training, 0, 0, {"tune.schedule", "Schedule", "", "Learning rate after the warm-up."},
              AT(tune.schedule)),
        field(G::Training, 0, 1,
              {"tune.warmup_ratio", "Warm-up", "", "Share of the steps in which the learning rate rises."},
              AT(tune.warmupRatio)),
        field(G::Training, 0, 1e6,
              {"tune.max_gradient_norm", "Gradient norm limit", "",
               "Larger gradients are scaled down to it; 0 switches it off."},
              AT(tune.maxGradientNorm)),
        field(G::Training, 0, 0,
              {"tune.optimizer", "Optimizer", "",
               "adamw_8bit keeps its running means in a quarter of the memory."},
              AT(tune.optimizer)),
        field(
            G::Training, 0, 0,
            {"tune.trained", "Trained values", "",
             "fp32: kept exactly; bf16: they and their gradients in bf16 alone, rounded at random, 6 bytes a "
             "value less on a GPU."},
            AT(tune.trained)),
        betas(),
        field(G::Advanced, 0, 1, {"tune.eps", "Epsilon", "", "Added to AdamW's root."}, AT(tune.eps)),
        field(G::Training, 0, 10,
              {"tune.weight_decay", "Weight decay", "", "Shrinks the trained values a little in each step."},
              AT(tune.weightDecay)),
        field(G::Lora, 0, 65536,
              {"tune.lora_rank", "LoRA rank", "", "Width of the LoRA of each linear; 0 is none."},
              AT(tune.loraRank)),
        field(G::Lora, 0, 1e6, {"tune.lora_alpha", "LoRA alpha", "", "The LoRA counts alpha / rank times."},
              AT(tune.loraAlpha)),
        field(G::Lora, 0, 0.999,
              {"tune.lora_dropout", "LoRA dropout", "", "Share of a LoRA's inputs dropped while training."},
              AT(tune.loraDropout)),
        loraTargets(),
        field(G::Routing, 0, 0.999,
              {"tune.adapter_dropout", "Adapter dropout", "",
               "Share of an expert's inputs dropped while training."},
              AT(tune.adapterDropout)),
        field(G::Routing, 0, 1000,
              {"tune.balance", "Balance", "",
               "Weight of the load-balance loss in each sparse layer; 0 switches it off."},
              AT(tune.balance)),
        field(G::Routing, 0, 0,
              {"tune.balance_scope", "Balance over", "", "Tokens over which the load is balanced."},
              AT(tune.balanceScope)),
        field(G::Advanced, 0, 0,
              {"tune.recompute", "Recompute", "",
               "What is computed again in the backward pass to save memory. rows: the experts' gathered "
               "inputs, "
               "which on a GPU are kept with none; gate_up: these and the FFN's gate and up; all: every "
               "layer."},
              AT(tune.recompute)),
        field(G::Advanced, 0, 0, {"tune.compute", "Compute in", "", "auto: fp32 on the CPU, bf16 on a GPU."},
              AT(tune.compute)),
        field(
            G::Advanced, 0, 0,
            {"tune.dequantization", "Frozen weights", "",
             "stream: NF4 is widened for every use; cache: once and kept, 2 bytes a weight more, the same "
             "values; fp8: rounded to e4m3 once and kept, 2 bytes a weight more, products of a step in fp8."},
            AT(tune.dequantization)),
        field(G::Advanced, 0, 0,
              {"tune.repeatability", "Repeatability", "",
               "exact: the same seed gives the same bits; fast: attention on a GPU may add in any order."},
              AT(tune.repeatability)),
        field(G::Advanced, 0, 0,
              {"tune.graph", "Short batches", "",
               "auto: on a GPU micro-batches of at most 8192 tokens are padded and launched as CUDA "
               "graphs; off: operation by operation."},
              AT(tune.graph)),
        field(G::Intervals, 0, kInt,
              {"tune.checkpoint_every", "Checkpoint every", "steps", "0: at the end only."},
              AT(tune.checkpointEvery)),
        field(G::Intervals, 0, kInt,
              {"tune.evaluate_every", "Evaluate every", "steps",
               "0: before the first step and at the end only."},
              AT(tune.evaluateEvery)),
        field(G::Intervals, 0, kInt, {"tune.sample_every", "Sample every", "steps", "0: never."},
              AT(tune.sampleEvery)),
        field(G::Intervals, 0, 0,
              {"tune.samples", "Sample prompts", "", "Prompts that are answered while tuning."},
              AT(tune.samples)),
        field(G::Intervals, 0, 0,
              {"tune.keep", "Keep", "",
               "newest: checkpoints of the interval; best: also one at each best held-out mean, kept until a "
               "better one."},
              AT(tune.keep)),
        field(G::Intervals, 0, kInt,
              {"tune.early_stop", "Stop early after", "evaluations",
               "Evaluations in a row without a better held-out mean; 0: never."},
              AT(tune.earlyStop)),
        field(G::Advanced, 0, 1.8446744073709552e19,
              {"seed", "Seed", "", "Every random choice follows from it."}, AT(seed)),
    };
}
#undef AT

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::string numberText(double value) {
    if (value == std::floor(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value);
    return fmt::format("{:g}", value);
}

}  // namespace

const std::vector<FieldDescriptor>& recipeFields() {
    static const std::vector<FieldDescriptor> fields = makeFields();
    return fields;
}

const FieldDescriptor* findField(std::string_view key) {
    for (const FieldDescriptor& field : recipeFields())
        if (field.key == key) return &field;
    return nullptr;
}

std::string nearestKey(std::string_view key) {
    if (key.size() > 200) return "";
    std::string best;
    std::size_t least = std::string::npos;
    for (const FieldDescriptor& field : recipeFields()) {
        // "lora_rnk" means tune.lora_rank: the name alone counts too.
        const std::string_view name = std::string_view(field.key).substr(field.key.find('.') + 1);
        std::size_t d =
            std::min(distance(key, field.key),
                     key.find('.') == std::string_view::npos ? distance(key, name) : std::string::npos);
        if (d < least) {
            least = d;
            best = field.key;
        }
    }
    return least <= std::max<std::size_t>(2, key.size() / 2) ? best : "";
}

std::string rangeText(const FieldDescriptor& field) {
    std::string text;
    switch (field.type) {
        case FieldType::Choice:
            text = fmt::format("{}", fmt::join(field.choices, " or "));
            break;
        case FieldType::TextList:
            text = field.choices.empty() ? "a list of texts"
                                         : fmt::format("a list of {}", fmt::join(field.choices, ", "));
            break;
        case FieldType::FileList:
            text = "a list of {path, name, weight, columns}";
            break;
        case FieldType::Text:
            text = "a text";
            break;
        case FieldType::Flag:
            text = "true or false";
            break;
        case FieldType::RealPair:
            text = fmt::format("two numbers, {} to {}", numberText(field.minimum), numberText(field.maximum));
            break;
        case FieldType::Integer:
        case FieldType::Real: {
            const char* kind = field.type == FieldType::Integer ? "a whole number" : "a number";
            text = field.maximum >= kInt ? fmt::format("{} of at least {}", kind, numberText(field.minimum))
                                         : fmt::format("{} from {} to {}", kind, numberText(field.minimum),
                                                       numberText(field.maximum));
        }
    }
    return field.optional ? text + ", or null" : text;
}

}  // namespace caravan::engine

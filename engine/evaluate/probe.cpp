// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/evaluate/probe.h"

#include <ATen/Functions.h>

#include <cstring>

#include "engine/formats/safetensors.h"
#include "engine/model/step_state.h"
#include "engine/train/answer_loss.h"

namespace caravan::engine::evaluate {
namespace {

[[noreturn]] void bad(const std::string& file, const std::string& place, const std::string& detail) {
    throw EngineException(ErrorCode::FileBad, {{"file", file}, {"place", place}, {"detail", detail}});
}

// [B, T] int64 or an undefined tensor.
at::Tensor readIds(const SafetensorsFile& file, const std::string& name) {
    const TensorInfo* info = file.find(name);
    if (!info) return {};
    if (info->shape.size() != 2 || (info->dtype != DType::I64 && info->dtype != DType::I32) ||
        info->elements() == 0)
        bad(file.path().string(), name, "not a filled [B, T] tensor of int64");
    at::Tensor ids = at::empty(info->shape, info->dtype == DType::I64 ? at::kLong : at::kInt);
    const auto bytes = file.bytes(*info);
    std::memcpy(ids.mutable_data_ptr(), bytes.data(), bytes.size());
    return ids.to(at::kLong);
}

struct Input {
    std::int64_t batch = 0, length = 0;
    model::Tokens tokens;
    std::optional<train::Targets> targets;
};

Input readInput(const model::Model& model, const std::string& path) {
    const auto file = unwrap(SafetensorsFile::open(path));
    const at::Tensor ids = readIds(file, "input_ids"), labels = readIds(file, "labels");
    if (!ids.defined()) bad(path, "input_ids", "the tensor is missing");
    if (labels.defined() && labels.sizes() != ids.sizes())
        bad(path, "labels", "the shape differs from input_ids");
    const std::int64_t vocabulary = model.config().vocabulary;
    if (ids.min().item<std::int64_t>() < 0 || ids.max().item<std::int64_t>() >= vocabulary)
        bad(path, "input_ids", "an id is outside of 0 to " + std::to_string(vocabulary - 1));
    if (labels.defined() && labels.max().item<std::int64_t>() >= vocabulary)
        bad(path, "labels", "a label is outside of 0 to " + std::to_string(vocabulary - 1));
    if (labels.defined() && labels.lt(0).logical_and_(labels.ne(-100)).any().item<bool>())
        bad(path, "labels", "a negative label is not -100, which says: not trained");
    Input input{.batch = ids.size(0), .length = ids.size(1)};
    const at::Tensor flat = ids.flatten().to(at::kInt);
    const std::vector<std::int64_t> lengths(static_cast<std::size_t>(input.batch), input.length);
    input.tokens =
        model::packTokens({flat.const_data_ptr<std::int32_t>(), static_cast<std::size_t>(flat.numel())},
                          lengths, model.device());
    if (!labels.defined()) return input;
    std::vector<std::int64_t> rows, wanted;
    const auto* label = labels.const_data_ptr<std::int64_t>();
    for (std::int64_t b = 0; b < input.batch; ++b)
        for (std::int64_t t = 0; t + 1 < input.length; ++t)
            if (const std::int64_t next = label[b * input.length + t + 1]; next >= 0) {
                rows.push_back(b * input.length + t);
                wanted.push_back(next);
            }
    if (!rows.empty())
        input.targets = train::Targets{at::tensor(rows, at::kLong).to(model.device()),
                                       at::tensor(wanted, at::kLong).to(model.device())};
    return input;
}

struct Output {
    TensorSpec spec;
    at::Tensor data;
};

void write(const std::string& path, const std::vector<Output>& outputs) {
    std::vector<TensorSpec> specs;
    for (const auto& output : outputs)
        specs.push_back(output.spec);
    auto writer = unwrap(SafetensorsWriter::create(path, std::move(specs)));
    for (const auto& output : outputs)
        unwrap(writer.write(output.spec.name, {static_cast<const std::byte*>(output.data.const_data_ptr()),
                                               static_cast<std::size_t>(output.data.nbytes())}));
    unwrap(writer.finish(SafetensorsWriter::Sync::No));
}

}  // namespace

void probe(model::Model& model, const ProbeRequest& request, std::stop_token stop) {
    const Input input = readInput(model, request.idsFile);
    if (request.backward && !input.targets)
        throw EngineException(ErrorCode::MissingOption, {{"key", "labels in " + request.idsFile}});
    if (request.backward && model.trainable().empty())
        throw EngineException(ErrorCode::BadOption,
                              {{"key", "backward"},
                               {"value", "true"},
                               {"range", "a model with experts or LoRA: nothing is trainable here"}});

    std::vector<Output> outputs;
    const auto put = [&](const std::string& name, const at::Tensor& tensor) {
        const at::Tensor host = tensor.to(at::kCPU, at::kFloat).contiguous();
        outputs.push_back({{name, {host.sizes().begin(), host.sizes().end()}, DType::F32}, host});
    };
    std::vector<moe::LayerRouting> routing;
    const at::Tensor hidden = model.forward(input.tokens, {.routing = &routing});
    put("logits", model.logits(hidden).view({input.batch, input.length, -1}));
    if (!routing.empty()) {
        std::vector<at::Tensor> logits;
        for (const auto& layer : routing)
            logits.push_back(layer.routing.logits.to(at::kFloat));
        put("router_logits", at::stack(logits));
    }
    if (stop.stop_requested()) throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
    if (input.targets) {
        const double trained = static_cast<double>(input.targets->rows.size(0));
        if (!request.backward) {
            put("loss",
                (train::answerLoss(hidden, model.head(), *input.targets, 1, false).sum / trained).view({1}));
        } else {
            const model::Tuning tuning;
            model::StepState state;
            model.trainable().prepareTuning();
            model.trainable().zeroGradients();
            const at::Tensor tuned = model.forwardForTuning(input.tokens, tuning, state);
            const auto loss = train::answerLoss(tuned, model.head(), *input.targets, 1.0 / trained, true);
            put("loss", (loss.sum / trained).view({1}));
            model.backward(loss.dHidden, input.tokens, tuning, state);
            for (const auto& parameter : model.trainable().parameters())
                put("grad." + parameter.key, model.trainable().gradient(parameter));
            model.trainable().releaseTuning();
        }
    }
    write(request.outFile, outputs);
}

}  // namespace caravan::engine::evaluate

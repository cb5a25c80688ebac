// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/Functions.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <span>

#include "engine/formats/dtypes.h"
#include "engine/formats/model_folder.h"
#include "engine/formats/peft.h"
#include "engine/formats/reference_run.h"
#include "engine/model/host_tensor.h"
#include "engine/model/layer.h"
#include "engine/model/model.h"

namespace caravan::engine::model {

at::ScalarType scalarType(DType type) {
    switch (type) {
        case DType::F32:
            return at::kFloat;
        case DType::F16:
            return at::kHalf;
        case DType::BF16:
            return at::kBFloat16;
        case DType::I64:
            return at::kLong;
        case DType::I32:
            return at::kInt;
        case DType::I8:
            return at::kChar;
        case DType::U8:
            return at::kByte;
        case DType::F64:
            return at::kDouble;
        case DType::Bool:
            return at::kBool;
    }
    return at::kFloat;
}

namespace {

template <class Source>
at::Tensor mapped(const Source& source, const std::string& key) {
    const TensorInfo* info = source.find(key);
    if (!info)
        throw EngineException(ErrorCode::FileBad,
                              {{"file", ""}, {"place", key}, {"detail", "tensor missing"}});
    const std::span<const std::byte> bytes = source.bytes(key);
    return at::from_blob(const_cast<std::byte*>(bytes.data()), info->shape,
                         at::TensorOptions().dtype(scalarType(info->dtype)));
}

}  // namespace

at::Tensor mappedTensor(const ModelFiles& files, const std::string& key) {
    return mapped(files, key);
}

at::Tensor mappedTensor(const WeightSource& weights, const std::string& key) {
    return mapped(weights, key);
}

// Reads a checked folder into a model.
class Loader {
  public:
    Loader(const ModelFolder& folder, const LoadOptions& options)
        : m_folder(folder),
          m_files(folder.files),
          m_options(options),
          m_model(
              std::make_unique<Model>(folder.config, options.device,
                                      options.type.value_or(computeType(options.compute, options.device)))) {
        m_progress.stage = "reading weights";
        m_progress.total = folder.config.layers + 1;
    }

    std::unique_ptr<Model> load() {
        const ModelConfig& config = m_folder.config;
        m_model->m_embedding = weight("model.embed_tokens.weight");
        m_model->m_head = config.tiedEmbeddings ? m_model->m_embedding : weight("lm_head.weight");
        m_model->m_finalNorm = weight("model.norm.weight");
        const std::vector<LinearShape> linears = layerLinears(config);
        for (std::int64_t layer = 0; layer < config.layers; ++layer) {
            step();
            m_model->m_layers.push_back(readLayer(layer, linears));
        }
        if (config.moe)
            for (const std::int64_t layer : config.moe->layers)
                readExperts(*config.moe, layer);
        m_model->finishAttach();
        step();
        return std::move(m_model);
    }

  private:
    void step() {
        if (m_options.stop.stop_requested())
            throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
        ++m_progress.done;
        if (m_options.progress) m_options.progress(m_progress);
    }

    // A copy of its own, in the compute type on the device.
    at::Tensor weight(const std::string& key) const {
        return mappedTensor(m_files, key)
            .to(at::TensorOptions().device(m_options.device).dtype(m_model->compute()), false, true);
    }

    ops::Nf4 readNf4(const std::string& key) const {
        const Nf4State state = unwrap(readNf4State(m_files, key));
        auto onDevice = [&](const std::string& name) {
            const at::Tensor mapped = mappedTensor(m_files, name).flatten();
            return mapped.to(m_options.device, mapped.scalar_type(), false, true);
        };
        ops::Nf4 nf4{.shape = state.shape,
                     .codes = onDevice(key),
                     .absmax = onDevice(key + ".absmax"),
                     .nestedAbsmax = {},
                     .nestedMap = {}};
        if (state.nested) {
            nf4.nestedAbsmax = onDevice(key + ".nested_absmax");
            nf4.nestedMap = onDevice(key + ".nested_quant_map");
            nf4.offset = state.nestedOffset;
        }
        return nf4;
    }

    void addPart(FrozenLinear& linear, const std::string& prefix, const LinearShape& shape) const {
        const std::string key = prefix + shape.name + ".weight";
        const at::ScalarType stored = scalarType(m_folder.config.storedType);
        if (isNf4(m_files, key)) {
            linear.add(shape.name, readNf4(key), scalarType(unwrap(readNf4State(m_files, key)).dtype));
        } else if (m_options.quantization == Quantization::Nf4) {
            const at::Tensor dense = mappedTensor(m_files, key).to(m_options.device, stored, false, true);
            linear.add(shape.name, ops::quantizeNf4(dense, true), stored);
        } else {
            linear.add(shape.name, weight(key));
        }
    }

    AdaptedLinear readLinear(const std::string& prefix, std::span<const LinearShape> shapes,
                             std::int32_t site) const {
        AdaptedLinear linear;
        linear.site = site;
        linear.lora.resize(shapes.size());
        std::vector<at::Tensor> biases;
        bool biased = false;
        for (const LinearShape& shape : shapes) {
            addPart(linear.frozen, prefix, shape);
            biased = biased || shape.bias;
            biases.push_back(
                shape.bias
                    ? weight(prefix + shape.name + ".bias")
                    : at::zeros({shape.out},
                                at::TensorOptions().device(m_options.device).dtype(m_model->compute())));
        }
        linear.frozen.finish();
        if (biased) linear.bias = at::cat(biases, 0);
        return linear;
    }

    Layer readLayer(std::int64_t index, std::span<const LinearShape> linears) const {
        const ModelConfig& config = m_folder.config;
        const std::string prefix = layerPrefix(index);
        Layer layer;
        layer.index = index;
        layer.inputNorm = weight(prefix + "input_layernorm.weight");
        layer.middleNorm = weight(prefix + "post_attention_layernorm.weight");
        if (config.qkNorm) {
            layer.queryNorm = weight(prefix + "self_attn.q_norm.weight");
            layer.keyNorm = weight(prefix + "self_attn.k_norm.weight");
        }
        layer.qkv = readLinear(prefix, linears.subspan(0, 3), 0);
        layer.out = readLinear(prefix, linears.subspan(3, 1), 3);
        layer.gateUp = readLinear(prefix, linears.subspan(4, 2), 4);
        layer.down = readLinear(prefix, linears.subspan(6, 1), 6);
        const auto& sliding = config.slidingLayers;
        if (config.slidingWindow &&
            (sliding.empty() || std::find(sliding.begin(), sliding.end(), index) != sliding.end()))
            layer.window = config.slidingWindow;
        return layer;
    }

    void readExperts(const MoeConfig& moe, std::int64_t layer) {
        std::vector<at::Tensor> down, up;
        for (std::int64_t expert = 0; expert < moe.experts; ++expert) {
            down.push_back(
                mappedTensor(m_files, adapterKey(moe.keyStyle, layer, expert, false)).to(at::kFloat));
            up.push_back(mappedTensor(m_files, adapterKey(moe.keyStyle, layer, expert, true)).to(at::kFloat));
        }
        m_model->addExperts(moe, layer, mappedTensor(m_files, routerKey(layer)).to(at::kFloat),
                            at::stack(down), at::stack(up));
    }

    const ModelFolder& m_folder;
    const ModelFiles& m_files;
    const LoadOptions& m_options;
    std::unique_ptr<Model> m_model;
    Progress m_progress;
};

namespace {

std::unique_ptr<Model> loadFolder(const std::filesystem::path& folder, const LoadOptions& options) {
    const ModelFolder opened = unwrap(openModelFolder(folder));
    return Loader(opened, options).load();
}

// Values alias the mapped files until finishAttach() has copied them.
void addPeft(Model& model, const std::filesystem::path& folder) {
    const PeftFolder peft = unwrap(openPeftFolder(folder, model.config()));
    for (const LoraPair& pair : peft.pairs)
        model.addLora(pair.layer, pair.linear, pair.scale, mappedTensor(peft.files, pair.aName),
                      mappedTensor(peft.files, pair.bName));
    model.finishAttach();
}

// The dense base, its experts from moe_model.bin and its LoRA.
std::unique_ptr<Model> loadReferenceRun(const std::filesystem::path& folder, const LoadOptions& options) {
    std::unique_ptr<Model> model =
        loadFolder(options.base ? std::filesystem::path(*options.base) : referenceBase(folder), options);
    if (model->config().moe)
        throw EngineException(ErrorCode::Unsupported,
                              {{"what", "A reference run on a mixture"}, {"detail", "its base is dense"}});
    const ReferenceRun run = unwrap(openReferenceRun(folder, model->config(), options.reference));
    if (!run.lora.empty()) addPeft(*model, run.lora);
    for (const std::int64_t layer : run.moe.layers) {
        std::vector<at::Tensor> down, up;
        for (std::int64_t expert = 0; expert < run.moe.experts; ++expert)
            for (const bool second : {false, true})
                (second ? up : down)
                    .push_back(mappedTensor(run.experts, adapterKey(run.moe.keyStyle, layer, expert, second))
                                   .to(at::kFloat));
        model->addExperts(run.moe, layer, mappedTensor(run.experts, routerKey(layer)).to(at::kFloat),
                          at::stack(down), at::stack(up));
    }
    model->finishAttach();
    return model;
}

}  // namespace

std::unique_ptr<Model> loadModel(const std::filesystem::path& folder, const LoadOptions& options) {
    if (isReferenceRun(folder)) return loadReferenceRun(folder, options);
    if (!isPeftFolder(folder)) return loadFolder(folder, options);
    const PeftConfig config = unwrap(readPeftConfig(folder));
    std::unique_ptr<Model> model =
        loadFolder(options.base ? std::filesystem::path(*options.base) : peftBase(config, folder), options);
    addPeft(*model, folder);
    return model;
}

}  // namespace caravan::engine::model

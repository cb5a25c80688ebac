// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/checkpoint/model_parts.h"

#include <ATen/Functions.h>

#include <map>

#include "engine/formats/peft.h"
#include "engine/model/host_tensor.h"
#include "engine/quant/nf4_tensors.h"

namespace caravan::engine::checkpoint {
namespace {

at::Tensor tuned(model::Model& model, const std::string& key) {
    const auto* parameter = model.trainable().find(key);
    if (!parameter) throw EngineException(ErrorCode::Internal, {{"detail", "no tuned tensor " + key}});
    return model.trainable().value(*parameter);
}

class PartMaker {
  public:
    PartMaker(const ModelFolder& source, model::Model& model, const ModelConfig& written, bool mergeLora)
        : m_source(source),
          m_model(model),
          m_written(written),
          m_stored(model::scalarType(written.storedType)) {
        for (std::int64_t layer = 0; layer < written.layers; ++layer)
            for (const auto& linear : layerLinears(written))
                m_linears[layerPrefix(layer) + linear.name + ".weight"] = {layer, linear.name, {}};
        if (mergeLora)
            for (const auto& lora : model.loraInfo())
                m_linears.at(layerPrefix(lora.layer) + lora.linear + ".weight").scale = lora.scale;
        if (written.moe) nameExperts();
    }

    ModelPart make(const TensorSpec& wanted) const {
        if (const auto expert = m_experts.find(wanted.name); expert != m_experts.end())
            return {{wanted},
                    [this, key = expert->second] { return std::vector{stored(tuned(m_model, key))}; }};
        if (const auto linear = m_linears.find(wanted.name); linear != m_linears.end())
            return makeLinear(wanted, linear->second);
        return copy(wanted.name);
    }

  private:
    struct Linear {
        std::int64_t layer = 0;
        std::string name;
        std::optional<double> scale;  // of the LoRA to merge
    };

    // Written key -> key in the model, which may have the other spelling.
    void nameExperts() {
        const MoeConfig& moe = *m_written.moe;
        const AdapterKeyStyle own = m_model.config().moe->keyStyle;
        for (const auto layer : moe.layers) {
            m_experts[routerKey(layer)] = routerKey(layer);
            for (std::int64_t expert = 0; expert < moe.experts; ++expert)
                for (const bool up : {false, true})
                    m_experts[adapterKey(moe.keyStyle, layer, expert, up)] =
                        adapterKey(own, layer, expert, up);
        }
    }

    [[nodiscard]] at::Tensor stored(const at::Tensor& tensor) const {
        return tensor.to(at::kCPU, m_stored).contiguous();
    }

    [[nodiscard]] ModelPart copy(const std::string& name) const {
        const TensorInfo* info = m_source.files.find(name);
        if (!info)
            throw EngineException(ErrorCode::FileBad, {{"file", m_source.folder.string()},
                                                       {"place", "tensor " + name},
                                                       {"detail", "it is missing"}});
        return {{{name, info->shape, info->dtype}},
                [this, name] { return std::vector{model::mappedTensor(m_source.files, name)}; }};
    }

    [[nodiscard]] ModelPart makeLinear(const TensorSpec& wanted, const Linear& linear) const {
        const ops::Nf4* nf4 = m_model.nf4Of(linear.layer, linear.name);
        if (linear.scale)
            return {{wanted}, [this, linear, nf4, name = wanted.name] {
                        return std::vector{merged(linear, nf4, name)};
                    }};
        if (!nf4) return copy(wanted.name);
        if (!m_written.quantizedNf4)
            return {{wanted}, [this, nf4] { return std::vector{stored(dequantised(*nf4))}; }};
        ModelPart part;
        std::vector<at::Tensor> tensors;
        for (auto& tensor : quant::nf4Tensors(wanted.name, *nf4, m_written.storedType)) {
            part.specs.push_back(tensor.spec);
            tensors.push_back(tensor.data);
        }
        part.make = [tensors = std::move(tensors)] { return tensors; };
        return part;
    }

    [[nodiscard]] at::Tensor dequantised(const ops::Nf4& nf4) const {
        at::Tensor out =
            at::empty(nf4.shape, at::TensorOptions().dtype(at::kFloat).device(nf4.codes.device()));
        ops::dequantizeNf4(nf4, m_stored, out);
        return out;
    }

    [[nodiscard]] at::Tensor merged(const Linear& linear, const ops::Nf4* nf4,
                                    const std::string& name) const {
        const at::Tensor a = tuned(m_model, loraKey(linear.layer, linear.name, false)),
                         b = tuned(m_model, loraKey(linear.layer, linear.name, true));
        const at::Tensor dense =
            nf4 ? dequantised(*nf4) : model::mappedTensor(m_source.files, name).to(a.device(), at::kFloat);
        return stored(at::addmm(dense, b.to(at::kFloat), a.to(at::kFloat), 1, *linear.scale));
    }

    const ModelFolder& m_source;
    model::Model& m_model;
    ModelConfig m_written;
    at::ScalarType m_stored;
    std::map<std::string, Linear> m_linears;
    std::map<std::string, std::string> m_experts;
};

}  // namespace

std::vector<ModelPart> modelParts(const ModelFolder& source, model::Model& model, const ModelConfig& written,
                                  bool mergeLora) {
    const auto maker = std::make_shared<PartMaker>(source, model, written, mergeLora);
    std::vector<ModelPart> parts;
    for (const auto& wanted : expectedTensors(written)) {
        ModelPart part = maker->make(wanted);
        part.make = [maker, make = std::move(part.make)] { return make(); };
        parts.push_back(std::move(part));
    }
    return parts;
}

}  // namespace caravan::engine::checkpoint

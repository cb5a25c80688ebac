// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/reference_run.h"

#include <fmt/format.h>

#include <unordered_set>

#include "engine/formats/dtypes.h"
#include "engine/formats/model_folder.h"
#include "engine/formats/peft.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;
constexpr const char* kExperts = "moe_model.bin";
constexpr const char* kPrefix = "base_model.model.";
constexpr std::int64_t kMostExperts = 128;

fs::path loraFolder(const fs::path& folder) {
    for (const fs::path& place : {folder / "adapter_model", folder})
        if (isPeftFolder(place)) return place;
    return {};
}

class Checker {
  public:
    Checker(const WeightSource& experts, const ModelConfig& base) : m_experts(experts), m_base(base) {}

    MoeConfig check(const ReferenceChoices& choices) {
        MoeConfig moe;
        moe.topK = choices.topK;
        moe.scaling = choices.scaling;
        for (std::int64_t layer = 0; layer < m_base.layers; ++layer)
            if (m_experts.find(routerKey(layer))) moe.layers.push_back(layer);
        if (moe.layers.empty()) bad(routerKey(0), "no layer of the base has a router");
        const std::int64_t first = moe.layers.front();
        if (m_experts.find(adapterKey(AdapterKeyStyle::Sparsetral, first, 0, false)))
            moe.keyStyle = AdapterKeyStyle::Sparsetral;
        const auto& router = matrix(routerKey(first));
        const auto& down = matrix(adapterKey(moe.keyStyle, first, 0, false));
        moe.experts = router.shape[0];
        moe.adapterSize = down.shape[0];
        if (moe.experts < 1 || moe.experts > kMostExperts)
            bad(routerKey(first),
                fmt::format("it is for {} experts, 1 to {} work", moe.experts, kMostExperts));
        if (moe.topK < 1 || moe.topK > moe.experts)
            throw EngineException(ErrorCode::BadOption,
                                  {{"key", "--top-k"},
                                   {"value", std::to_string(moe.topK)},
                                   {"range", fmt::format("1 to {}, the experts there are", moe.experts)}});
        for (const std::int64_t layer : moe.layers)
            checkLayer(moe, layer);
        for (const TensorInfo* tensor : m_experts.tensors())
            if (!m_known.contains(tensor->name)) bad(tensor->name, "it belongs to no expert of the base");
        return moe;
    }

  private:
    [[noreturn]] void bad(const std::string& name, std::string detail) const {
        throw EngineException(ErrorCode::FileBad, {{"file", m_experts.pathOf(name).string()},
                                                   {"place", "tensor " + name.substr(0, 300)},
                                                   {"detail", std::move(detail)}});
    }
    const TensorInfo& matrix(const std::string& name) const {
        const TensorInfo* tensor = m_experts.find(name);
        if (!tensor) bad(name, "it is missing");
        if (tensor->shape.size() != 2) bad(name, fmt::format("its shape is {}", shapeText(tensor->shape)));
        return *tensor;
    }
    void checkOne(const std::string& name, const std::vector<std::int64_t>& shape) {
        const TensorInfo& tensor = matrix(name);
        if (tensor.shape != shape)
            bad(name,
                fmt::format("its shape is {}, {} was expected", shapeText(tensor.shape), shapeText(shape)));
        if (tensor.dtype != DType::F32 && tensor.dtype != DType::F16 && tensor.dtype != DType::BF16)
            bad(name, fmt::format("it is stored as {}", safetensorsName(tensor.dtype)));
        m_known.insert(name);
    }
    void checkLayer(const MoeConfig& moe, std::int64_t layer) {
        checkOne(routerKey(layer), {moe.experts, m_base.hidden});
        for (std::int64_t expert = 0; expert < moe.experts; ++expert) {
            checkOne(adapterKey(moe.keyStyle, layer, expert, false), {moe.adapterSize, m_base.hidden});
            checkOne(adapterKey(moe.keyStyle, layer, expert, true), {m_base.hidden, moe.adapterSize});
        }
    }

    const WeightSource& m_experts;
    const ModelConfig& m_base;
    std::unordered_set<std::string> m_known;
};

}  // namespace

bool isReferenceRun(const fs::path& folder) {
    std::error_code ignored;
    return fs::is_regular_file(folder / kExperts, ignored);
}

fs::path referenceBase(const fs::path& folder) {
    const fs::path lora = loraFolder(folder);
    fs::path base;
    if (!lora.empty()) base = peftBase(unwrap(readPeftConfig(lora)), lora);
    std::error_code ignored;
    if (base.empty() || !fs::is_directory(base, ignored))
        throw EngineException(ErrorCode::MissingOption,
                              {{"key", "--base, the folder of the dense model that was tuned,"}});
    return base;
}

Result<ReferenceRun> openReferenceRun(const fs::path& folder, const ModelConfig& base,
                                      const ReferenceChoices& choices) {
    auto experts = WeightSource::openBin(folder / kExperts, kPrefix);
    if (!experts) return tl::unexpected(experts.error());
    try {
        MoeConfig moe = Checker(*experts, base).check(choices);
        return ReferenceRun{std::move(*experts), std::move(moe), loraFolder(folder)};
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
}

}  // namespace caravan::engine

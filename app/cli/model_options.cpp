// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/model_options.h"

#include "app/cli/recipe_options.h"

namespace caravan::cli {

void ModelOptions::define(CLI::App& app, const std::string& defaultCompute) {
    compute = defaultCompute;
    app.add_option("--base", base,
                   "Base model of a PEFT LoRA folder; default: the one its adapter_config.json names")
        ->type_name("DIR");
    app.add_option("--quantization", quantization, "nf4 or none; default none")
        ->type_name("WORD")
        ->check(CLI::IsMember({"nf4", "none"}));
    app.add_option("--compute", compute, "auto, fp32 or bf16; default " + defaultCompute)
        ->type_name("WORD")
        ->check(CLI::IsMember({"auto", "fp32", "bf16"}));
}

engine::Result<engine::ModelSource> ModelOptions::source(const std::string& model) const {
    engine::ModelSource source;
    auto path = resolveModel(model);
    if (!path) return tl::unexpected(path.error());
    source.path = *path;
    if (!base.empty()) {
        auto found = resolveModel(base);
        if (!found) return tl::unexpected(found.error());
        source.base = *found;
    }
    source.quantization = quantization == "nf4" ? engine::Quantization::Nf4 : engine::Quantization::None;
    source.compute = compute == "fp32"   ? engine::Compute::Fp32
                     : compute == "bf16" ? engine::Compute::Bf16
                                         : engine::Compute::Auto;
    return source;
}

}  // namespace caravan::cli

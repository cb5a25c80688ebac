// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <filesystem>

#include "app/cli/model_options.h"
#include "engine/api/event_json.h"
#include "engine/formats/model_folder.h"

namespace caravan::cli {
namespace fs = std::filesystem;
namespace {

struct Options {
    ModelOptions model;
    std::string path, format = "camelidae", out;
    std::optional<std::int64_t> topK;  // of a reference run
    std::optional<double> scaling;
};

int exportModel(Context& context, const Options& options, bool import) {
    auto source = options.model.source(options.path);
    if (!source) return context.fail(source.error());
    source->topK = options.topK;
    source->scaling = options.scaling;
    if (fs::exists(options.out) && !(fs::is_directory(options.out) && fs::is_empty(options.out)))
        return context.fail({engine::ErrorCode::AlreadyExists, {{"path", options.out}}});
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    const auto out = fs::absolute(options.out).lexically_normal().string();
    const auto done = (*opened)->exportModel(
        *source, {options.format, out}, [&](const auto& p) { context.progress(p); }, context.stopToken());
    context.clearProgress();
    if (!done) return context.fail(done.error());
    nlohmann::json object = {{"out", out},
                             {"format", options.format},
                             {"max_abs_logit_difference", done->maxAbsLogitDifference},
                             {"bytes", done->bytes}};
    if (import) {
        const auto inspection = engine::inspectModel(out);
        if (!inspection) return context.fail(inspection.error());
        object.update(nlohmann::json(*inspection));
    }
    context.emit(object);
    context.print(fmt::format("{}\n  {} {}, {}; read back: largest logit difference {:g}\n", out,
                              import ? "imported as" : "exported as", options.format, bytesText(done->bytes),
                              done->maxAbsLogitDifference));
    return 0;
}

const Registration kExport{"export", "Writes a model in another layout, reads it back and compares logits",
                           50, [](CLI::App& app, Context& context) -> Action {
                               auto options = std::make_shared<Options>();
                               app.add_option("MODEL", options->path, "Model folder, run, or RUN@STEP")
                                   ->type_name("MODEL")
                                   ->required();
                               app.add_option("--format", options->format,
                                              "camelidae, sparsetral, merged or adapters")
                                   ->type_name("WORD")
                                   ->check(CLI::IsMember({"camelidae", "sparsetral", "merged", "adapters"}))
                                   ->required();
                               app.add_option("--out", options->out, "Folder to write; must be new or empty")
                                   ->type_name("DIR")
                                   ->required();
                               options->model.define(app);
                               return [options, &context] { return exportModel(context, *options, false); };
                           }};

const Registration kImport{
    "import", "Takes in a model in the Camelidae or Sparsetral layout, or a run of the released PESC code",
    51, [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("SOURCE", options->path,
                       "Model folder in the Camelidae or Sparsetral layout, or a checkpoint folder of the "
                       "released code: moe_model.bin, read without running anything, beside adapter_model/")
            ->type_name("DIR")
            ->required();
        app.add_option("--out", options->out, "Folder to write; must be new or empty")
            ->type_name("DIR")
            ->required();
        app.add_option("--base", options->model.base,
                       "Dense model that was tuned; default: the one that adapter_config.json names")
            ->type_name("DIR");
        app.add_option("--top-k", options->topK,
                       "Experts that each token uses, which a moe_model.bin does not say; default 2")
            ->type_name("N")
            ->check(CLI::Range(1, 128));
        app.add_option("--scaling", options->scaling,
                       "Factor on what the experts add, which a moe_model.bin does not say; default 1")
            ->type_name("X");
        return [options, &context] { return exportModel(context, *options, true); };
    }};

}  // namespace
}  // namespace caravan::cli

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include "app/cli/model_options.h"

namespace caravan::cli {
namespace fs = std::filesystem;
namespace {

struct Options {
    ModelOptions model;
    std::string path;
    engine::ProbeRequest request;
};

int probe(Context& context, const Options& options) {
    const auto source = options.model.source(options.path);
    if (!source) return context.fail(source.error());
    if (!fs::exists(options.request.idsFile))
        return context.fail({engine::ErrorCode::FileMissing, {{"file", options.request.idsFile}}});
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    const auto done = (*opened)->probe(*source, options.request, context.stopToken());
    if (!done) return context.fail(done.error());
    context.emit({{"out", fs::absolute(options.request.outFile).lexically_normal().string()},
                  {"bytes", fs::file_size(options.request.outFile)}});
    context.print(options.request.outFile + "\n");
    return 0;
}

const Registration kProbe{"probe",
                          "Logits, loss and gradients of given ids, to compare with other implementations",
                          60, [](CLI::App& app, Context& context) -> Action {
                              auto options = std::make_shared<Options>();
                              app.add_option("MODEL", options->path, "Model folder, run, or RUN@STEP")
                                  ->type_name("MODEL")
                                  ->required();
                              app.add_option("--ids", options->request.idsFile,
                                             "safetensors with input_ids [B,T] int64 and, for a loss, labels "
                                             "[B,T] int64 (-100: not trained)")
                                  ->type_name("FILE")
                                  ->required();
                              app.add_option("--out", options->request.outFile,
                                             "safetensors to write: logits, router_logits, loss, grad.KEY")
                                  ->type_name("FILE")
                                  ->required();
                              app.add_flag("--backward", options->request.backward,
                                           "Gradients of all that is trainable; needs labels");
                              options->model.define(app, "fp32");
                              return [options, &context] { return probe(context, *options); };
                          }};

}  // namespace
}  // namespace caravan::cli

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/command.h"
#include "app/cli/model_folder_of.h"
#include "engine/formats/bounded_json.h"
#include "engine/tokenizer/chat_template.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::cli {
namespace fs = std::filesystem;

namespace {

struct Options {
    std::string source, messages, bos, eos;
    bool addGenerationPrompt = false, bosGiven = false, eosGiven = false;
};

struct Source {
    engine::ChatTemplate chat;
    engine::TemplateOptions options;
};

engine::Result<Source> sourceOf(const Options& options) {
    Source out{engine::ChatTemplate::pesc(),
               {.addGenerationPrompt = options.addGenerationPrompt, .bos = {}, .eos = {}}};
    std::error_code ignored;
    if (fs::is_regular_file(options.source, ignored)) {
        auto text = engine::readTextFile(options.source, 4u << 20);
        if (!text) return tl::unexpected(text.error());
        out.chat = engine::ChatTemplate::fromSource(std::move(*text), options.source);
    } else {
        const auto place = tokenizerPlace(options.source);
        if (!place) return tl::unexpected(place.error());
        auto chat = engine::ChatTemplate::load(*place);
        if (!chat) return tl::unexpected(chat.error());
        out.chat = std::move(*chat);
        // A folder with a template alone has no names for bos and eos.
        if (const auto tokenizer = engine::loadTokenizer(*place)) {
            if (const auto bos = (*tokenizer)->bosId()) out.options.bos = (*tokenizer)->pieceName(*bos);
            if (const auto eos = (*tokenizer)->eosId()) out.options.eos = (*tokenizer)->pieceName(*eos);
        } else if (tokenizer.error().code != engine::ErrorCode::FileMissing) {
            return tl::unexpected(tokenizer.error());
        }
    }
    if (options.bosGiven) out.options.bos = options.bos;
    if (options.eosGiven) out.options.eos = options.eos;
    return out;
}

int render(Context& context, const Options& options) {
    const auto source = sourceOf(options);
    if (!source) return context.fail(source.error());
    const auto messages = engine::readMessages(options.messages);
    if (!messages) return context.fail(messages.error());
    const auto chat = source->chat.render(*messages, source->options);
    if (!chat) return context.fail(chat.error());
    context.emit({{"text", chat->text}});
    context.print(chat->text);
    return 0;
}

const Registration kTemplate{
    "template", "Renders a chat template", 12, [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("SOURCE", options->source, "Model folder, or a template FILE.jinja")->required();
        app.add_option("--messages", options->messages, "JSON list of {role, content}")
            ->type_name("FILE")
            ->required();
        app.add_flag("--add-generation-prompt", options->addGenerationPrompt,
                     "End with the begin of the assistant's turn");
        const CLI::Option* bos =
            app.add_option("--bos", options->bos, "Text of the begin token; default: the model's")
                ->type_name("TEXT");
        const CLI::Option* eos =
            app.add_option("--eos", options->eos, "Text of the end token; default: the model's")
                ->type_name("TEXT");
        return [options, bos, eos, &context] {
            options->bosGiven = bos->count() > 0;
            options->eosGiven = eos->count() > 0;
            return render(context, *options);
        };
    }};

}  // namespace
}  // namespace caravan::cli

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "app/cli/chat_batch.h"
#include "app/cli/chat_output.h"
#include "app/cli/model_options.h"
#include "app/cli/steer_options.h"

namespace caravan::cli {
namespace {

struct Options {
    ModelOptions model;
    SteerOptions steer;
    std::string path, system, prompts;
    std::optional<std::string> prompt;
    std::int64_t n = 1;  // answers to each prompt
    engine::GenerateOptions generate;
    bool greedy = false, routing = false, compare = false;
};

struct Answer {
    std::string text;
    std::vector<engine::TokenEvent> tokens;
};

// tag: what the JSON objects of this answer carry beside, or nothing.
engine::Result<Answer> answer(Context& context, engine::Engine& engine, const engine::ModelSource& source,
                              const Options& options, const engine::GenerateOptions& how,
                              const std::vector<engine::ChatMessage>& messages,
                              const nlohmann::json& tag = nlohmann::json::object()) {
    Answer made;
    const auto token = [&](const engine::TokenEvent& t) {
        nlohmann::json object = tokenObject(t, options.routing || context.json);
        object.update(tag);
        context.emit(object);
        context.print(t.text);
        made.tokens.push_back(t);
    };
    const auto summary = engine.generate(
        source, messages, how, token, [&](const auto& p) { context.progress(p); }, context.stopToken());
    if (!summary) return tl::unexpected(summary.error());
    context.print("\n");
    nlohmann::json last = summaryObject(*summary);
    last.update(tag);
    context.emit(last);
    if (options.routing) context.print(routingLines(made.tokens));
    if (context.verbose)
        context.note(fmt::format("{} tokens, {:.1f} tokens/s, first after {}", summary->tokens,
                                 summary->tokensPerSecond, durationText(summary->secondsToFirstToken)));
    made.text = summary->text;
    return made;
}

// Tokens of the answer alone: an end token only carries text that was held back.
std::vector<std::int32_t> idsOf(const Answer& answer) {
    std::vector<std::int32_t> ids;
    for (const auto& t : answer.tokens)
        if (!t.bytes.empty()) ids.push_back(t.id);
    return ids;
}

void tellChange(Context& context, const Options& options, const Answer& plain, const Answer& steered,
                const engine::AnswerScore& score) {
    const auto ids = idsOf(plain), others = idsOf(steered);
    const auto first = static_cast<std::size_t>(
        std::mismatch(ids.begin(), ids.end(), others.begin(), others.end()).first - ids.begin());
    nlohmann::json tokens = nlohmann::json::array();
    std::string table =
        fmt::format("Same answer, {}: log-probability before, after, change\n", options.steer.words());
    double sum = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const double before = score.logprobs[0][i], after = score.logprobs[1][i];
        sum += after - before;
        tokens.push_back({{"id", ids[i]},
                          {"text", plain.tokens[i].text},
                          {"logprob", before},
                          {"logprob_changed", after},
                          {"change", after - before}});
        table += fmt::format("{:<16} {:>8.3f} {:>8.3f} {:>+8.3f}\n", quotedPiece(plain.tokens[i].text),
                             before, after, after - before);
    }
    const double mean = ids.empty() ? 0 : sum / static_cast<double>(ids.size());
    const bool same = ids == others;
    table += fmt::format("mean change {:+.4f} over {} tokens; {}\n", mean, ids.size(),
                         same ? "the answer stays the same"
                              : fmt::format("the first different token is number {}", first + 1));
    context.print(table);
    nlohmann::json result = {{"type", "change"},
                             {"tokens", std::move(tokens)},
                             {"mean_change", mean},
                             {"first_different_token", nullptr}};
    if (!same) result["first_different_token"] = first;
    context.emit(result);
}

// The plain answer, the steered one with the same seed, and how probable the plain one is under steering.
engine::Result<std::string> compare(Context& context, engine::Engine& engine,
                                    const engine::ModelSource& source, const Options& options,
                                    const std::vector<engine::ChatMessage>& messages) {
    auto* scorer = dynamic_cast<engine::AnswerScorer*>(&engine);
    if (!scorer)
        return engine::fail(engine::ErrorCode::Unsupported,
                            {{"what", "--compare"}, {"detail", "this engine was built without it"}});
    engine::GenerateOptions plainly = options.generate;
    plainly.steer.clear();
    plainly.activeExperts.reset();
    const auto plain = answer(context, engine, source, options, plainly, messages, {{"answer", "plain"}});
    if (!plain) return tl::unexpected(plain.error());
    context.print(fmt::format("\n{}, same seed:\n", options.steer.words()));
    const auto steered =
        answer(context, engine, source, options, options.generate, messages, {{"answer", "steered"}});
    if (!steered) return tl::unexpected(steered.error());
    engine::ScoreRequest request{.source = source,
                                 .messages = messages,
                                 .raw = options.generate.raw,
                                 .answer = idsOf(*plain),
                                 .changes = {{}, options.steer.change}};
    engine::AnswerScore score{{{}, {}}};
    if (!request.answer.empty()) {
        const auto read = scorer->score(
            request, [&](const auto& p) { context.progress(p); }, context.stopToken());
        if (!read) return tl::unexpected(read.error());
        score = *read;
    }
    context.print("\n");
    tellChange(context, options, *plain, *steered, score);
    return steered->text;
}

engine::Result<std::string> reply(Context& context, engine::Engine& engine, const engine::ModelSource& source,
                                  const Options& options, const std::vector<engine::ChatMessage>& messages) {
    if (options.compare) return compare(context, engine, source, options, messages);
    return answer(context, engine, source, options, options.generate, messages).map([](const Answer& made) {
        return made.text;
    });
}

int converse(Context& context, engine::Engine& engine, const engine::ModelSource& source,
             const Options& options, std::vector<engine::ChatMessage> messages) {
    const bool terminal = isatty(STDIN_FILENO) && !context.json;
    std::string line;
    while (true) {
        if (terminal) context.print("> ");
        if (!std::getline(std::cin, line)) break;
        messages.push_back({"user", line});
        const auto text = reply(context, engine, source, options, messages);
        if (!text) return context.fail(text.error());
        messages.push_back({"assistant", *text});
    }
    if (terminal) context.print("\n");
    return 0;
}

// Several answers: to the one prompt, or to each of the file's.
int chatBatch(Context& context, const engine::ModelSource& source, const Options& options) {
    if (!options.prompt && options.prompts.empty())
        return context.failUsage("--n needs --prompt or --prompts: a conversation has one answer at a time");
    if (options.prompt && !options.prompts.empty())
        return context.failUsage("--prompt and --prompts: one of them");
    if (options.compare) return context.failUsage("--compare is for one answer: without --n and --prompts");
    std::vector<PromptRow> rows;
    if (options.prompt) {
        rows.push_back({.prompt = *options.prompt});
    } else {
        auto read = readPrompts(options.prompts);
        if (!read) return context.fail(read.error());
        rows = std::move(*read);
    }
    engine::BatchRequest request{.source = source};
    for (const PromptRow& row : rows)
        addAnswers(row, options.system, options.generate, options.n, request);
    return writeBatch(context, request, {.routing = options.routing, .prompts = !options.prompts.empty()});
}

int chat(Context& context, Options& options) {
    const auto source = options.model.source(options.path);
    if (!source) return context.fail(source.error());
    if (options.greedy) options.generate.temperature = 0;
    options.generate.seed = context.seed;
    options.generate.routing = options.routing || context.json;
    options.generate.steer = options.steer.change.steer;
    options.generate.activeExperts = options.steer.change.activeExperts;
    if (options.compare && options.steer.change.none())
        return context.failUsage("--compare needs a change: --mute, --force, --bias or --k");
    if (options.n > 1 || !options.prompts.empty()) return chatBatch(context, *source, options);
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    std::vector<engine::ChatMessage> messages;
    if (!options.system.empty()) messages.push_back({"system", options.system});
    if (!options.prompt) return converse(context, **opened, *source, options, std::move(messages));
    messages.push_back({"user", *options.prompt});
    const auto text = reply(context, **opened, *source, options, messages);
    return text ? 0 : context.fail(text.error());
}

const Registration kChat{
    "chat", "One answer, or a conversation on the terminal", 40,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        options->generate.alternatives = 0;
        auto& g = options->generate;
        app.add_option("MODEL", options->path, "Model folder, run, or RUN@STEP")
            ->type_name("MODEL")
            ->required();
        app.add_option_function<std::string>(
               "--prompt", [options](const std::string& text) { options->prompt = text; },
               "One answer to this; may be empty")
            ->type_name("TEXT");
        app.add_option("--n", options->n,
                       "Answers to each prompt, with this seed and the next ones, written together; 1 to "
                       "10,000; default 1")
            ->type_name("N")
            ->check(CLI::Range(std::int64_t{1}, std::int64_t{10000}));
        app.add_option(
               "--prompts", options->prompts,
               "Answers to each prompt of a file, written together: one prompt per line; X.jsonl: one "
               "{\"prompt\"} per line, with \"system\", \"seed\", \"max_tokens\", \"temperature\" or "
               "\"stop\" where they differ")
            ->type_name("FILE");
        app.add_option("--system", options->system, "System prompt")->type_name("TEXT");
        app.add_flag("--raw", g.raw, "No template; bos where the tokenizer has one");
        app.add_option("--max-tokens", g.maxTokens, "Tokens at most; at least 1; default 256")
            ->type_name("N")
            ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
        app.add_option("--temperature", g.temperature, "0 to 100, 0 = greedy; default 0.7")
            ->type_name("X")
            ->check(CLI::Range(0.0, 100.0));
        app.add_option("--top-p", g.topP, "Smallest set of tokens with this share; 0 to 1; default 0.95")
            ->type_name("X")
            ->check(CLI::Range(0.0, 1.0));
        app.add_option("--top-k-tokens", g.topKTokens, "Only the N most probable tokens; 0 = off; default 0")
            ->type_name("N")
            ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 31));
        app.add_option("--repetition-penalty", g.repetitionPenalty, "0.01 to 100; default 1")
            ->type_name("X")
            ->check(CLI::Range(0.01, 100.0));
        app.add_option("--stop", g.stop, "The answer ends before this text")
            ->type_name("TEXT")
            ->take_all()
            ->expected(1);
        app.add_flag("--greedy", options->greedy, "Always the most probable token");
        app.add_flag("--routing", options->routing, "Experts of each token after the answer");
        app.add_option("--alternatives", g.alternatives,
                       "Most probable tokens at each place, with --json; 0 to 100; default 0")
            ->type_name("N")
            ->check(CLI::Range(std::int64_t{0}, std::int64_t{100}));
        options->steer.define(app);
        app.add_flag(
            "--compare", options->compare,
            "Also the answer without --mute, --force, --bias and --k, and the change of each token's "
            "log-probability");
        options->model.define(app);
        return [options, &context] { return chat(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/chat_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "app/cli/chat_output.h"
#include "engine/formats/bounded_json.h"

namespace caravan::cli {
namespace {

namespace fs = std::filesystem;
using engine::ErrorCode;
using nlohmann::json;

tl::unexpected<engine::Error> badLine(const std::string& file, std::int64_t number, const std::string& why) {
    return engine::fail(ErrorCode::RowBad,
                        {{"file", file}, {"line", std::to_string(number)}, {"detail", why}});
}

// Puts object[key] into value where it is there; false where it is of another kind.
template <class T, class Is>
bool take(const json& object, const char* key, std::optional<T>& value, Is&& is) {
    const auto found = object.find(key);
    if (found == object.end()) return true;
    if (!is(*found)) return false;
    value = found->template get<T>();
    return true;
}

bool isText(const json& value) {
    return value.is_string();
}
bool isTexts(const json& value) {
    return value.is_array() && std::all_of(value.begin(), value.end(), isText);
}
bool isCount(const json& value) {
    return value.is_number_integer() && value.get<std::int64_t>() >= 1;
}
bool isSeed(const json& value) {
    return value.is_number_unsigned();
}
bool isTemperature(const json& value) {
    return value.is_number() && value.get<double>() >= 0 && value.get<double>() <= 100;
}

engine::Result<PromptRow> rowOf(const std::string& file, std::int64_t number, const std::string& line) {
    const auto parsed = engine::parseJson(line, file);
    if (!parsed || !parsed->is_object() || !parsed->contains("prompt") || !isText(parsed->at("prompt")))
        return badLine(file, number, "not an object with a \"prompt\"");
    const json& object = *parsed;
    PromptRow row{.prompt = object["prompt"].get<std::string>()};
    for (const auto& [key, value] : object.items())
        if (key != "prompt" && key != "system" && key != "seed" && key != "max_tokens" &&
            key != "temperature" && key != "stop")
            return badLine(
                file, number,
                "\"" + key + "\" is none of prompt, system, seed, max_tokens, temperature and stop");
    if (!take(object, "system", row.system, isText)) return badLine(file, number, "\"system\" is not a text");
    if (!take(object, "seed", row.seed, isSeed))
        return badLine(file, number, "\"seed\" is not a whole number of at least 0");
    if (!take(object, "max_tokens", row.maxTokens, isCount))
        return badLine(file, number, "\"max_tokens\" is not a whole number of at least 1");
    if (!take(object, "temperature", row.temperature, isTemperature))
        return badLine(file, number, "\"temperature\" is not a number from 0 to 100");
    if (!take(object, "stop", row.stop, isTexts))
        return badLine(file, number, "\"stop\" is not a list of texts");
    return row;
}

// The answers: tokens as they come, texts at the end.
class Pages {
  public:
    Pages(Context& context, const engine::BatchRequest& request, const BatchOutput& output)
        : m_context(context), m_request(request), m_output(output), m_tokens(request.answers.size()) {}

    void token(std::int64_t answer, const engine::TokenEvent& token) {
        json object = tokenObject(token, m_output.routing || m_context.json);
        object["answer"] = answer;
        m_context.emit(object);
        if (!m_context.json) m_tokens[static_cast<std::size_t>(answer)].push_back(token);
    }
    // All have ended: in the order in which they were asked for.
    void end(const engine::BatchOutcome& outcome) {
        for (std::size_t i = 0; i < outcome.answers.size(); ++i) {
            json last = summaryObject(outcome.answers[i]);
            last["answer"] = i;
            last["seed"] = m_request.answers[i].options.seed;
            m_context.emit(last);
            m_context.print((i == 0 ? "" : "\n") + title(i) + outcome.answers[i].text + "\n");
            if (m_output.routing) m_context.print(routingLines(m_tokens[i]));
        }
        std::int64_t tokens = 0;
        for (const auto& answer : outcome.answers)
            tokens += answer.tokens;
        m_context.emit({{"type", "batch"},
                        {"answers", outcome.answers.size()},
                        {"tokens", tokens},
                        {"together", outcome.together},
                        {"prefills", outcome.prefills},
                        {"seconds", outcome.seconds},
                        {"tokens_per_second", outcome.tokensPerSecond}});
        if (m_context.verbose)
            m_context.note(fmt::format("{} answers, {} tokens, {:.1f} tokens/s, at most {} at once",
                                       outcome.answers.size(), tokens, outcome.tokensPerSecond,
                                       outcome.together));
    }

  private:
    // "--- 2 of 8, seed 1 · What is 2 and 3?"
    [[nodiscard]] std::string title(std::size_t i) const {
        const engine::AnswerRequest& answer = m_request.answers[i];
        std::string text =
            fmt::format("--- {} of {}, seed {}", i + 1, m_request.answers.size(), answer.options.seed);
        if (m_output.prompts) text += ": " + answer.messages.back().content;
        return text + "\n";
    }
    Context& m_context;
    const engine::BatchRequest& m_request;
    BatchOutput m_output;
    std::vector<std::vector<engine::TokenEvent>> m_tokens;  // for the table of experts
};

}  // namespace

engine::Result<std::vector<PromptRow>> readPrompts(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in || fs::is_directory(file)) return engine::fail(ErrorCode::FileMissing, {{"file", file}});
    const bool objects = fs::path(file).extension() == ".jsonl";
    std::vector<PromptRow> rows;
    std::string line;
    for (std::int64_t number = 1; std::getline(in, line); ++number) {
        if (line.ends_with('\r')) line.pop_back();
        if (line.empty()) continue;
        auto row = objects ? rowOf(file, number, line) : PromptRow{.prompt = line};
        if (!row) return tl::unexpected(row.error());
        rows.push_back(std::move(*row));
    }
    if (rows.empty())
        return engine::fail(ErrorCode::FileBad,
                            {{"file", file}, {"place", "the whole file"}, {"detail", "no prompt"}});
    return rows;
}

void addAnswers(const PromptRow& row, const std::string& system, const engine::GenerateOptions& options,
                std::int64_t n, engine::BatchRequest& request) {
    engine::AnswerRequest answer{{}, options};
    const std::string& before = row.system ? *row.system : system;
    if (!before.empty()) answer.messages.push_back({"system", before});
    answer.messages.push_back({"user", row.prompt});
    if (row.seed) answer.options.seed = *row.seed;
    if (row.maxTokens) answer.options.maxTokens = *row.maxTokens;
    if (row.temperature) answer.options.temperature = *row.temperature;
    if (row.stop) answer.options.stop = *row.stop;
    for (std::int64_t i = 0; i < n; ++i, ++answer.options.seed)
        request.answers.push_back(answer);
}

int writeBatch(Context& context, const engine::BatchRequest& request, const BatchOutput& output) {
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    auto* writer = dynamic_cast<engine::BatchWriter*>(*opened);
    if (!writer)
        return context.fail(
            {ErrorCode::Unsupported, {{"what", "--n"}, {"detail", "this engine was built without it"}}});
    Pages pages(context, request, output);
    const auto outcome = writer->writeAnswers(
        request, [&](std::int64_t answer, const engine::TokenEvent& token) { pages.token(answer, token); },
        [&](const auto& state) { context.progress(state); }, context.stopToken());
    if (!outcome) return context.fail(outcome.error());
    context.clearProgress();
    pages.end(*outcome);
    return 0;
}

}  // namespace caravan::cli

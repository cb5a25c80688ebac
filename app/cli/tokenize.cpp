// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <fstream>

#include "app/cli/command.h"
#include "app/cli/model_folder_of.h"
#include "engine/formats/bounded_json.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::cli {
namespace fs = std::filesystem;
using engine::ErrorCode;
using engine::TokenId;
using engine::Tokenizer;

namespace {

struct Options {
    std::string model, text, file;
    bool decode = false, addBos = false;
};

engine::Error badLine(const std::string& file, std::int64_t line, std::string detail) {
    return {ErrorCode::RowBad,
            {{"file", file}, {"line", std::to_string(line)}, {"detail", std::move(detail)}}};
}

// "1 2 3", "1,2,3" or "[1, 2, 3]".
std::optional<std::vector<TokenId>> idsFrom(std::string_view text) {
    std::vector<TokenId> ids;
    while (!text.empty()) {
        const std::size_t begin = text.find_first_not_of(" ,\t\r\n[]");
        if (begin == std::string_view::npos) break;
        text.remove_prefix(begin);
        TokenId id = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
        if (error != std::errc() || id < 0) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        ids.push_back(id);
    }
    return ids;
}

class Job {
  public:
    Job(Context& context, const Tokenizer& tokenizer, const Options& options)
        : m_context(context), m_tokenizer(tokenizer), m_options(options) {}

    void encode(std::string_view text) const {
        std::vector<TokenId> ids =
            m_tokenizer.encode(text, {.parseSpecials = m_tokenizer.parsesSpecialsByDefault()});
        if (m_options.addBos && m_tokenizer.bosId()) ids.insert(ids.begin(), *m_tokenizer.bosId());
        m_context.emit({{"ids", ids}});
        m_context.print(fmt::format("{}\n", fmt::join(ids, " ")));
    }
    void decode(const std::vector<TokenId>& ids) const {
        const std::string text = m_tokenizer.decode(ids);
        m_context.emit({{"text", text}});
        m_context.print(text + "\n");
    }
    engine::Result<void> line(const std::string& file, std::int64_t number, const std::string& text) const {
        if (fs::path(file).extension() == ".jsonl") return jsonLine(file, number, text);
        if (!m_options.decode) {
            encode(text);
            return {};
        }
        const auto ids = idsFrom(text);
        if (!ids) return tl::unexpected(badLine(file, number, "not a list of ids"));
        decode(*ids);
        return {};
    }

  private:
    engine::Result<void> jsonLine(const std::string& file, std::int64_t number,
                                  const std::string& text) const {
        if (text.find_first_not_of(" \t\r") == std::string::npos) return {};
        const auto json = engine::parseJson(text, file);
        if (!json)
            return tl::unexpected(badLine(file, number, std::string(json.error().parameter("detail"))));
        const char* key = m_options.decode ? "ids" : "text";
        const auto value = json->is_object() ? json->find(key) : json->end();
        if (!json->is_object() || value == json->end())
            return tl::unexpected(badLine(file, number, fmt::format("it has no \"{}\"", key)));
        if (!m_options.decode) {
            if (!value->is_string()) return tl::unexpected(badLine(file, number, "\"text\" is not a string"));
            encode(value->get_ref<const std::string&>());
            return {};
        }
        std::vector<TokenId> ids;
        if (!value->is_array()) return tl::unexpected(badLine(file, number, "\"ids\" is not a list"));
        for (const auto& id : *value) {
            if (!id.is_number_unsigned() || id.get<std::uint64_t>() > INT32_MAX)
                return tl::unexpected(badLine(file, number, "\"ids\" holds something that is no id"));
            ids.push_back(id.get<TokenId>());
        }
        decode(ids);
        return {};
    }

    Context& m_context;
    const Tokenizer& m_tokenizer;
    const Options& m_options;
};

int tokenize(Context& context, const Options& options, bool textGiven) {
    if (textGiven == !options.file.empty())
        return context.failUsage("tokenize takes either --text or --file.");
    const auto place = tokenizerPlace(options.model);
    if (!place) return context.fail(place.error());
    const auto tokenizer = engine::loadTokenizer(*place);
    if (!tokenizer) return context.fail(tokenizer.error());
    const Job job(context, **tokenizer, options);
    if (textGiven) {
        if (!options.decode) {
            job.encode(options.text);
            return 0;
        }
        const auto ids = idsFrom(options.text);
        if (!ids)
            return context.fail({ErrorCode::BadOption,
                                 {{"key", "--text"},
                                  {"value", options.text},
                                  {"range", "a list of ids such as 1 2 3, with --decode"}}});
        job.decode(*ids);
        return 0;
    }
    std::ifstream in(options.file, std::ios::binary);
    if (!in || fs::is_directory(options.file))
        return context.fail({ErrorCode::FileMissing, {{"file", options.file}}});
    std::string text;
    for (std::int64_t number = 1; std::getline(in, text); ++number)
        if (auto done = job.line(options.file, number, text); !done) return context.fail(done.error());
    return 0;
}

const Registration kTokenize{
    "tokenize", "Ids of a text, or the text of ids", 11, [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("MODEL", options->model, "Model folder, or a tokenizer file")->required();
        const CLI::Option* text =
            app.add_option("--text", options->text, "The text; with --decode its ids")->type_name("TEXT");
        app.add_option("--file", options->file,
                       "X.jsonl: one {\"text\"} (with --decode {\"ids\"}) per line; any other file: one text "
                       "per line")
            ->type_name("FILE");
        app.add_flag("--decode", options->decode, "From ids to text");
        app.add_flag("--add-bos", options->addBos, "Put the begin token before the ids");
        return [options, text, &context] { return tokenize(context, *options, text->count() > 0); };
    }};

}  // namespace
}  // namespace caravan::cli

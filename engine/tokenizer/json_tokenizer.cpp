// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/json_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/bounded_json.h"
#include "engine/tokenizer/added_vocabulary.h"
#include "engine/tokenizer/normalizer.h"
#include "engine/tokenizer/piece_model.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/text_tools.h"
#include "engine/tokenizer/token_decoder.h"
#include "engine/tokenizer/tokenizer_fields.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = 256u << 20;
constexpr std::size_t kMaxNameBytes = 4096;

class JsonTokenizer final : public Tokenizer {
  public:
    explicit JsonTokenizer(const Json& json);

    [[nodiscard]] std::vector<TokenId> encode(std::string_view text,
                                              const EncodeOptions& options) const override;
    [[nodiscard]] std::string decode(std::span<const TokenId> ids,
                                     const DecodeOptions& options) const override;
    [[nodiscard]] std::string piece(TokenId id) const override;
    [[nodiscard]] std::string pieceName(TokenId id) const override;
    [[nodiscard]] std::size_t vocabularySize() const override {
        return std::max(m_model->size(), m_added.idEnd());
    }
    [[nodiscard]] bool isSpecial(TokenId id) const override;
    [[nodiscard]] std::optional<TokenId> idOf(std::string_view name) const override;
    [[nodiscard]] std::string describe() const override;
    [[nodiscard]] bool parsesSpecialsByDefault() const override { return true; }

    // What the post-processor and the usual names tell about bos and eos.
    [[nodiscard]] Specials fileSpecials(const Json& json) const;

  private:
    [[nodiscard]] std::vector<AddedToken> readAdded(const Json& json) const;
    void encodeSegment(std::string_view text, bool atStart, bool touchesPlain, bool parseSpecials,
                       std::vector<TokenId>& out) const;
    [[nodiscard]] const std::string* entry(TokenId id) const;

    std::unique_ptr<PieceModel> m_model;
    Normalizer m_normalizer;
    PreTokenizer m_preTokenizer;
    TokenDecoder m_decoder;
    AddedVocabulary m_added;
};

const Json& member(const Json& json, const char* key) {
    static const Json kNull;
    const auto it = json.find(key);
    return it == json.end() ? kNull : *it;
}

JsonTokenizer::JsonTokenizer(const Json& json)
    : m_model(PieceModel::fromJson(TokenizerFields(json, "").value("model"), "model")),
      m_normalizer(Normalizer::fromJson(member(json, "normalizer"), "normalizer")),
      m_preTokenizer(PreTokenizer::fromJson(member(json, "pre_tokenizer"), "pre_tokenizer")),
      m_decoder(TokenDecoder::fromJson(member(json, "decoder"), "decoder")) {
    m_added.build(readAdded(member(json, "added_tokens")), m_normalizer);
}

std::vector<AddedToken> JsonTokenizer::readAdded(const Json& json) const {
    std::vector<AddedToken> tokens;
    if (json.is_null()) return tokens;
    if (!json.is_array()) refuseTokenizer("added_tokens", "a list is expected here");
    for (std::size_t i = 0; i < json.size(); ++i) {
        const TokenizerFields fields(json[i], "added_tokens[" + std::to_string(i) + "]");
        AddedToken token;
        token.content = fields.text("content");
        const std::size_t id = fields.countOr("id", 0);
        if (token.content.size() > kMaxNameBytes)
            refuseTokenizer(fields.place("content"), "it is longer than 4,096 bytes");
        if (id >= (1u << 22)) refuseTokenizer(fields.place("id"), "the id is not usable");
        token.id = m_model->idOf(token.content).value_or(static_cast<TokenId>(id));
        token.singleWord = fields.flagOr("single_word", false);
        token.leftStrip = fields.flagOr("lstrip", false);
        token.rightStrip = fields.flagOr("rstrip", false);
        token.special = fields.flagOr("special", false);
        token.normalized = fields.flagOr("normalized", !token.special);
        if (!token.content.empty()) tokens.push_back(std::move(token));
    }
    return tokens;
}

Tokenizer::Specials JsonTokenizer::fileSpecials(const Json& json) const {
    Specials specials;
    const auto readTemplate = [&](const Json& processor) {
        if (!processor.is_object() || member(processor, "type") != "TemplateProcessing") return;
        const Json& single = member(processor, "single");
        if (!single.is_array() || single.empty() || !single.front().is_object()) return;
        const Json& first = member(single.front(), "SpecialToken");
        if (!first.is_object() || !member(first, "id").is_string()) return;
        specials.bos = idOf(first["id"].get<std::string>());
        specials.addsBos = specials.bos.has_value();
    };
    const Json& processor = member(json, "post_processor");
    readTemplate(processor);
    if (processor.is_object() && member(processor, "processors").is_array())
        for (const Json& part : processor["processors"])
            readTemplate(part);
    specials.unk = m_model->unknownId();
    return specials;
}

void JsonTokenizer::encodeSegment(std::string_view text, bool atStart, bool touchesPlain, bool parseSpecials,
                                  std::vector<TokenId>& out) const {
    const std::string normalized = m_normalizer.apply(std::string(text));
    for (const AddedSegment& segment :
         m_added.splitNormalized(normalized, {.parseSpecials = parseSpecials, .allPlain = touchesPlain})) {
        if (segment.id) {
            out.push_back(*segment.id);
            continue;
        }
        Word whole{normalized.substr(segment.begin, segment.end - segment.begin),
                   atStart && segment.begin == 0};
        for (const Word& word : m_preTokenizer.apply(std::move(whole)))
            m_model->encode(word.text, out);
    }
}

std::vector<TokenId> JsonTokenizer::encode(std::string_view text, const EncodeOptions& options) const {
    std::vector<TokenId> ids;
    std::string mended;
    std::span<const TextRange> plain = options.plain;
    const TextRange everything{0, text.size()};
    if (utf8::firstInvalid(text) != std::string_view::npos) {
        mended = utf8::lossy(text);  // places move: treat all as written by a person if any was
        text = mended;
        if (!plain.empty()) plain = std::span(&everything, 1);
    }
    for (const AddedSegment& segment :
         m_added.splitRaw(text, {.parseSpecials = options.parseSpecials, .plain = plain})) {
        if (segment.id)
            ids.push_back(*segment.id);
        else
            encodeSegment(text.substr(segment.begin, segment.end - segment.begin), segment.begin == 0,
                          touchesAny(plain, segment.begin, segment.end), options.parseSpecials, ids);
    }
    return ids;
}

const std::string* JsonTokenizer::entry(TokenId id) const {
    if (const std::string* added = m_added.decoded(id)) return added;
    return m_model->entry(id);
}

std::string JsonTokenizer::decode(std::span<const TokenId> ids, const DecodeOptions& options) const {
    std::vector<std::string> entries;
    entries.reserve(ids.size());
    for (const TokenId id : ids) {
        const std::string* text = entry(id);
        if (text && !(options.skipSpecials && isSpecial(id))) entries.push_back(*text);
    }
    return m_decoder.decode(std::move(entries));
}

std::string JsonTokenizer::piece(TokenId id) const {
    const std::string* text = entry(id);
    return text ? m_decoder.runningPiece(*text) : std::string();
}

std::string JsonTokenizer::pieceName(TokenId id) const {
    if (const AddedToken* token = m_added.byId(id)) return utf8::lossy(token->content);
    const std::string* text = entry(id);
    if (!text) return {};
    const std::string bytes = m_decoder.runningPiece(*text);
    if (utf8::firstInvalid(bytes) == std::string_view::npos) return bytes;
    std::string name;
    for (const char byte : bytes)
        name += fmt::format("<0x{:02X}>", static_cast<unsigned char>(byte));
    return name;
}

bool JsonTokenizer::isSpecial(TokenId id) const {
    const AddedToken* token = m_added.byId(id);
    return token && token->special;
}

std::optional<TokenId> JsonTokenizer::idOf(std::string_view name) const {
    if (const AddedToken* token = m_added.byName(name)) return token->id;
    return m_model->idOf(name);
}

std::string JsonTokenizer::describe() const {
    std::size_t added = 0;
    for (std::size_t id = 0; id < m_added.idEnd(); ++id)
        added += m_added.byId(static_cast<TokenId>(id)) && !m_model->entry(static_cast<TokenId>(id)) ? 1 : 0;
    return fmt::format("{}, {} pieces", m_model->kind(), groupedDigits(m_model->entryCount() + added));
}

std::unique_ptr<Tokenizer> build(const Json& json, const fs::path& folder, const std::string& name) {
    try {
        auto tokenizer = std::make_unique<JsonTokenizer>(json);
        const auto lookup = [&](std::string_view token) { return tokenizer->idOf(token); };
        tokenizer->setSpecials(
            readSpecials(folder, lookup, tokenizer->vocabularySize(), tokenizer->fileSpecials(json)));
        return tokenizer;
    } catch (const EngineException& e) {
        Error error = e.error();
        for (auto& [key, value] : error.parameters)
            if (key == "file" && value.empty()) value = name;
        throw EngineException(std::move(error));
    }
}

// merges.txt: "a b" a line, the first may be a "#version" line.
Json readMergeLines(const fs::path& file) {
    const std::string text = unwrap(readTextFile(file, kMaxFileBytes));
    if (const std::size_t bad = utf8::firstInvalid(text); bad != std::string::npos)
        throw EngineException(
            ErrorCode::FileBad,
            {{"file", file.string()}, {"place", fmt::format("byte {}", bad)}, {"detail", "not UTF-8"}});
    Json merges = Json::array();
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, end - at);
        if (line.ends_with('\r')) line.pop_back();
        if (!line.empty() && !line.starts_with("#version")) merges.push_back(std::move(line));
        at = end + 1;
    }
    return merges;
}

// Qwen2's files say their family only in tokenizer_config.json or config.json.
bool isQwenFamily(const fs::path& folder) {
    for (const auto& [file, key] :
         {std::pair{"tokenizer_config.json", "tokenizer_class"}, {"config.json", "model_type"}}) {
        std::error_code ignored;
        if (!fs::is_regular_file(folder / file, ignored)) continue;
        const Json json = unwrap(readJsonFile(folder / file, {.bytes = 64u << 20}));
        if (!json.is_object() || !member(json, key).is_string()) continue;
        const std::string value = json[key].get<std::string>();
        return value.starts_with("Qwen2") || value.starts_with("qwen2") || value.starts_with("Qwen3") ||
               value.starts_with("qwen3");
    }
    return false;
}

Json qwenPreTokenizer() {
    const char* pattern =
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    return {
        {"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}},
          {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

Json addedTokensJson(const fs::path& folder) {
    Json list = Json::array();
    for (const AddedToken& t : readAddedTokens(folder))
        list.push_back({{"id", t.id},
                        {"content", t.content},
                        {"single_word", t.singleWord},
                        {"lstrip", t.leftStrip},
                        {"rstrip", t.rightStrip},
                        {"normalized", t.normalized},
                        {"special", t.special}});
    return list;
}

}  // namespace

std::unique_ptr<Tokenizer> loadJsonTokenizer(const fs::path& file) {
    const Json json = unwrap(readJsonFile(file, {.bytes = kMaxFileBytes}));
    return build(json, file.parent_path(), file.string());
}

std::unique_ptr<Tokenizer> loadVocabularyAndMerges(const fs::path& folder) {
    const bool qwen = isQwenFamily(folder);
    Json json;
    json["model"] = {{"type", "BPE"},
                     {"vocab", unwrap(readJsonFile(folder / "vocab.json", {.bytes = kMaxFileBytes}))},
                     {"merges", readMergeLines(folder / "merges.txt")}};
    json["normalizer"] = qwen ? Json{{"type", "NFC"}} : Json();
    json["pre_tokenizer"] =
        qwen ? qwenPreTokenizer() : Json{{"type", "ByteLevel"}, {"add_prefix_space", false}};
    json["decoder"] = {{"type", "ByteLevel"}};
    json["added_tokens"] = addedTokensJson(folder);
    return build(json, folder, (folder / "vocab.json").string());
}

}  // namespace caravan::engine

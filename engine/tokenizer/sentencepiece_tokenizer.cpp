// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/tokenizer/sentencepiece_tokenizer.h"

#include <fmt/format.h>
#include <sentencepiece_processor.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "engine/formats/bounded_json.h"
#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/name_matcher.h"
#include "engine/tokenizer/special_tokens.h"
#include "engine/tokenizer/text_tools.h"
#include "engine/tokenizer/utf8.h"

namespace caravan::engine {
namespace {

constexpr std::size_t kMaxModelBytes = 64u << 20;
constexpr int kMaxPieces = 4'000'000;

// Fields of the model's protobuf that the public interface does not tell: trainer_spec (field 2) . model_type
// (field 3).
class ModelKind {
  public:
    explicit ModelKind(std::string_view model) {
        forEachField(model, [&](std::uint64_t field, std::uint64_t, std::string_view body) {
            if (field == 2)
                forEachField(body, [&](std::uint64_t inner, std::uint64_t value, std::string_view) {
                    if (inner == 3) m_type = value;
                });
        });
    }
    [[nodiscard]] const char* name() const {
        static constexpr std::array kNames = {"unigram", "BPE", "word", "character"};
        return m_type >= 1 && m_type <= 4 ? kNames[m_type - 1] : "unigram";
    }

  private:
    static bool varint(std::string_view& in, std::uint64_t& value) {
        value = 0;
        for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(in.front());
            in.remove_prefix(1);
            value |= std::uint64_t{byte & 0x7Fu} << shift;
            if (byte < 0x80) return true;
        }
        return false;
    }
    template <class Visit>
    static void forEachField(std::string_view in, Visit visit) {
        std::uint64_t tag = 0, value = 0;
        while (!in.empty() && varint(in, tag)) {
            const auto skip = [&](std::size_t n) { in.remove_prefix(std::min(n, in.size())); };
            switch (tag & 7) {
                case 0:
                    if (!varint(in, value)) return;
                    visit(tag >> 3, value, std::string_view{});
                    break;
                case 1:
                    skip(8);
                    break;
                case 5:
                    skip(4);
                    break;
                case 2:
                    if (!varint(in, value) || value > in.size()) return;
                    visit(tag >> 3, 0, in.substr(0, value));
                    skip(value);
                    break;
                default:
                    return;
            }
        }
    }
    std::uint64_t m_type = 1;
};

class SentencePieceTokenizer final : public Tokenizer {
  public:
    SentencePieceTokenizer(std::filesystem::path file, std::string_view model);

    [[nodiscard]] std::vector<TokenId> encode(std::string_view text,
                                              const EncodeOptions& options) const override;
    [[nodiscard]] std::string decode(std::span<const TokenId> ids,
                                     const DecodeOptions& options) const override;
    [[nodiscard]] std::string piece(TokenId id) const override;
    [[nodiscard]] std::string pieceName(TokenId id) const override;
    [[nodiscard]] std::size_t vocabularySize() const override { return m_size; }
    [[nodiscard]] bool isSpecial(TokenId id) const override;
    [[nodiscard]] std::optional<TokenId> idOf(std::string_view name) const override;
    [[nodiscard]] std::string describe() const override {
        return fmt::format("SentencePiece {}, {} pieces", m_kind.name(), groupedDigits(m_size));
    }
    [[nodiscard]] bool parsesSpecialsByDefault() const override { return false; }
    [[nodiscard]] Specials modelSpecials() const;

  private:
    void addNames();
    void encodePlain(std::string_view text, std::vector<TokenId>& out) const;
    [[nodiscard]] bool inModel(TokenId id) const { return id >= 0 && id < m_pieces; }
    [[nodiscard]] const AddedToken* added(TokenId id) const {
        const auto it = m_added.find(id);
        return it == m_added.end() ? nullptr : &it->second;
    }

    std::filesystem::path m_file;
    ModelKind m_kind;
    sentencepiece::SentencePieceProcessor m_processor;
    TokenId m_pieces = 0;    // ids of the model itself
    std::size_t m_size = 0;  // with added tokens
    std::unordered_map<TokenId, AddedToken>
        m_added;          // ids that the files beside the model add behind its own
    NameMatcher m_names;  // control pieces and added tokens -> id
};

[[noreturn]] void refuse(const std::filesystem::path& file, std::string detail) {
    throw EngineException(
        ErrorCode::FileBad,
        {{"file", file.string()}, {"place", "SentencePiece model"}, {"detail", std::move(detail)}});
}

SentencePieceTokenizer::SentencePieceTokenizer(std::filesystem::path file, std::string_view model)
    : m_file(std::move(file)), m_kind(model) {
    const auto status = m_processor.LoadFromSerializedProto(model);
    if (!status.ok()) refuse(m_file, fmt::format("not a usable model ({})", status.error_message()));
    m_pieces = m_processor.GetPieceSize();
    if (m_pieces <= 0 || m_pieces > kMaxPieces) refuse(m_file, fmt::format("{} pieces", m_pieces));
    m_size = static_cast<std::size_t>(m_pieces);
    addNames();
}

void SentencePieceTokenizer::addNames() {
    for (TokenId id = 0; id < m_pieces; ++id)
        if (m_processor.IsControl(id) || m_processor.IsUnknown(id))
            m_names.add(m_processor.IdToPiece(id), static_cast<std::size_t>(id));
    for (AddedToken& token : readAddedTokens(m_file.parent_path())) {
        if (token.id < m_pieces || token.id >= m_pieces + 65536) continue;
        m_names.add(token.content, static_cast<std::size_t>(token.id));
        m_size = std::max(m_size, static_cast<std::size_t>(token.id) + 1);
        m_added.emplace(token.id, std::move(token));
    }
}

Tokenizer::Specials SentencePieceTokenizer::modelSpecials() const {
    const auto known = [](int id) { return id >= 0 ? std::optional<TokenId>(id) : std::nullopt; };
    Specials specials;
    specials.bos = known(m_processor.bos_id());
    specials.eos = known(m_processor.eos_id());
    specials.pad = known(m_processor.pad_id());
    specials.unk = known(m_processor.unk_id());
    specials.addsBos = specials.bos.has_value();
    return specials;
}

void SentencePieceTokenizer::encodePlain(std::string_view text, std::vector<TokenId>& out) const {
    if (text.empty()) return;
    std::vector<int> ids;
    const auto status = m_processor.Encode(text, &ids);
    if (!status.ok()) refuse(m_file, fmt::format("cannot encode ({})", status.error_message()));
    out.insert(out.end(), ids.begin(), ids.end());
}

std::vector<TokenId> SentencePieceTokenizer::encode(std::string_view text,
                                                    const EncodeOptions& options) const {
    std::vector<TokenId> ids;
    std::size_t done = 0, from = 0;
    while (options.parseSpecials) {
        const auto match = m_names.find(text, from);
        if (!match) break;
        if (touchesAny(options.plain, match->begin, match->end)) {
            from = match->begin + 1;
            continue;
        }
        encodePlain(text.substr(done, match->begin - done), ids);
        ids.push_back(static_cast<TokenId>(match->value));
        done = from = match->end;
    }
    encodePlain(text.substr(done), ids);
    return ids;
}

std::string SentencePieceTokenizer::decode(std::span<const TokenId> ids, const DecodeOptions& options) const {
    std::string text;
    std::vector<int> run;
    const auto flush = [&] {
        std::string part;
        if (!run.empty() && m_processor.Decode(run, &part).ok()) text += part;
        run.clear();
    };
    for (const TokenId id : ids) {
        if (inModel(id)) {
            run.push_back(id);
        } else if (const AddedToken* token = added(id); token && !(options.skipSpecials && token->special)) {
            flush();
            text += token->content;
        }
    }
    flush();
    return text;
}

std::string SentencePieceTokenizer::piece(TokenId id) const {
    if (const AddedToken* token = added(id)) return token->content;
    if (!inModel(id) || m_processor.IsControl(id)) return {};
    const std::string& name = m_processor.IdToPiece(id);
    if (const auto byte = byteOfPieceName(name); byte && m_processor.IsByte(id))
        return std::string(1, static_cast<char>(*byte));
    if (m_processor.IsUnknown(id)) return m_processor.DecodeIds({id});
    return replaceAll(name, utf8::kMetaspace, " ");
}

std::string SentencePieceTokenizer::pieceName(TokenId id) const {
    if (const AddedToken* token = added(id)) return utf8::lossy(token->content);
    if (!inModel(id)) return {};
    const std::string& name = m_processor.IdToPiece(id);
    if (const auto byte = byteOfPieceName(name); byte && *byte < 0x80 && m_processor.IsByte(id))
        return std::string(1, static_cast<char>(*byte));
    if (m_processor.IsByte(id) || isSpecial(id)) return utf8::lossy(name);
    return utf8::lossy(replaceAll(name, utf8::kMetaspace, " "));
}

bool SentencePieceTokenizer::isSpecial(TokenId id) const {
    if (const AddedToken* token = added(id)) return token->special;
    return inModel(id) && (m_processor.IsControl(id) || m_processor.IsUnknown(id));
}

std::optional<TokenId> SentencePieceTokenizer::idOf(std::string_view name) const {
    for (const auto& [id, token] : m_added)
        if (token.content == name) return id;
    const TokenId id = m_processor.PieceToId(name);
    if (!inModel(id) || m_processor.IdToPiece(id) != name) return std::nullopt;
    return id;
}

}  // namespace

std::unique_ptr<Tokenizer> loadSentencePiece(const std::filesystem::path& file) {
    const std::string model = unwrap(readTextFile(file, kMaxModelBytes));
    auto tokenizer = std::make_unique<SentencePieceTokenizer>(file, model);
    const auto lookup = [&](std::string_view name) { return tokenizer->idOf(name); };
    tokenizer->setSpecials(
        readSpecials(file.parent_path(), lookup, tokenizer->vocabularySize(), tokenizer->modelSpecials()));
    return tokenizer;
}

}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/api/config/recipe.h"
#include "engine/api/data_preview.h"
#include "engine/api/engine.h"
#include "engine/api/result.h"
#include "engine/tokenizer/chat_template.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine {

// A file's domain: its name, else the file name up to its first dot.
[[nodiscard]] std::string domainName(const DataFile& file);
// tune.sequence_length, or min(2048, what the model can).
[[nodiscard]] std::int64_t sequenceLengthOf(const Recipe& recipe, std::int64_t modelMaxPositions);

// The template that data.template names. folder: what model.path is relative to.
[[nodiscard]] Result<ChatTemplate> chatTemplateOf(const Recipe& recipe, const std::filesystem::path& folder,
                                                  const Tokenizer& tokenizer);

// Many encoded rows in two flat buffers.
class RowStore {
  public:
    struct Row {
        std::span<const TokenId> ids;
        std::span<const std::uint8_t> trained;  // 1: loss on this token
        std::int32_t file = 0;                  // index of the report
        std::int32_t domain = 0;
        std::int64_t line = 0;
        std::int64_t answerTokens = 0;
    };
    [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(m_places.size()); }
    [[nodiscard]] Row row(std::int64_t index) const;
    [[nodiscard]] std::int64_t length(std::int64_t index) const;
    void add(std::span<const TokenId> ids, std::span<const std::uint8_t> trained, std::int32_t file,
             std::int32_t domain, std::int64_t line);

  private:
    struct Place {
        std::int64_t begin = 0, line = 0;
        std::int32_t length = 0, answerTokens = 0, file = 0, domain = 0;
    };
    std::vector<Place> m_places;
    std::vector<TokenId> m_ids;
    std::vector<std::uint8_t> m_trained;
};

// Everything that the recipe's files hold, as ids. Immutable after loading; any thread may read.
class DataSet {
  public:
    struct Options {
        std::int64_t sequenceLength = 2048;
        ProgressFunction progress;      // stage "reading data"; may be empty
        std::stop_token stop;           // asked: error Interrupted
        bool tolerateBadFiles = false;  // a file without a usable row is reported, not an error (preview)
        std::int32_t threads = 0;       // 0 = as many as the machine has, at most 8
        // Where the model's own chat template lies; empty: recipe.model.path (of a PEFT folder: its base).
        std::filesystem::path modelFolder = {};
        std::optional<ChatTemplate> chat = {};  // instead of data.template
    };
    // Files are read and encoded in blocks; only ids are kept. folder: what relative paths are relative to.
    // Rows are written by data.template. Without held-out files data.heldout_fraction of each file's rows is
    // kept apart: never drawn, never in epochRows(). Errors: those of streamRows, RowBad (a file without a
    // usable row), MissingOption (no data files), ModelUnsupported (tokenizer without eos), FileBad (chat
    // template), Interrupted.
    [[nodiscard]] static Result<DataSet> load(const Recipe& recipe, const std::filesystem::path& folder,
                                              const Tokenizer& tokenizer, const Options& options);

    // Names of the trained domains, in recipe order, each once.
    [[nodiscard]] const std::vector<std::string>& domains() const { return m_domains; }
    [[nodiscard]] const RowStore& rows() const { return m_rows; }
    // Row indices of one epoch before they are shuffled: files in recipe order, each row as often as its
    // weight says.
    [[nodiscard]] const std::vector<std::int32_t>& epochRows() const { return m_epochRows; }

    struct Heldout {
        std::string name;
        RowStore rows;
    };
    [[nodiscard]] const std::vector<Heldout>& heldout() const {
        return m_heldout;
    }  // in recipe order, never drawn

    // One per file of the recipe, training files first. used, tokens and answerTokens are per epoch.
    [[nodiscard]] const std::vector<DataFileReport>& reports() const { return m_reports; }
    [[nodiscard]] const std::vector<RowProblem>& problems() const { return m_problems; }  // the first 1,000
    [[nodiscard]] std::int64_t problemCount() const { return m_problemCount; }  // rows that are not used
    [[nodiscard]] const ChatTemplate& chat() const { return m_chat; }

    inline static constexpr std::int64_t kLengthBin = 64;   // tokens per bin of DataFileReport::lengths
    inline static constexpr std::size_t kLengthBins = 256;  // longer rows count in the last bin

  private:
    class Loader;
    std::vector<std::string> m_domains;
    RowStore m_rows;
    std::vector<std::int32_t> m_epochRows;
    std::vector<Heldout> m_heldout;
    std::vector<DataFileReport> m_reports;
    std::vector<RowProblem> m_problems;
    std::int64_t m_problemCount = 0;
    ChatTemplate m_chat = ChatTemplate::pesc();
};

}  // namespace caravan::engine

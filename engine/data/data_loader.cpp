// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "engine/data/counter_random.h"
#include "engine/data/data_set.h"
#include "engine/data/encode_rows.h"
#include "engine/data/row_file.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;

// Rows wait as text until a block is full: what loading needs beside the ids.
constexpr std::size_t kBlockRows = 4096, kBlockBytes = 16u << 20;
constexpr std::size_t kMaxRemarks = 100;           // kept repetitions that are told one by one
constexpr std::size_t kMaxRemembered = 4'000'000;  // rows of a file that are compared

void countLength(DataFileReport& report, std::int64_t length) {
    const auto bin =
        std::min(static_cast<std::size_t>(length / DataSet::kLengthBin), DataSet::kLengthBins - 1);
    if (report.lengths.size() <= bin) report.lengths.resize(bin + 1);
    ++report.lengths[bin];
}

std::uint64_t hashOf(const DataRow& row) {
    std::uint64_t hash = XXH3_64bits(row.system.data(), row.system.size());
    for (const DataTurn& turn : row.turns)
        for (const std::string* text : {&turn.prompt, &turn.answer})
            hash = XXH3_64bits_withSeed(text->data(), text->size(), hash + text->size());
    return hash;
}

std::size_t bytesOf(const DataRow& row) {
    std::size_t bytes = sizeof(DataRow) + row.system.size();
    for (const DataTurn& turn : row.turns)
        bytes += sizeof(DataTurn) + turn.prompt.size() + turn.answer.size();
    return bytes;
}

}  // namespace

// Fills a DataSet file by file.
class DataSet::Loader {
  public:
    Loader(DataSet& set, const Recipe& recipe, fs::path folder, const Tokenizer& tokenizer,
           const Options& options)
        : m_set(set),
          m_recipe(recipe),
          m_folder(std::move(folder)),
          m_tokenizer(tokenizer),
          m_options(options) {}

    void run() {
        if (m_recipe.data.files.empty())
            throw EngineException(ErrorCode::MissingOption, {{"key", "data.files"}});
        m_settings = {chat(), m_options.sequenceLength, m_recipe.data.longRows};
        m_set.m_chat = m_settings.chat;
        for (const DataFile& file : m_recipe.data.files) {
            const std::int32_t domain = trainedDomain(domainName(file));
            const std::int64_t firstRow = m_set.m_rows.size();
            readFile(file, false, m_set.m_rows, domain);
            drawWeighted(file.weight, keepApart(firstRow));
        }
        for (const DataFile& file : m_recipe.data.heldout) {
            RowStore& rows = heldoutOf(domainName(file));
            readFile(file, true, rows, heldoutIndex(domainName(file)));
        }
        countShares();
    }

  private:
    ChatTemplate chat() const {
        if (m_options.chat) return *m_options.chat;
        if (m_options.modelFolder.empty()) return unwrap(chatTemplateOf(m_recipe, m_folder, m_tokenizer));
        return unwrap(ChatTemplate::named(m_recipe.data.templateName, m_options.modelFolder, m_tokenizer));
    }

    std::int32_t trainedDomain(const std::string& name) {
        auto& names = m_set.m_domains;
        const auto found = std::find(names.begin(), names.end(), name);
        if (found != names.end()) return static_cast<std::int32_t>(found - names.begin());
        names.push_back(name);
        return static_cast<std::int32_t>(names.size()) - 1;
    }
    std::int32_t heldoutIndex(const std::string& name) {
        auto& sets = m_set.m_heldout;
        auto found = std::find_if(sets.begin(), sets.end(), [&](const Heldout& h) { return h.name == name; });
        if (found == sets.end()) found = sets.insert(sets.end(), Heldout{name, {}});
        return static_cast<std::int32_t>(found - sets.begin());
    }
    RowStore& heldoutOf(const std::string& name) {
        return m_set.m_heldout[static_cast<std::size_t>(heldoutIndex(name))].rows;
    }

    void readFile(const DataFile& file, bool heldout, RowStore& store, std::int32_t domain) {
        const fs::path path = m_folder / file.path;
        m_report = {};
        m_report.path = path.string();
        m_report.name = domainName(file);
        m_report.heldout = heldout;
        m_report.weight = heldout ? 1.0 : file.weight;
        m_firstProblem.reset();
        m_seen.clear();
        m_remarks = 0;
        const RowSink sink{
            .row = [&](DataRow&& row) { take(std::move(row), store, domain); },
            .problem =
                [&](std::int64_t line, std::string reason) {
                    ++m_report.rejected;
                    tell(line, std::move(reason));
                },
            .progress =
                [&](std::int64_t done, std::int64_t total) {
                    if (m_options.progress)
                        m_options.progress({"reading " + path.filename().string(), done, total});
                }};
        const auto facts = streamRows(path, file.columns, sink, m_options.stop);
        if (facts) {
            encodeBlock(store, domain);
            m_report.format = formatName(*facts);
            m_report.columns = facts->columns;
            m_report.known = facts->known;
            m_report.countsRows = facts->countsRows;
            requireRows();
        } else {
            failed(facts.error());
        }
        m_set.m_reports.push_back(std::move(m_report));
    }

    void failed(const Error& error) {
        m_block.clear();
        m_blockBytes = 0;
        if (!m_options.tolerateBadFiles || error.code == ErrorCode::Interrupted) throw EngineException(error);
        m_report.error = std::string(error.parameter("detail"));
        if (m_report.error.empty()) m_report.error = "the file cannot be read";
    }

    // A row that is not used.
    void tell(std::int64_t line, std::string reason) {
        if (!m_firstProblem) m_firstProblem = RowProblem{m_report.path, line, reason};
        ++m_set.m_problemCount;
        if (m_set.m_problems.size() < kMaxKeptProblems)
            m_set.m_problems.push_back({m_report.path, line, std::move(reason)});
    }

    void take(DataRow&& row, RowStore& store, std::int32_t domain) {
        if (m_seen.size() < kMaxRemembered) {
            const auto [before, isNew] = m_seen.emplace(hashOf(row), row.line);
            if (!isNew) repeated(row.line, before->second);
        }
        m_blockBytes += bytesOf(row);
        m_block.push_back(std::move(row));
        if (m_block.size() >= kBlockRows || m_blockBytes >= kBlockBytes) encodeBlock(store, domain);
    }

    void repeated(std::int64_t line, std::int64_t before) {
        ++m_report.duplicates;
        if (++m_remarks > kMaxRemarks || m_set.m_problems.size() >= kMaxKeptProblems) return;
        m_set.m_problems.push_back({m_report.path, line,
                                    fmt::format("same text as {} {}; it is used all the same",
                                                m_report.countsRows ? "row" : "line", before),
                                    true});
    }

    void encodeBlock(RowStore& store, std::int32_t domain) {
        const auto encoded = encodeAll(m_block, m_tokenizer, m_settings, m_options.threads, m_options.stop);
        const auto fileIndex = static_cast<std::int32_t>(m_set.m_reports.size());
        for (std::size_t i = 0; i < encoded.size(); ++i)
            keep(encoded[i], m_block[i].line, store, fileIndex, domain);
        m_block.clear();
        m_blockBytes = 0;
    }

    void keep(const EncodedRow& row, std::int64_t line, RowStore& store, std::int32_t file,
              std::int32_t domain) {
        if (row.fullLength > 0) countLength(m_report, row.fullLength);
        m_report.answerTokensLost += row.answerTokensLost;
        if (row.answerTokens == 0) {
            ++m_report.dropped;
            return tell(line, row.refusal.empty()
                                  ? fmt::format("no answer token is left of {} tokens, the limit is {}",
                                                row.fullLength, m_options.sequenceLength)
                                  : row.refusal);
        }
        ++m_report.rows;
        if (row.fullLength > static_cast<std::int64_t>(row.ids.size())) ++m_report.truncated;
        store.add(row.ids, row.trained, file, domain, line);
        if (m_report.heldout) count(m_report, store, store.size() - 1);
    }

    void requireRows() {
        if (m_report.rows > 0) return;
        const std::int64_t line = m_firstProblem ? m_firstProblem->line : 1;
        std::string reason = m_firstProblem ? m_firstProblem->reason : "the file holds no row";
        if (!m_options.tolerateBadFiles)
            throw EngineException(
                ErrorCode::RowBad,
                {{"file", m_report.path}, {"line", std::to_string(line)}, {"detail", std::move(reason)}});
        m_report.error = "no row can be used: " + reason;
    }

    static void count(DataFileReport& report, const RowStore& store, std::int64_t row) {
        ++report.used;
        report.tokens += store.length(row);
        report.answerTokens += store.row(row).answerTokens;
    }

    // The rows of the newest file that are trained on: all, or all but a seeded choice that becomes held-out
    // rows of its domain. At least one row stays on either side where there are two.
    std::vector<std::int32_t> keepApart(std::int64_t firstRow) {
        const std::int64_t rows = m_set.m_rows.size() - firstRow;
        std::vector<std::int32_t> trained(static_cast<std::size_t>(rows));
        for (std::int64_t i = 0; i < rows; ++i)
            trained[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(firstRow + i);
        const double fraction = m_recipe.data.heldoutFraction;
        if (fraction <= 0 || !m_recipe.data.heldout.empty() || rows < 2) return trained;
        const auto wanted = static_cast<std::int64_t>(std::llround(fraction * static_cast<double>(rows)));
        const auto apart = static_cast<std::size_t>(std::clamp<std::int64_t>(wanted, 1, rows - 1));
        DataFileReport& report = m_set.m_reports.back();
        auto order = permutation(m_recipe.seed, DataPurpose::HeldoutSplit,
                                 static_cast<std::uint32_t>(m_set.m_reports.size() - 1), rows);
        order.resize(apart);
        std::sort(order.begin(), order.end());
        RowStore& heldout = heldoutOf(report.name);
        const std::int32_t domain = heldoutIndex(report.name);
        for (const std::int32_t i : order) {
            const RowStore::Row row = m_set.m_rows.row(firstRow + i);
            heldout.add(row.ids, row.trained, row.file, domain, row.line);
            trained[static_cast<std::size_t>(i)] = -1;
        }
        trained.erase(std::remove(trained.begin(), trained.end(), -1), trained.end());
        report.split = static_cast<std::int64_t>(apart);
        return trained;
    }

    // Each row weight times: whole copies, then the first rows of a seeded permutation.
    void drawWeighted(double weight, const std::vector<std::int32_t>& rows) {
        const double whole = std::floor(weight);
        const auto count = static_cast<std::int64_t>(rows.size());
        const auto part = std::llround((weight - whole) * static_cast<double>(count));
        DataFileReport& report = m_set.m_reports.back();
        const auto draw = [&](std::int32_t row) {
            m_set.m_epochRows.push_back(row);
            this->count(report, m_set.m_rows, row);
        };
        for (std::int64_t copy = 0; copy < static_cast<std::int64_t>(whole); ++copy)
            for (const std::int32_t row : rows)
                draw(row);
        if (part == 0) return;
        auto order = permutation(m_recipe.seed, DataPurpose::RowFraction,
                                 static_cast<std::uint32_t>(m_set.m_reports.size() - 1), count);
        order.resize(static_cast<std::size_t>(part));
        std::sort(order.begin(), order.end());
        for (const std::int32_t i : order)
            draw(rows[static_cast<std::size_t>(i)]);
    }

    // Of what one epoch draws.
    void countShares() {
        double rows = 0, tokens = 0;
        for (const DataFileReport& report : m_set.m_reports)
            if (!report.heldout) {
                rows += static_cast<double>(report.used);
                tokens += static_cast<double>(report.tokens);
            }
        for (DataFileReport& report : m_set.m_reports)
            if (!report.heldout) {
                report.rowShare = rows > 0 ? static_cast<double>(report.used) / rows : 0;
                report.tokenShare = tokens > 0 ? static_cast<double>(report.tokens) / tokens : 0;
            }
    }

    DataSet& m_set;
    const Recipe& m_recipe;
    fs::path m_folder;
    const Tokenizer& m_tokenizer;
    const Options& m_options;
    EncodeSettings m_settings;
    // Of the file that is read.
    DataFileReport m_report;
    std::optional<RowProblem> m_firstProblem;
    std::vector<DataRow> m_block;
    std::size_t m_blockBytes = 0, m_remarks = 0;
    std::unordered_map<std::uint64_t, std::int64_t> m_seen;  // text -> the line where it came first
};

Result<DataSet> DataSet::load(const Recipe& recipe, const fs::path& folder, const Tokenizer& tokenizer,
                              const Options& options) {
    try {
        DataSet set;
        Loader(set, recipe, folder, tokenizer, options).run();
        return set;
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
}

}  // namespace caravan::engine

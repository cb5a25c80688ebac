// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/data_set.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <thread>

#include "engine/data/counter_random.h"
#include "engine/data/data_row.h"
#include "engine/data/row_encoder.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;

// Encodes rows on several threads; the order of the result is the order of the rows.
std::vector<EncodedRow> encodeAll(const std::vector<DataRow>& rows, const Tokenizer& tokenizer,
                                  const DataSet::Options& options, const std::string& name) {
    constexpr std::size_t kBlock = 64;
    std::vector<EncodedRow> encoded(rows.size());
    std::atomic<std::size_t> nextBlock{0}, done{0};
    std::exception_ptr failure;
    std::atomic<bool> failed{false};
    const auto work = [&](bool reports) {
        try {
            for (std::size_t begin; !failed && (begin = nextBlock.fetch_add(kBlock)) < rows.size();) {
                if (options.stop.stop_requested()) return;
                const std::size_t end = std::min(begin + kBlock, rows.size());
                for (std::size_t i = begin; i < end; ++i)
                    encoded[i] = encodeRow(tokenizer, rows[i], options.sequenceLength);
                done += end - begin;
                if (reports && options.progress)
                    options.progress({"encoding " + name, static_cast<std::int64_t>(done),
                                      static_cast<std::int64_t>(rows.size())});
            }
        } catch (...) {
            if (!failed.exchange(true)) failure = std::current_exception();
        }
    };
    const auto wanted = options.threads > 0 ? static_cast<unsigned>(options.threads)
                                            : std::min(std::thread::hardware_concurrency(), 8u);
    const auto extra = std::min<std::size_t>(std::max(wanted, 1u) - 1, rows.size() / kBlock);
    {
        std::vector<std::jthread> helpers;
        for (std::size_t i = 0; i < extra; ++i)
            helpers.emplace_back(work, false);
        work(true);
    }
    if (failure) std::rethrow_exception(failure);
    if (options.stop.stop_requested()) throw EngineException(ErrorCode::Interrupted, {});
    return encoded;
}

void countLength(DataFileReport& report, std::int64_t length) {
    const auto bin =
        std::min(static_cast<std::size_t>(length / DataSet::kLengthBin), DataSet::kLengthBins - 1);
    if (report.lengths.size() <= bin) report.lengths.resize(bin + 1);
    ++report.lengths[bin];
}

}  // namespace

std::string domainName(const DataFile& file) {
    if (!file.name.empty()) return file.name;
    const std::string name = fs::path(file.path).filename().string();
    return name.substr(0, name.find('.', 1));
}

std::int64_t sequenceLengthOf(const Recipe& recipe, std::int64_t modelMaxPositions) {
    return recipe.tune.sequenceLength.value_or(std::min<std::int64_t>(2048, modelMaxPositions));
}

RowStore::Row RowStore::row(std::int64_t index) const {
    const Place& p = m_places.at(static_cast<std::size_t>(index));
    const auto begin = static_cast<std::size_t>(p.begin), length = static_cast<std::size_t>(p.length);
    return {std::span(m_ids).subspan(begin, length),
            std::span(m_trained).subspan(begin, length),
            p.file,
            p.domain,
            p.line,
            p.answerTokens};
}

std::int64_t RowStore::length(std::int64_t index) const {
    return m_places.at(static_cast<std::size_t>(index)).length;
}

void RowStore::add(std::span<const TokenId> ids, std::span<const std::uint8_t> trained, std::int32_t file,
                   std::int32_t domain, std::int64_t line) {
    m_places.push_back({static_cast<std::int64_t>(m_ids.size()), line, static_cast<std::int32_t>(ids.size()),
                        static_cast<std::int32_t>(std::count(trained.begin(), trained.end(), 1)), file,
                        domain});
    m_ids.insert(m_ids.end(), ids.begin(), ids.end());
    m_trained.insert(m_trained.end(), trained.begin(), trained.end());
}

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
        for (const DataFile& file : m_recipe.data.files) {
            const std::int32_t domain = trainedDomain(domainName(file));
            const std::int64_t firstRow = m_set.m_rows.size();
            readFile(file, false, m_set.m_rows, domain);
            drawWeighted(file.weight, firstRow);
        }
        for (const DataFile& file : m_recipe.data.heldout) {
            const std::string name = domainName(file);
            auto& sets = m_set.m_heldout;
            auto found =
                std::find_if(sets.begin(), sets.end(), [&](const Heldout& h) { return h.name == name; });
            if (found == sets.end()) found = sets.insert(sets.end(), Heldout{name, {}});
            readFile(file, true, found->rows, static_cast<std::int32_t>(found - sets.begin()));
        }
    }

  private:
    std::int32_t trainedDomain(const std::string& name) {
        auto& names = m_set.m_domains;
        const auto found = std::find(names.begin(), names.end(), name);
        if (found != names.end()) return static_cast<std::int32_t>(found - names.begin());
        names.push_back(name);
        return static_cast<std::int32_t>(names.size()) - 1;
    }

    void readFile(const DataFile& file, bool heldout, RowStore& store, std::int32_t domain) {
        const fs::path path = m_folder / file.path;
        DataFileReport report{.path = path.string(),
                              .name = domainName(file),
                              .heldout = heldout,
                              .weight = heldout ? 1.0 : file.weight};
        auto read = readRows(path, m_options.stop, [&](std::int64_t done, std::int64_t total) {
            if (m_options.progress) m_options.progress({"reading " + path.filename().string(), done, total});
        });
        if (!read) {
            if (!m_options.tolerateBadFiles || read.error().code == ErrorCode::Interrupted)
                throw EngineException(read.error());
            report.error = std::string(read.error().parameter("detail"));
            if (report.error.empty()) report.error = "the file cannot be read";
        } else {
            keepProblems(*read);
            report.format = formatName(read->format);
            report.rejected = read->problemCount;
            encodeFile(*read, store, domain, report);
            requireRows(*read, report);
        }
        m_set.m_reports.push_back(std::move(report));
    }

    void keepProblems(const RowFile& read) {
        m_set.m_problemCount += read.problemCount;
        for (const RowProblem& problem : read.problems)
            if (m_set.m_problems.size() < kMaxKeptProblems) m_set.m_problems.push_back(problem);
    }

    void encodeFile(const RowFile& read, RowStore& store, std::int32_t domain, DataFileReport& report) {
        const auto encoded =
            encodeAll(read.rows, m_tokenizer, m_options, fs::path(report.path).filename().string());
        const auto fileIndex = static_cast<std::int32_t>(m_set.m_reports.size());
        for (std::size_t i = 0; i < encoded.size(); ++i) {
            const EncodedRow& row = encoded[i];
            countLength(report, row.fullLength);
            report.answerTokensLost += row.answerTokensLost;
            if (row.answerTokens == 0) {
                ++report.dropped;
                continue;
            }
            ++report.rows;
            if (row.fullLength > static_cast<std::int64_t>(row.ids.size())) ++report.truncated;
            store.add(row.ids, row.trained, fileIndex, domain, read.rows[i].line);
            if (report.heldout) count(report, store, store.size() - 1);
        }
    }

    void requireRows(const RowFile& read, DataFileReport& report) {
        if (report.rows > 0) return;
        const std::int64_t line = read.problems.empty() ? 1 : read.problems.front().line;
        std::string reason =
            read.problems.empty() ? "no answer token is left in any row" : read.problems.front().reason;
        if (read.problems.empty() && read.rows.empty()) reason = "the file holds no row";
        if (!m_options.tolerateBadFiles)
            throw EngineException(
                ErrorCode::RowBad,
                {{"file", report.path}, {"line", std::to_string(line)}, {"detail", std::move(reason)}});
        report.error = "no row can be used: " + reason;
    }

    static void count(DataFileReport& report, const RowStore& store, std::int64_t row) {
        ++report.used;
        report.tokens += store.length(row);
        report.answerTokens += store.row(row).answerTokens;
    }

    // Rows [firstRow, end) weight times: whole copies, then the first rows of a seeded permutation.
    void drawWeighted(double weight, std::int64_t firstRow) {
        const std::int64_t rows = m_set.m_rows.size() - firstRow;
        const double whole = std::floor(weight);
        const auto part = std::llround((weight - whole) * static_cast<double>(rows));
        DataFileReport& report = m_set.m_reports.back();
        const auto draw = [&](std::int64_t row) {
            m_set.m_epochRows.push_back(static_cast<std::int32_t>(row));
            count(report, m_set.m_rows, row);
        };
        for (std::int64_t copy = 0; copy < static_cast<std::int64_t>(whole); ++copy)
            for (std::int64_t i = 0; i < rows; ++i)
                draw(firstRow + i);
        if (part == 0) return;
        auto order = permutation(m_recipe.seed, DataPurpose::RowFraction,
                                 static_cast<std::uint32_t>(m_set.m_reports.size() - 1), rows);
        order.resize(static_cast<std::size_t>(part));
        std::sort(order.begin(), order.end());
        for (const std::int32_t i : order)
            draw(firstRow + i);
    }

    DataSet& m_set;
    const Recipe& m_recipe;
    fs::path m_folder;
    const Tokenizer& m_tokenizer;
    const Options& m_options;
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

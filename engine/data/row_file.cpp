// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/row_file.h"

#include <fmt/format.h>

#include <system_error>

#include "engine/data/file_kind.h"
#include "engine/data/row_feed.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;

std::int64_t sizeOf(const fs::path& file) {
    std::error_code error;
    const auto status = fs::status(file, error);
    if (!fs::exists(status)) throw EngineException(ErrorCode::FileMissing, {{"file", file.string()}});
    if (!fs::is_regular_file(status))
        throw EngineException(ErrorCode::FileUnreadable,
                              {{"file", file.string()}, {"detail", "it is not a file"}});
    const auto bytes = static_cast<std::int64_t>(fs::file_size(file, error));
    if (error)
        throw EngineException(ErrorCode::FileUnreadable,
                              {{"file", file.string()}, {"detail", error.message()}});
    return bytes;
}

const char* formatWord(FileFormat format) {
    switch (format) {
        case FileFormat::Csv:
            return "CSV, ";
        case FileFormat::Tsv:
            return "TSV, ";
        default:
            return "";
    }
}

void readAs(FileFormat format, RowFeed& feed) {
    switch (format) {
        case FileFormat::Json:
            return readJsonValues(feed);
        case FileFormat::Csv:
        case FileFormat::Tsv:
            return readDelimited(feed, format == FileFormat::Tsv);
        case FileFormat::Text:
            return readPlainText(feed);
        default:
            return readLines(feed);
    }
}

}  // namespace

RowFeed::RowFeed(const fs::path& file, std::int64_t bytes, const ColumnMapping& columns, const RowSink& sink,
                 std::stop_token stop)
    : in(file),
      mapper(columns),
      chosen(columns),
      m_file(file),
      m_bytes(bytes),
      m_sink(sink),
      m_stop(std::move(stop)) {
    if (!in.isOpen())
        throw EngineException(ErrorCode::FileUnreadable,
                              {{"file", file.string()}, {"detail", "it cannot be opened"}});
}

void RowFeed::accept(RowOrReason parsed, std::int64_t line) {
    if (!parsed) return problem(line, std::move(parsed.error()));
    if (m_accepted++ == 0) {
        const FileFormat format = facts.columns.format;
        facts.columns = std::move(parsed->columns);
        facts.columns.format = format;
        facts.known = std::move(parsed->known);
    } else if (parsed->columns.shape != facts.columns.shape) {
        ++facts.otherShapes;
    }
    parsed->row.line = line;
    if (m_sink.row) m_sink.row(std::move(parsed->row));
}

void RowFeed::problem(std::int64_t line, std::string reason) {
    if (m_sink.problem) m_sink.problem(line, std::move(reason));
}

void RowFeed::check() {
    if (m_stop.stop_requested()) throw EngineException(ErrorCode::Interrupted, {});
    if (!m_sink.progress || in.bytesRead() - m_told < static_cast<std::int64_t>(InputWindow::kChunk)) return;
    m_sink.progress(m_told = in.bytesRead(), m_bytes);
}

void RowFeed::finish() {
    if (in.failed())
        throw EngineException(ErrorCode::FileUnreadable,
                              {{"file", m_file.string()}, {"detail", "reading stopped before its end"}});
    if (m_sink.progress) m_sink.progress(m_bytes, m_bytes);
}

void RowFeed::refuse(const std::string& place, std::string detail) const {
    throw EngineException(ErrorCode::FileBad,
                          {{"file", m_file.string()}, {"place", place}, {"detail", std::move(detail)}});
}

std::string formatName(const RowFileFacts& facts) {
    if (facts.columns.format == FileFormat::Text) return "Plain text";
    const std::string shape = shapeName(facts.columns.shape);
    std::string name = formatWord(facts.columns.format) + (shape.empty() ? std::string("no rows") : shape);
    if (facts.otherShapes > 0) name += fmt::format(" and {} of other shapes", facts.otherShapes);
    return name;
}

Result<RowFileFacts> streamRows(const fs::path& file, const ColumnMapping& columns, const RowSink& sink,
                                std::stop_token stop) {
    try {
        RowFeed feed(file, sizeOf(file), columns, sink, std::move(stop));
        feed.check();
        feed.in.more();
        feed.facts.columns.format = unwrap(fileKind(file, feed.in.view(), columns.format));
        feed.in.skipMark();
        readAs(feed.facts.columns.format, feed);
        feed.finish();
        return std::move(feed.facts);
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
}

Result<RowFile> readRows(const fs::path& file, const ColumnMapping& columns, std::stop_token stop) {
    RowFile out;
    const RowSink sink{.row = [&](DataRow&& row) { out.rows.push_back(std::move(row)); },
                       .problem =
                           [&](std::int64_t line, std::string reason) {
                               ++out.problemCount;
                               if (out.problems.size() < kMaxKeptProblems)
                                   out.problems.push_back({file.string(), line, std::move(reason)});
                           },
                       .progress = {}};
    auto facts = streamRows(file, columns, sink, std::move(stop));
    if (!facts) return tl::unexpected(facts.error());
    out.facts = std::move(*facts);
    return out;
}

}  // namespace caravan::engine

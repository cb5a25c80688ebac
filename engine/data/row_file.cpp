// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "engine/data/data_row.h"
#include "engine/formats/bounded_json.h"

namespace caravan::engine {

tl::expected<ParsedRow, std::string> parseRowJson(const nlohmann::json& json);  // data_row.cpp

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxListBytes = 1u << 30;
constexpr std::size_t kChunk = 1u << 20;

// Lines of a file through one buffer; a line over the limit is skipped to its end.
class LineReader {
  public:
    explicit LineReader(const fs::path& file) : m_in(file, std::ios::binary) {}
    [[nodiscard]] bool good() const { return m_in.is_open(); }
    [[nodiscard]] bool failed() const { return m_in.bad(); }
    [[nodiscard]] std::int64_t bytesRead() const { return m_read; }
    [[nodiscard]] bool tooLong() const { return m_tooLong; }

    // The next line without its line feed, valid until the next call.
    bool next(std::string_view& line) {
        m_tooLong = false;
        for (std::size_t searched = m_at;;) {
            const void* found =
                m_end > searched ? std::memchr(m_buffer.data() + searched, '\n', m_end - searched) : nullptr;
            if (found)
                return take(static_cast<std::size_t>(static_cast<const char*>(found) - m_buffer.data()), 1,
                            line);
            if (m_end - m_at > kMaxRowBytes) {  // keep only what tells that it was too long
                m_tooLong = true;
                m_end = m_at;
            }
            const std::size_t held = m_end - m_at;
            if (!fill()) return (held > 0 || m_tooLong) && take(m_end, 0, line);
            searched = m_at + held;
        }
    }

  private:
    bool take(std::size_t end, std::size_t separator, std::string_view& line) {
        line = std::string_view(m_buffer.data() + m_at, end - m_at);
        m_tooLong = m_tooLong || line.size() > kMaxRowBytes;
        m_at = end + separator;
        return true;
    }
    // Appends a chunk behind the kept bytes, which move to the front.
    bool fill() {
        if (m_at > 0) std::memmove(m_buffer.data(), m_buffer.data() + m_at, m_end - m_at);
        m_end -= m_at;
        m_at = 0;
        m_buffer.resize(std::max(m_buffer.size(), m_end + kChunk));
        m_in.read(m_buffer.data() + m_end, kChunk);
        const auto got = static_cast<std::size_t>(m_in.gcount());
        m_end += got;
        m_read += static_cast<std::int64_t>(got);
        return got > 0;
    }
    std::ifstream m_in;
    std::vector<char> m_buffer;
    std::size_t m_at = 0, m_end = 0;
    std::int64_t m_read = 0;
    bool m_tooLong = false;
};

class Collector {
  public:
    explicit Collector(std::string file) : m_file(std::move(file)) {}
    void add(tl::expected<ParsedRow, std::string> parsed, std::int64_t line) {
        if (!parsed) return problem(line, std::move(parsed.error()));
        if (m_out.rows.empty()) m_out.format = parsed->format;
        parsed->row.line = line;
        m_out.rows.push_back(std::move(parsed->row));
    }
    void problem(std::int64_t line, std::string reason) {
        ++m_out.problemCount;
        if (m_out.problems.size() < kMaxKeptProblems)
            m_out.problems.push_back({m_file, line, std::move(reason)});
    }
    [[nodiscard]] RowFile take() { return std::move(m_out); }

  private:
    std::string m_file;
    RowFile m_out;
};

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Result<RowFile> readList(const fs::path& file, std::stop_token stop) {
    auto text = readTextFile(file, kMaxListBytes);
    if (!text) return tl::unexpected(text.error());
    const bool mark = text->starts_with("\xEF\xBB\xBF");
    const auto json = parseJson(std::string_view(*text).substr(mark ? 3 : 0), file.string(),
                                {.bytes = kMaxListBytes, .stringLength = kMaxRowBytes});
    if (!json) return tl::unexpected(json.error());
    Collector rows(file.string());
    for (std::size_t i = 0; i < json->size(); ++i) {
        if (stop.stop_requested()) return fail(ErrorCode::Interrupted, {});
        rows.add(parseRowJson((*json)[i]), static_cast<std::int64_t>(i) + 1);
    }
    return rows.take();
}

bool beginsList(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::string head(4096, '\0');
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(in.gcount()));
    if (head.starts_with("\xEF\xBB\xBF")) head.erase(0, 3);
    const std::string_view text = trimmed(head);
    return !text.empty() && text.front() == '[';
}

Result<RowFile> readLines(const fs::path& file, std::int64_t bytes, std::stop_token stop,
                          const BytesRead& progress) {
    LineReader reader(file);
    if (!reader.good())
        return fail(ErrorCode::FileUnreadable, {{"file", file.string()}, {"detail", "it cannot be opened"}});
    Collector rows(file.string());
    std::int64_t number = 0, reported = 0;
    for (std::string_view line; reader.next(line);) {
        if (++number == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
        if (stop.stop_requested()) return fail(ErrorCode::Interrupted, {});
        if (reader.tooLong())
            rows.problem(number, "it is longer than 8 MiB");
        else if (!trimmed(line).empty())
            rows.add(parseRow(trimmed(line)), number);
        if (progress && reader.bytesRead() - reported >= static_cast<std::int64_t>(kChunk))
            progress(reported = reader.bytesRead(), bytes);
    }
    if (reader.failed())
        return fail(ErrorCode::FileUnreadable,
                    {{"file", file.string()}, {"detail", "reading stopped before its end"}});
    if (progress) progress(bytes, bytes);
    return rows.take();
}

}  // namespace

Result<RowFile> readRows(const fs::path& file, std::stop_token stop, const BytesRead& progress) {
    std::error_code error;
    const auto status = fs::status(file, error);
    if (!fs::exists(status)) return fail(ErrorCode::FileMissing, {{"file", file.string()}});
    if (!fs::is_regular_file(status))
        return fail(ErrorCode::FileUnreadable, {{"file", file.string()}, {"detail", "it is not a file"}});
    const auto bytes = static_cast<std::int64_t>(fs::file_size(file, error));
    if (error) return fail(ErrorCode::FileUnreadable, {{"file", file.string()}, {"detail", error.message()}});
    return beginsList(file) ? readList(file, stop) : readLines(file, bytes, stop, progress);
}

}  // namespace caravan::engine

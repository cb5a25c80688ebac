// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/file_kind.h"

#include <algorithm>

#include "engine/data/json_elements.h"

namespace caravan::engine {
namespace {

struct Magic {
    std::string_view bytes;
    const char* detail;
};
using namespace std::string_view_literals;
// Containers that hold no rows as text, and how to get some.
constexpr Magic kForeign[] = {
    {"PAR1"sv,
     "Parquet is not read; convert it: python3 -c \"import pandas, sys; "
     "pandas.read_parquet(sys.argv[1]).to_json(sys.argv[2], orient='records', lines=True)\" IN.parquet "
     "OUT.jsonl"},
    {"ARROW1"sv, "Arrow files are not read; save the table as JSON Lines or CSV"},
    {"\x1F\x8B"sv, "it is compressed with gzip; unpack it with gunzip"},
    {"\x28\xB5\x2F\xFD"sv, "it is compressed with Zstandard; unpack it with unzstd"},
    {"BZh"sv, "it is compressed with bzip2; unpack it with bunzip2"},
    {"\xFD\x37zXZ"sv, "it is compressed with xz; unpack it with unxz"},
    {"PK\x03\x04"sv, "it is a zip archive or a spreadsheet; unpack it, or save the sheet as CSV"},
    {"SQLite format 3"sv, "it is an SQLite database; export the table as CSV"},
    {"\x89PNG"sv, "it is a picture"},
    {"%PDF"sv, "it is a PDF document; save its text"},
    {"\x7F"
     "ELF"sv,
     "it is a program"},
    {"\xFF\xFE"sv, "it is UTF-16; convert it: iconv -f UTF-16 -t UTF-8"},
    {"\xFE\xFF"sv, "it is UTF-16; convert it: iconv -f UTF-16 -t UTF-8"},
};

tl::unexpected<Error> bad(const std::filesystem::path& file, std::string detail) {
    return fail(ErrorCode::FileBad,
                {{"file", file.string()}, {"place", "its first bytes"}, {"detail", std::move(detail)}});
}

std::string extensionOf(const std::filesystem::path& file) {
    std::string extension = file.extension().string();
    for (char& c : extension)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return extension;
}

std::optional<FileFormat> byName(const std::string& extension) {
    if (extension == ".jsonl" || extension == ".ndjson" || extension == ".jsonlines")
        return FileFormat::JsonLines;
    if (extension == ".json") return FileFormat::Json;
    if (extension == ".csv") return FileFormat::Csv;
    if (extension == ".tsv" || extension == ".tab") return FileFormat::Tsv;
    if (extension == ".txt" || extension == ".text" || extension == ".md") return FileFormat::Text;
    return std::nullopt;
}

// Whether the value that the text begins with ends on its first line.
bool closesOnItsLine(std::string_view text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    return line.size() == text.size() || ElementScanner().next(line) != std::string_view::npos;
}

}  // namespace

Result<FileFormat> fileKind(const std::filesystem::path& file, std::string_view head, FileFormat chosen) {
    for (const Magic& magic : kForeign)
        if (head.starts_with(magic.bytes)) return bad(file, magic.detail);
    const auto zeros = static_cast<std::size_t>(std::count(head.begin(), head.end(), '\0'));
    if (zeros > head.size() / 4)
        return bad(file, head.starts_with('\0') || head.substr(1).starts_with('\0')
                             ? "it looks like UTF-16; convert it: iconv -f UTF-16 -t UTF-8"
                             : "it holds binary data, not text");
    if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
    if (chosen != FileFormat::Auto) return chosen;

    const auto named = byName(extensionOf(file));
    if (named == FileFormat::Text) return FileFormat::Text;
    const std::size_t first = head.find_first_not_of(" \t\r\n");
    const std::string_view text = first == std::string_view::npos ? std::string_view() : head.substr(first);
    if (text.empty()) return named.value_or(FileFormat::JsonLines);
    if (text.front() == '[') {
        const std::size_t inner = text.find_first_not_of(" \t\r\n", 1);
        const bool rows = inner == std::string_view::npos || text[inner] == '{' || text[inner] == ']';
        return rows || !named || *named == FileFormat::Json ? FileFormat::Json : *named;
    }
    if (text.front() == '{') {
        if (named == FileFormat::JsonLines) return FileFormat::JsonLines;
        return closesOnItsLine(text) ? FileFormat::JsonLines : FileFormat::Json;
    }
    if (named) return *named;
    return bad(file,
               "it does not begin like JSON and its name does not end in .jsonl, .json, .csv, .tsv or .txt; "
               "say its format");
}

}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/stored_zip.h"

#include <fmt/format.h>

#include <cstring>

#include "engine/formats/mapped_file.h"

// The layout is PKWARE's APPNOTE: local headers, central directory, end records.
namespace caravan::engine {
namespace {

constexpr std::uint32_t kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50,
                        kCentral = 0x02014b50, kLocal = 0x04034b50;
constexpr std::size_t kEndBytes = 22, kLocatorBytes = 20, kEnd64Bytes = 56, kCentralBytes = 46,
                      kLocalBytes = 30;
constexpr std::uint64_t kMaxMembers = 1'000'000;

class Reader {
  public:
    Reader(std::span<const std::byte> bytes, std::string file) : m_bytes(bytes), m_file(std::move(file)) {}

    [[noreturn]] void bad(std::string place, std::string detail) const {
        throw EngineException(ErrorCode::FileBad,
                              {{"file", m_file}, {"place", std::move(place)}, {"detail", std::move(detail)}});
    }
    template <class T>
    [[nodiscard]] T at(std::uint64_t offset) const {
        if (offset > m_bytes.size() || m_bytes.size() - offset < sizeof(T))
            bad(fmt::format("byte {}", offset), "it lies beyond the end of the file");
        T value;
        std::memcpy(&value, m_bytes.data() + offset, sizeof(T));
        return value;
    }
    [[nodiscard]] std::span<const std::byte> slice(std::uint64_t offset, std::uint64_t size) const {
        if (offset > m_bytes.size() || m_bytes.size() - offset < size)
            bad(fmt::format("byte {}", offset), fmt::format("{} bytes lie beyond the end of the file", size));
        return m_bytes.subspan(offset, size);
    }
    [[nodiscard]] std::string text(std::uint64_t offset, std::uint64_t size) const {
        const auto bytes = slice(offset, size);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    [[nodiscard]] std::uint64_t size() const { return m_bytes.size(); }

  private:
    std::span<const std::byte> m_bytes;
    std::string m_file;
};

struct Directory {
    std::uint64_t offset = 0, members = 0;
};

// The end record stands at the end of the file, before a comment of at most 65,535 bytes.
std::uint64_t findEnd(const Reader& in) {
    if (in.size() < kEndBytes) in.bad("end of the file", "no zip archive");
    const std::uint64_t last = in.size() - kEndBytes;
    for (std::uint64_t back = 0; back <= std::min<std::uint64_t>(last, 65535); ++back)
        if (in.at<std::uint32_t>(last - back) == kEnd) return last - back;
    in.bad("end of the file", "no zip archive");
}

Directory findDirectory(const Reader& in) {
    const std::uint64_t end = findEnd(in);
    Directory directory{in.at<std::uint32_t>(end + 16), in.at<std::uint16_t>(end + 10)};
    if (end < kLocatorBytes || in.at<std::uint32_t>(end - kLocatorBytes) != kLocator64) return directory;
    const auto end64 = in.at<std::uint64_t>(end - kLocatorBytes + 8);
    (void)in.slice(end64, kEnd64Bytes);
    if (in.at<std::uint32_t>(end64) != kEnd64) in.bad(fmt::format("byte {}", end64), "no zip64 end record");
    return {in.at<std::uint64_t>(end64 + 48), in.at<std::uint64_t>(end64 + 32)};
}

struct Sizes {
    std::uint64_t packed, plain, offset;
};

// The zip64 extra field holds, in this order, those of plain, packed, offset that are all ones in the record.
void widen(const Reader& in, std::uint64_t extra, std::uint64_t extraBytes, Sizes& sizes) {
    const std::uint64_t end = extra + extraBytes;
    while (extra + 4 <= end) {
        const auto id = in.at<std::uint16_t>(extra), length = in.at<std::uint16_t>(extra + 2);
        std::uint64_t at = extra + 4;
        extra = at + length;
        if (id != 1) continue;
        for (std::uint64_t* size : {&sizes.plain, &sizes.packed, &sizes.offset}) {
            if (*size != 0xffffffffu) continue;
            *size = in.at<std::uint64_t>(at);
            at += 8;
        }
        return;
    }
}

void readMembers(const Reader& in, StoredZip& zip) {
    const Directory directory = findDirectory(in);
    if (directory.members > kMaxMembers)
        in.bad("central directory", fmt::format("{} members are too many", directory.members));
    std::uint64_t at = directory.offset;
    for (std::uint64_t i = 0; i < directory.members; ++i) {
        (void)in.slice(at, kCentralBytes);
        if (in.at<std::uint32_t>(at) != kCentral)
            in.bad(fmt::format("byte {}", at), "no entry of the central directory");
        const auto flags = in.at<std::uint16_t>(at + 8), method = in.at<std::uint16_t>(at + 10);
        const auto nameBytes = in.at<std::uint16_t>(at + 28), extraBytes = in.at<std::uint16_t>(at + 30),
                   commentBytes = in.at<std::uint16_t>(at + 32);
        Sizes sizes{in.at<std::uint32_t>(at + 20), in.at<std::uint32_t>(at + 24),
                    in.at<std::uint32_t>(at + 42)};
        const std::string name = in.text(at + kCentralBytes, nameBytes);
        widen(in, at + kCentralBytes + nameBytes, extraBytes, sizes);
        if (method != 0 || (flags & 1) != 0 || sizes.packed != sizes.plain)
            in.bad("member " + name.substr(0, 200), "it is compressed or encrypted");
        (void)in.slice(sizes.offset, kLocalBytes);
        if (in.at<std::uint32_t>(sizes.offset) != kLocal)
            in.bad("member " + name.substr(0, 200), "no local header");
        const std::uint64_t data = sizes.offset + kLocalBytes + in.at<std::uint16_t>(sizes.offset + 26) +
                                   in.at<std::uint16_t>(sizes.offset + 28);
        if (!zip.members.emplace(name, in.slice(data, sizes.plain)).second)
            in.bad("member " + name.substr(0, 200), "it is there twice");
        at += kCentralBytes + nameBytes + extraBytes + commentBytes;
    }
}

}  // namespace

Result<StoredZip> openStoredZip(const std::filesystem::path& path) {
    auto mapped = mapFile(path);
    if (!mapped) return tl::unexpected(mapped.error());
    StoredZip zip;
    zip.mapping = *mapped;
    try {
        readMembers(Reader((*mapped)->bytes(), path.string()), zip);
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    }
    return zip;
}

}  // namespace caravan::engine

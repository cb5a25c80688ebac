// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/routing_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

namespace caravan::engine {
namespace {

constexpr char kMagic[9] = "CVROUTE\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::int64_t kPrefix = 16;            // magic, version, header length
constexpr std::uint32_t kMaxHeader = 1u << 20;  // bytes
constexpr std::size_t kMaxCells = 64u << 20;    // values per record
constexpr std::size_t kStepBytes = 16;

std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
    static const auto table = [] {
        std::array<std::uint32_t, 256> t{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t c = i;
            for (int k = 0; k < 8; ++k)
                c = (c & 1) ? 0xEDB88320u ^ (c >> 1) : c >> 1;
            t[i] = c;
        }
        return t;
    }();
    std::uint32_t c = 0xFFFFFFFFu;
    for (const std::uint8_t b : bytes)
        c = table[(c ^ b) & 0xFF] ^ (c >> 8);
    return c ^ 0xFFFFFFFFu;
}

tl::unexpected<Error> bad(const std::string& path, std::string place, std::string detail) {
    return fail(ErrorCode::FileBad,
                {{"file", path}, {"place", std::move(place)}, {"detail", std::move(detail)}});
}
tl::unexpected<Error> unreadable(const std::string& path) {
    if (errno == ENOENT) return fail(ErrorCode::FileMissing, {{"file", path}});
    return fail(ErrorCode::FileUnreadable, {{"file", path}, {"detail", std::strerror(errno)}});
}
tl::unexpected<Error> unwritten(const std::string& path, std::size_t bytes) {
    return fail(ErrorCode::WriteFailed,
                {{"path", path}, {"bytes", std::to_string(bytes)}, {"detail", std::strerror(errno)}});
}

bool readAt(int fd, void* data, std::size_t size, std::int64_t offset) {
    auto* out = static_cast<std::uint8_t*>(data);
    while (size > 0) {
        const ssize_t n = pread(fd, out, size, offset);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            if (n == 0) errno = EIO;
            return false;
        }
        out += n;
        offset += n;
        size -= static_cast<std::size_t>(n);
    }
    return true;
}

bool writeAt(int fd, std::span<const std::uint8_t> data, std::int64_t offset) {
    while (!data.empty()) {
        const ssize_t n = pwrite(fd, data.data(), data.size(), offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        data = data.subspan(static_cast<std::size_t>(n));
        offset += n;
    }
    return true;
}

std::int64_t fileSize(int fd) {
    struct stat info {};
    return fstat(fd, &info) == 0 ? static_cast<std::int64_t>(info.st_size) : -1;
}

std::vector<std::uint8_t> headerBytes(const RoutingShape& shape) {
    std::string text = nlohmann::json{
        {"layers", shape.layers},
        {"experts", shape.experts},
        {"top_k", shape.topK},
        {"domains",
         shape.domains}}.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const auto length = static_cast<std::uint32_t>(text.size());
    std::vector<std::uint8_t> out(kPrefix + text.size());
    std::memcpy(out.data(), kMagic, 8);
    std::memcpy(out.data() + 8, &kVersion, 4);
    std::memcpy(out.data() + 12, &length, 4);
    std::memcpy(out.data() + kPrefix, text.data(), text.size());
    return out;
}

Result<RoutingShape> shapeFromJson(const std::string& path, const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    RoutingShape shape;
    try {
        json.at("layers").get_to(shape.layers);
        json.at("experts").get_to(shape.experts);
        json.at("top_k").get_to(shape.topK);
        json.at("domains").get_to(shape.domains);
    } catch (const nlohmann::json::exception&) {
        return bad(path, "header", "it is not the JSON object that describes the records");
    }
    const auto positive = [](std::int64_t v) { return v > 0 && v <= 65536; };
    if (shape.layers.empty() || shape.layers.size() > 4096 || !positive(shape.experts) ||
        !positive(shape.topK) || shape.domains.empty() || shape.domains.size() > 4096 ||
        shape.valueCount() > kMaxCells)
        return bad(path, "header", "layers, experts or domains are out of range");
    return shape;
}

struct Header {
    RoutingShape shape;
    std::int64_t bytes = 0;
};
Result<Header> readHeader(int fd, const std::string& path) {
    std::array<std::uint8_t, kPrefix> prefix{};
    const std::int64_t size = fileSize(fd);
    if (size < kPrefix) return bad(path, "byte 0", "the file is shorter than its header");
    if (!readAt(fd, prefix.data(), prefix.size(), 0)) return unreadable(path);
    std::uint32_t version = 0, length = 0;
    std::memcpy(&version, prefix.data() + 8, 4);
    std::memcpy(&length, prefix.data() + 12, 4);
    if (std::memcmp(prefix.data(), kMagic, 8) != 0) return bad(path, "byte 0", "not a routing file");
    if (version != kVersion)
        return bad(path, "byte 8",
                   "format version " + std::to_string(version) + ", known is " + std::to_string(kVersion));
    if (length > kMaxHeader || kPrefix + length > size)
        return bad(path, "byte 12", "header length " + std::to_string(length) + " exceeds the file");
    std::string text(length, '\0');
    if (!readAt(fd, text.data(), text.size(), kPrefix)) return unreadable(path);
    auto shape = shapeFromJson(path, text);
    if (!shape) return tl::unexpected(shape.error());
    return Header{std::move(*shape), kPrefix + length};
}

}  // namespace

StepIndex routingStride(StepIndex steps, Bytes recordBytes, Bytes limit) {
    if (steps <= 0 || recordBytes <= 0 || limit <= 0) return 1;
    const double total = static_cast<double>(steps) * static_cast<double>(recordBytes);
    const auto stride = static_cast<StepIndex>(total / static_cast<double>(limit));
    return std::max<StepIndex>(
        1, static_cast<double>(stride) * static_cast<double>(limit) < total ? stride + 1 : stride);
}

Result<RoutingFileWriter> RoutingFileWriter::open(const std::string& path, const RoutingShape& shape) {
    RoutingFileWriter w;
    w.m_path = path;
    w.m_shape = shape;
    w.m_fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (w.m_fd < 0) return unwritten(path, 0);
    const std::int64_t size = fileSize(w.m_fd);
    const auto head = headerBytes(shape);
    const auto headSize = static_cast<std::int64_t>(head.size());
    if (size < headSize) {  // new, or torn inside the header
        if (ftruncate(w.m_fd, 0) != 0 || !writeAt(w.m_fd, head, 0)) return unwritten(path, head.size());
        w.m_end = headSize;
        return w;
    }
    const auto found = readHeader(w.m_fd, path);
    if (!found) return tl::unexpected(found.error());
    if (found->shape != shape)
        return bad(path, "header", "it was written for other layers, experts or domains");
    const std::int64_t whole = (size - found->bytes) / shape.recordBytes();
    w.m_end = found->bytes + whole * shape.recordBytes();
    if (w.m_end != size && ftruncate(w.m_fd, w.m_end) != 0) return unwritten(path, 0);
    return w;
}

RoutingFileWriter::RoutingFileWriter(RoutingFileWriter&& other) noexcept {
    *this = std::move(other);
}
RoutingFileWriter& RoutingFileWriter::operator=(RoutingFileWriter&& other) noexcept {
    std::swap(m_path, other.m_path);
    std::swap(m_shape, other.m_shape);
    std::swap(m_fd, other.m_fd);
    std::swap(m_end, other.m_end);
    return *this;
}
RoutingFileWriter::~RoutingFileWriter() {
    if (m_fd >= 0) close(m_fd);
}

Result<void> RoutingFileWriter::append(const RoutingRecord& record) {
    const std::size_t valueBytes = m_shape.valueCount() * sizeof(float);
    if (record.values.size() != m_shape.valueCount() || record.layers != m_shape.layers ||
        record.experts != m_shape.experts || record.domains != m_shape.domains)
        return fail(ErrorCode::Internal, {{"detail", "a routing record has another shape than its file"}});
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(m_shape.recordBytes()));
    std::memcpy(bytes.data(), &record.firstStep, 8);
    std::memcpy(bytes.data() + 8, &record.step, 8);
    std::memcpy(bytes.data() + kStepBytes, record.values.data(), valueBytes);
    const std::uint32_t crc = crc32(std::span(bytes).first(kStepBytes + valueBytes));
    std::memcpy(bytes.data() + kStepBytes + valueBytes, &crc, 4);
    if (!writeAt(m_fd, bytes, m_end)) {
        const int cause = errno;
        (void)!ftruncate(m_fd, m_end);
        errno = cause;
        return unwritten(m_path, bytes.size());
    }
    m_end += static_cast<std::int64_t>(bytes.size());
    return {};
}

Result<void> RoutingFileWriter::sync() {
    if (fdatasync(m_fd) != 0) return unwritten(m_path, 0);
    return {};
}

Result<RoutingFileReader> RoutingFileReader::open(const std::string& path) {
    RoutingFileReader r;
    r.m_path = path;
    r.m_fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (r.m_fd < 0) return unreadable(path);
    auto header = readHeader(r.m_fd, path);
    if (!header) return tl::unexpected(header.error());
    r.m_shape = std::move(header->shape);
    r.m_end = header->bytes;
    const auto taken = r.refresh();
    if (!taken) return tl::unexpected(taken.error());
    return r;
}

RoutingFileReader::RoutingFileReader(RoutingFileReader&& other) noexcept {
    *this = std::move(other);
}
RoutingFileReader& RoutingFileReader::operator=(RoutingFileReader&& other) noexcept {
    std::swap(m_path, other.m_path);
    std::swap(m_shape, other.m_shape);
    std::swap(m_fd, other.m_fd);
    std::swap(m_end, other.m_end);
    std::swap(m_entries, other.m_entries);
    return *this;
}
RoutingFileReader::~RoutingFileReader() {
    if (m_fd >= 0) close(m_fd);
}

Result<bool> RoutingFileReader::refresh() {
    const std::int64_t size = fileSize(m_fd);
    const std::int64_t record = m_shape.recordBytes();
    bool any = false;
    for (; m_end + record <= size; m_end += record) {
        Entry entry;
        std::array<std::int64_t, 2> steps{};
        if (!readAt(m_fd, steps.data(), kStepBytes, m_end)) return unreadable(m_path);
        entry.firstStep = steps[0];
        entry.step = steps[1];
        entry.offset = m_end;
        if (entry.firstStep > entry.step || entry.firstStep < 0)
            return bad(m_path, "byte " + std::to_string(m_end), "a record's steps are out of order");
        while (!m_entries.empty() && m_entries.back().step >= entry.firstStep)
            m_entries.pop_back();
        m_entries.push_back(entry);
        any = true;
    }
    return any;
}

Result<RoutingRecord> RoutingFileReader::read(const Entry& entry) const {
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(m_shape.recordBytes()));
    if (!readAt(m_fd, bytes.data(), bytes.size(), entry.offset)) return unreadable(m_path);
    const std::size_t payload = bytes.size() - 8;
    std::uint32_t crc = 0;
    std::memcpy(&crc, bytes.data() + payload, 4);
    if (crc != crc32(std::span(bytes).first(payload)))
        return bad(m_path, "byte " + std::to_string(entry.offset), "a record's checksum does not match");
    RoutingRecord record;
    record.firstStep = entry.firstStep;
    record.step = entry.step;
    record.layers = m_shape.layers;
    record.experts = m_shape.experts;
    record.topK = m_shape.topK;
    record.domains = m_shape.domains;
    record.values.resize(m_shape.valueCount());
    std::memcpy(record.values.data(), bytes.data() + kStepBytes, record.values.size() * sizeof(float));
    return record;
}

Result<std::optional<RoutingRecord>> RoutingFileReader::at(StepIndex step) const {
    const auto after = std::upper_bound(m_entries.begin(), m_entries.end(), step,
                                        [](StepIndex s, const Entry& e) { return s < e.step; });
    if (after == m_entries.begin()) return std::optional<RoutingRecord>{};
    auto record = read(*std::prev(after));
    if (!record) return tl::unexpected(record.error());
    return std::optional<RoutingRecord>(std::move(*record));
}

Result<std::optional<RoutingRecord>> RoutingFileReader::sum(StepIndex first, StepIndex last) const {
    std::optional<RoutingRecord> total;
    for (const Entry& entry : m_entries) {
        if (entry.step < first || entry.step > last) continue;
        auto record = read(entry);
        if (!record) return tl::unexpected(record.error());
        if (!total) {
            total = std::move(*record);
            continue;
        }
        total->step = record->step;
        for (std::size_t i = 0; i < total->values.size(); ++i)
            total->values[i] += record->values[i];
    }
    return total;
}

}  // namespace caravan::engine

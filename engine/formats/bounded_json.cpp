// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/bounded_json.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace caravan::engine {
namespace {

using nlohmann::json;

std::string placeOf(std::string_view text, std::size_t position) {
    position = std::min(position, text.size());
    std::size_t line = 1;
    for (std::size_t i = 0; i < position; ++i)
        line += text[i] == '\n';
    return fmt::format("line {}, byte {}", line, position);
}

struct Descriptor {
    int fd;
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
};

}  // namespace

Result<json> parseJson(std::string_view text, std::string_view name, const JsonLimits& limits) {
    if (text.size() > limits.bytes)
        return fail(ErrorCode::FileTooLarge, {{"file", std::string(name)},
                                              {"place", "its size"},
                                              {"bytes", std::to_string(text.size())},
                                              {"limit", std::to_string(limits.bytes)}});
    json root;
    JsonBuilder builder(limits, root);
    // The iterator knows how far the parser came when the builder itself refuses.
    const char* at = text.data();
    struct Cursor {
        using iterator_category = std::input_iterator_tag;
        using value_type = char;
        using difference_type = std::ptrdiff_t;
        using pointer = const char*;
        using reference = const char&;
        const char* p;
        const char** seen;
        reference operator*() const { return *p; }
        Cursor& operator++() {
            ++p;
            if (p > *seen) *seen = p;
            return *this;
        }
        Cursor operator++(int) {
            Cursor old = *this;
            ++*this;
            return old;
        }
        bool operator==(const Cursor& other) const { return p == other.p; }
        bool operator!=(const Cursor& other) const { return p != other.p; }
    };
    const Cursor begin{text.data(), &at}, end{text.data() + text.size(), &at};
    if (json::sax_parse(begin, end, &builder)) return root;
    const std::size_t position = builder.position() != std::string::npos
                                     ? builder.position()
                                     : static_cast<std::size_t>(at - text.data());
    return fail(ErrorCode::FileBad,
                {{"file", std::string(name)},
                 {"place", placeOf(text, position)},
                 {"detail", builder.reason().empty() ? "not valid JSON" : builder.reason()}});
}

Result<std::string> readTextFile(const std::filesystem::path& path, std::size_t limit) {
    const std::string name = path.string();
    const Descriptor file{::open(name.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR) return fail(ErrorCode::FileMissing, {{"file", name}});
        return fail(ErrorCode::FileUnreadable, {{"file", name}, {"detail", std::strerror(errno)}});
    }
    struct stat status {};
    if (::fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode))
        return fail(ErrorCode::FileUnreadable, {{"file", name}, {"detail", "not a regular file"}});
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size > limit)
        return fail(ErrorCode::FileTooLarge, {{"file", name},
                                              {"place", "its size"},
                                              {"bytes", std::to_string(size)},
                                              {"limit", std::to_string(limit)}});
    std::string text(size, '\0');
    std::size_t done = 0;
    while (done < size) {
        const ssize_t n = ::read(file.fd, text.data() + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(ErrorCode::FileUnreadable, {{"file", name}, {"detail", std::strerror(errno)}});
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    text.resize(done);
    return text;
}

Result<json> readJsonFile(const std::filesystem::path& path, const JsonLimits& limits) {
    auto text = readTextFile(path, limits.bytes);
    if (!text) return tl::unexpected(text.error());
    return parseJson(*text, path.string(), limits);
}

}  // namespace caravan::engine

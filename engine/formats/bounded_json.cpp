// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/bounded_json.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <unordered_set>
#include <vector>

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

// Builds the value and counts while the parser runs; false stops it at once.
class BoundedBuilder {
  public:
    BoundedBuilder(const JsonLimits& limits, json& root) : m_limits(limits), m_root(root) {}

    bool null() { return put(nullptr); }
    bool boolean(bool value) { return put(value); }
    bool number_integer(json::number_integer_t value) { return put(value); }
    bool number_unsigned(json::number_unsigned_t value) { return put(value); }
    bool number_float(json::number_float_t value, const std::string&) { return put(value); }
    bool string(std::string& value) { return fits(value) && put(std::move(value)); }
    bool binary(json::binary_t&) { return refuse("binary data"); }

    bool start_object(std::size_t) {
        if (!open(json::object())) return false;
        m_keys.emplace_back();
        return true;
    }
    bool key(std::string& value) {
        if (!fits(value) || !count()) return false;
        if (m_limits.refuseDuplicateKeys && !m_keys.back().insert(value).second)
            return refuse(fmt::format("the key \"{}\" is there twice", value.substr(0, 200)));
        m_key = std::move(value);
        return true;
    }
    bool end_object() {
        m_keys.pop_back();
        return close();
    }
    bool start_array(std::size_t) { return open(json::array()); }
    bool end_array() { return close(); }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
        m_position = position > 0 ? position - 1 : 0;
        std::string_view detail = error.what();
        // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ...": the last part
        // says it.
        if (const std::size_t at = detail.find(": "); at != std::string_view::npos)
            detail.remove_prefix(at + 2);
        m_reason = fmt::format("not valid JSON: {}", detail.substr(0, 300));
        return false;
    }

    [[nodiscard]] const std::string& reason() const { return m_reason; }
    [[nodiscard]] std::size_t position() const { return m_position; }

  private:
    bool refuse(std::string reason) {
        m_reason = std::move(reason);
        return false;
    }
    bool count() {
        return ++m_nodes <= m_limits.nodes || refuse(fmt::format("more than {} values", m_limits.nodes));
    }
    bool fits(const std::string& value) {
        return value.size() <= m_limits.stringLength ||
               refuse(
                   fmt::format("a string of {} bytes, the limit is {}", value.size(), m_limits.stringLength));
    }
    json* add(json value) {
        if (m_stack.empty()) return &(m_root = std::move(value));
        json& parent = *m_stack.back();
        if (parent.is_array()) return &parent.get_ref<json::array_t&>().emplace_back(std::move(value));
        return &(parent.get_ref<json::object_t&>()[m_key] = std::move(value));
    }
    template <class T>
    bool put(T&& value) {
        if (!count()) return false;
        add(json(std::forward<T>(value)));
        return true;
    }
    bool open(json value) {
        if (!count()) return false;
        if (m_stack.size() >= m_limits.depth)
            return refuse(fmt::format("nested deeper than {}", m_limits.depth));
        m_stack.push_back(add(std::move(value)));
        return true;
    }
    bool close() {
        m_stack.pop_back();
        return true;
    }

    const JsonLimits& m_limits;
    json& m_root;
    std::vector<json*> m_stack;  // containers that are open; a parent does not grow while its child is
    std::vector<std::unordered_set<std::string>> m_keys;
    std::string m_key;
    std::size_t m_nodes = 0;
    std::string m_reason;
    std::size_t m_position = std::string::npos;
};

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
    BoundedBuilder builder(limits, root);
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

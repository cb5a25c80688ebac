// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace caravan::engine {

// Caps on untrusted JSON. A text that passes one is refused with ErrorCode::FileTooLarge or FileBad.
struct JsonLimits {
    std::size_t bytes = 256u << 20;        // of the whole text
    std::size_t depth = 64;                // nested arrays and objects
    std::size_t nodes = 8'000'000;         // values and keys
    std::size_t stringLength = 16u << 20;  // bytes of one string or key
    bool refuseDuplicateKeys = false;      // else the last one counts
    bool allowBinary = false;              // byte strings, which only CBOR has
};

// Builds the value and counts while the parser runs; false stops it at once.
class JsonBuilder {
  public:
    JsonBuilder(const JsonLimits& limits, nlohmann::json& root) : m_limits(limits), m_root(root) {}

    bool null() { return put(nullptr); }
    bool boolean(bool value) { return put(value); }
    bool number_integer(nlohmann::json::number_integer_t value) { return put(value); }
    bool number_unsigned(nlohmann::json::number_unsigned_t value) { return put(value); }
    bool number_float(nlohmann::json::number_float_t value, const std::string&) { return put(value); }
    bool string(std::string& value) { return fits(value) && put(std::move(value)); }
    bool binary(nlohmann::json::binary_t& value) {
        if (!m_limits.allowBinary) return refuse("binary data");
        return put(std::move(value));
    }

    bool start_object(std::size_t) {
        if (!open(nlohmann::json::object())) return false;
        m_keys.emplace_back();
        return true;
    }
    bool key(std::string& value) {
        if (!fits(value) || !count()) return false;
        if (m_limits.refuseDuplicateKeys && !m_keys.back().insert(value).second)
            return refuse("the key \"" + value.substr(0, 200) + "\" is there twice");
        m_key = std::move(value);
        return true;
    }
    bool end_object() {
        m_keys.pop_back();
        return close();
    }
    bool start_array(std::size_t) { return open(nlohmann::json::array()); }
    bool end_array() { return close(); }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
        m_position = position > 0 ? position - 1 : 0;
        std::string_view detail = error.what();
        // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ...": the last part
        // says it.
        if (const std::size_t at = detail.find(": "); at != std::string_view::npos)
            detail.remove_prefix(at + 2);
        m_reason = "not valid JSON: " + std::string(detail.substr(0, 300));
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
        return ++m_nodes <= m_limits.nodes ||
               refuse("more than " + std::to_string(m_limits.nodes) + " values");
    }
    bool fits(const std::string& value) {
        return value.size() <= m_limits.stringLength ||
               refuse("a string of " + std::to_string(value.size()) + " bytes, the limit is " +
                      std::to_string(m_limits.stringLength));
    }
    nlohmann::json* add(nlohmann::json value) {
        if (m_stack.empty()) return &(m_root = std::move(value));
        nlohmann::json& parent = *m_stack.back();
        if (parent.is_array())
            return &parent.get_ref<nlohmann::json::array_t&>().emplace_back(std::move(value));
        return &(parent.get_ref<nlohmann::json::object_t&>()[m_key] = std::move(value));
    }
    template <class T>
    bool put(T&& value) {
        if (!count()) return false;
        add(nlohmann::json(std::forward<T>(value)));
        return true;
    }
    bool open(nlohmann::json value) {
        if (!count()) return false;
        if (m_stack.size() >= m_limits.depth)
            return refuse("nested deeper than " + std::to_string(m_limits.depth));
        m_stack.push_back(add(std::move(value)));
        return true;
    }
    bool close() {
        m_stack.pop_back();
        return true;
    }

    const JsonLimits& m_limits;
    nlohmann::json& m_root;
    std::vector<nlohmann::json*>
        m_stack;  // containers that are open; a parent does not grow while its child is
    std::vector<std::unordered_set<std::string>> m_keys;
    std::string m_key;
    std::size_t m_nodes = 0;
    std::string m_reason;
    std::size_t m_position = std::string::npos;
};

}  // namespace caravan::engine

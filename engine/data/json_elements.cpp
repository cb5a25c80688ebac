// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/json_elements.h"

namespace caravan::engine {

std::size_t ElementScanner::next(std::string_view text) {
    for (; m_at < text.size(); ++m_at) {
        const char c = text[m_at];
        if (m_string) {
            if (m_escape)
                m_escape = false;
            else if (c == '\\')
                m_escape = true;
            else if (c == '"' || c == '\n')
                m_string = false;
            if (!m_string && m_depth == 0) return m_at + (c == '"' ? 1 : 0);
            continue;
        }
        const bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
        if (c == '"') {
            m_string = true;
        } else if (opens) {
            ++m_depth;
        } else if (closes) {
            if (m_depth == 0) return m_at;  // the list's own end behind a bare value
            if (--m_depth == 0) return m_at + 1;
        } else if (m_depth == 0 && (c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
            return m_at;  // behind a bare value
        }
    }
    return std::string_view::npos;
}

}  // namespace caravan::engine

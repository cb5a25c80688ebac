// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/input_window.h"

#include <algorithm>
#include <cstring>

namespace caravan::engine {

InputWindow::InputWindow(const std::filesystem::path& file) : m_in(file, std::ios::binary) {}

bool InputWindow::more() {
    if (m_at > 0) std::memmove(m_buffer.data(), m_buffer.data() + m_at, m_end - m_at);
    m_end -= m_at;
    m_at = 0;
    if (m_buffer.size() < m_end + kChunk) m_buffer.resize(m_end + kChunk);
    m_in.read(m_buffer.data() + m_end, kChunk);
    const auto got = static_cast<std::size_t>(m_in.gcount());
    m_end += got;
    m_read += static_cast<std::int64_t>(got);
    return got > 0;
}

void InputWindow::consume(std::size_t bytes) {
    const char* begin = m_buffer.data() + m_at;
    m_line += std::count(begin, begin + bytes, '\n');
    m_at += bytes;
}

void InputWindow::skipLine(char end) {
    for (;;) {
        const std::string_view held = view();
        const std::size_t place = held.find(end);
        if (place != std::string_view::npos) return consume(place + 1);
        consume(held.size());
        if (!more()) return;
    }
}

void InputWindow::skipMark() {
    while (view().size() < 3 && more()) {
    }
    if (view().starts_with("\xEF\xBB\xBF")) consume(3);
}

}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

namespace caravan::engine {

// A file through a window that grows only as far as one row needs: the readers look at what is held, ask for
// more, and consume what they have understood. One thread.
class InputWindow {
  public:
    explicit InputWindow(const std::filesystem::path& file);
    [[nodiscard]] bool isOpen() const { return m_in.is_open(); }
    [[nodiscard]] bool failed() const { return m_in.bad(); }
    [[nodiscard]] std::int64_t bytesRead() const { return m_read; }
    // Lines begun so far: 1 + the line feeds consumed.
    [[nodiscard]] std::int64_t line() const { return m_line; }

    // Bytes held and not consumed; valid until more() or consume().
    [[nodiscard]] std::string_view view() const { return {m_buffer.data() + m_at, m_end - m_at}; }
    bool more();  // reads a chunk behind; false at the end of the file
    void consume(std::size_t bytes);
    // Consumes up to and with the next line end, however far it is.
    void skipLine(char end = '\n');
    void skipMark();  // a UTF-8 byte order mark

    inline static constexpr std::size_t kChunk = 1u << 20;

  private:
    std::ifstream m_in;
    std::vector<char> m_buffer;
    std::size_t m_at = 0, m_end = 0;
    std::int64_t m_read = 0, m_line = 1;
};

}  // namespace caravan::engine

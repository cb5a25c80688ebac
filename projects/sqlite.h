// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace caravan::projects {

// SQLite behind two values. Errors are thrown as engine::EngineException (FileBad, FileUnreadable,
// WriteFailed, DiskShort) and caught at the edge of projects/. A connection belongs to one thread at a time.
class Statement {
  public:
    Statement(sqlite3* database, std::string_view sql, const std::string& path);
    Statement(Statement&& other) noexcept;
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement();

    // Parameters from 1.
    Statement& bind(int index, std::int64_t value);
    Statement& bind(int index, int value) { return bind(index, static_cast<std::int64_t>(value)); }
    Statement& bind(int index, double value);
    Statement& bind(int index, std::string_view value);
    Statement& bind(int index, const char* value) { return bind(index, std::string_view(value)); }
    Statement& bind(int index, std::span<const std::uint8_t> blob);
    Statement& bindNull(int index);
    template <class... T>
    Statement& bindAll(const T&... values) {
        int index = 0;
        (bind(++index, values), ...);
        return *this;
    }

    bool step();  // true: a row is there
    void run();   // steps to the end and resets, for use again
    void reset();

    // Columns from 0.
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] double real(int column) const;
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] std::span<const std::uint8_t> blob(int column) const;
    [[nodiscard]] bool isNull(int column) const;
    [[nodiscard]] int columns() const;

  private:
    sqlite3_stmt* m_statement = nullptr;
    sqlite3* m_database = nullptr;
    std::string m_path;
};

class Connection {
  public:
    enum class Mode { ReadOnly, ReadWrite, Create };
    Connection(const std::filesystem::path& path, Mode mode);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    [[nodiscard]] Statement prepare(std::string_view sql);
    void execute(const std::string& sql);
    [[nodiscard]] std::int64_t scalar(std::string_view sql);  // first column of the first row, 0 without one
    [[nodiscard]] std::string scalarText(std::string_view sql);
    void backupTo(const std::filesystem::path& file);  // a whole copy, consistent
    [[nodiscard]] bool inTransaction() const;
    [[nodiscard]] const std::string& path() const { return m_path; }

  private:
    sqlite3* m_database = nullptr;
    std::string m_path;
};

// Rolls back unless committed.
class Transaction {
  public:
    explicit Transaction(Connection& connection);
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();
    void commit();

  private:
    Connection& m_connection;
    bool m_done = false;
};

}  // namespace caravan::projects

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/sqlite.h"

#include <sqlite3.h>

#include <utility>

namespace caravan::projects {
namespace {

using engine::EngineException;
using engine::ErrorCode;

constexpr int kBusyMilliseconds = 10'000;

[[noreturn]] void raise(sqlite3* database, int code, const std::string& path) {
    const std::string detail = database ? sqlite3_errmsg(database) : sqlite3_errstr(code);
    switch (code & 0xFF) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            throw EngineException(ErrorCode::FileBad,
                                  {{"file", path}, {"place", "database"}, {"detail", detail}});
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_AUTH:
            throw EngineException(ErrorCode::FileUnreadable, {{"file", path}, {"detail", detail}});
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_READONLY:
            throw EngineException(ErrorCode::WriteFailed,
                                  {{"path", path}, {"bytes", ""}, {"detail", detail}});
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            throw EngineException(ErrorCode::Failed, {{"detail", path + ": " + detail}});
        default:
            throw EngineException(ErrorCode::Internal, {{"detail", path + ": " + detail}});
    }
}

}  // namespace

Statement::Statement(sqlite3* database, std::string_view sql, const std::string& path)
    : m_database(database), m_path(path) {
    const int code =
        sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &m_statement, nullptr);
    if (code != SQLITE_OK) raise(database, code, path);
}
Statement::Statement(Statement&& other) noexcept
    : m_statement(std::exchange(other.m_statement, nullptr)),
      m_database(other.m_database),
      m_path(other.m_path) {}
Statement::~Statement() {
    sqlite3_finalize(m_statement);
}

Statement& Statement::bind(int index, std::int64_t value) {
    if (const int code = sqlite3_bind_int64(m_statement, index, value)) raise(m_database, code, m_path);
    return *this;
}
Statement& Statement::bind(int index, double value) {
    if (const int code = sqlite3_bind_double(m_statement, index, value)) raise(m_database, code, m_path);
    return *this;
}
Statement& Statement::bind(int index, std::string_view value) {
    const char* data = value.data() ? value.data() : "";
    if (const int code =
            sqlite3_bind_text64(m_statement, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8))
        raise(m_database, code, m_path);
    return *this;
}
Statement& Statement::bind(int index, std::span<const std::uint8_t> blob) {
    const void* data = blob.empty() ? static_cast<const void*>("") : blob.data();
    if (const int code = sqlite3_bind_blob64(m_statement, index, data, blob.size(), SQLITE_TRANSIENT))
        raise(m_database, code, m_path);
    return *this;
}
Statement& Statement::bindNull(int index) {
    if (const int code = sqlite3_bind_null(m_statement, index)) raise(m_database, code, m_path);
    return *this;
}

bool Statement::step() {
    const int code = sqlite3_step(m_statement);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    raise(m_database, code, m_path);
}
void Statement::run() {
    while (step()) {
    }
    reset();
}
void Statement::reset() {
    sqlite3_reset(m_statement);
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(m_statement, column);
}
double Statement::real(int column) const {
    return sqlite3_column_double(m_statement, column);
}
std::string Statement::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(m_statement, column));
    return data ? std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(m_statement, column)))
                : std::string();
}
std::span<const std::uint8_t> Statement::blob(int column) const {
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(m_statement, column));
    return {data, data ? static_cast<std::size_t>(sqlite3_column_bytes(m_statement, column)) : 0};
}
bool Statement::isNull(int column) const {
    return sqlite3_column_type(m_statement, column) == SQLITE_NULL;
}
int Statement::columns() const {
    return sqlite3_column_count(m_statement);
}

Connection::Connection(const std::filesystem::path& path, Mode mode) : m_path(path.string()) {
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= mode == Mode::ReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (mode == Mode::Create) flags |= SQLITE_OPEN_CREATE;
    const int code = sqlite3_open_v2(m_path.c_str(), &m_database, flags, nullptr);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(m_database, kBusyMilliseconds);
        return;
    }
    try {
        raise(m_database, code, m_path);
    } catch (...) {
        sqlite3_close_v2(m_database);
        throw;
    }
}
Connection::~Connection() {
    sqlite3_close_v2(m_database);
}

Statement Connection::prepare(std::string_view sql) {
    return Statement(m_database, sql, m_path);
}
void Connection::execute(const std::string& sql) {
    if (const int code = sqlite3_exec(m_database, sql.c_str(), nullptr, nullptr, nullptr))
        raise(m_database, code, m_path);
}
std::int64_t Connection::scalar(std::string_view sql) {
    Statement s = prepare(sql);
    return s.step() ? s.integer(0) : 0;
}
std::string Connection::scalarText(std::string_view sql) {
    Statement s = prepare(sql);
    return s.step() ? s.text(0) : std::string();
}
void Connection::backupTo(const std::filesystem::path& file) {
    Connection target(file, Mode::Create);
    sqlite3_backup* backup = sqlite3_backup_init(target.m_database, "main", m_database, "main");
    if (!backup) raise(target.m_database, sqlite3_errcode(target.m_database), file.string());
    const int code = sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE) raise(nullptr, code, file.string());
}
bool Connection::inTransaction() const {
    return sqlite3_get_autocommit(m_database) == 0;
}

Transaction::Transaction(Connection& connection) : m_connection(connection) {
    connection.execute("BEGIN IMMEDIATE");
}
Transaction::~Transaction() {
    if (m_done || !m_connection.inTransaction()) return;
    try {
        m_connection.execute("ROLLBACK");
    } catch (const EngineException&) {
        // the connection rolls back when it closes
    }
}
void Transaction::commit() {
    m_connection.execute("COMMIT");
    m_done = true;
}

}  // namespace caravan::projects

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/schema.h"

#include <fmt/format.h>
#include <sys/statfs.h>

#include <array>

namespace caravan::projects {
namespace {

using engine::EngineException;
using engine::ErrorCode;

// Times are milliseconds since 1970 UTC. Paths inside the project are relative to it, paths of a run to its
// folder.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE runs(
  name TEXT PRIMARY KEY NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,                       -- JSON of the error, or NULL
  step INTEGER NOT NULL DEFAULT 0,
  steps INTEGER NOT NULL DEFAULT 0,  -- planned; 0 = not known
  recipe TEXT NOT NULL DEFAULT '{}',
  title TEXT NOT NULL DEFAULT '',
  notes TEXT NOT NULL DEFAULT '',
  tags TEXT NOT NULL DEFAULT '[]',
  owner_kind TEXT NOT NULL DEFAULT '',
  owner_pid INTEGER NOT NULL DEFAULT 0,
  owner_start INTEGER NOT NULL DEFAULT 0,
  owner_boot TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  started_at INTEGER NOT NULL DEFAULT 0,
  changed_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE steps(
  run TEXT NOT NULL REFERENCES runs(name) ON DELETE CASCADE ON UPDATE CASCADE,
  step INTEGER NOT NULL,
  loss REAL, balance REAL, balance_loss REAL, learning_rate REAL, gradient_norm REAL,
  tokens INTEGER, answer_tokens INTEGER, tokens_per_second REAL, memory_bytes INTEGER, seconds REAL, skipped INTEGER,
  load BLOB,    -- u32 layers, u32 experts, float32 shares
  layers BLOB,  -- u32 layers, float32 max_vio, entropy, confidence, margin, token_entropy of each
  PRIMARY KEY(run, step)) WITHOUT ROWID;
CREATE TABLE evaluations(
  run TEXT NOT NULL REFERENCES runs(name) ON DELETE CASCADE ON UPDATE CASCADE,
  step INTEGER NOT NULL, place INTEGER NOT NULL, domain TEXT NOT NULL, heldout_loss REAL,
  PRIMARY KEY(run, step, place)) WITHOUT ROWID;
CREATE TABLE samples(
  run TEXT NOT NULL REFERENCES runs(name) ON DELETE CASCADE ON UPDATE CASCADE,
  step INTEGER NOT NULL, prompt TEXT NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY(run, step, prompt)) WITHOUT ROWID;
CREATE TABLE checkpoints(
  run TEXT NOT NULL REFERENCES runs(name) ON DELETE CASCADE ON UPDATE CASCADE,
  step INTEGER NOT NULL, path TEXT NOT NULL, bytes INTEGER NOT NULL,
  PRIMARY KEY(run, step)) WITHOUT ROWID;
CREATE TABLE alarms(
  run TEXT NOT NULL REFERENCES runs(name) ON DELETE CASCADE ON UPDATE CASCADE,
  step INTEGER NOT NULL, kind TEXT NOT NULL,
  layer INTEGER NOT NULL DEFAULT -1, expert INTEGER NOT NULL DEFAULT -1, value REAL, since INTEGER NOT NULL,
  PRIMARY KEY(run, step, kind, layer, expert)) WITHOUT ROWID;
CREATE TABLE changes(
  run TEXT NOT NULL REFERENCES runs(name) ON DELETE CASCADE ON UPDATE CASCADE,
  place INTEGER NOT NULL, step INTEGER NOT NULL, key TEXT NOT NULL, value_from TEXT NOT NULL, value_to TEXT NOT NULL,
  PRIMARY KEY(run, place)) WITHOUT ROWID;
CREATE TABLE chats(
  id TEXT PRIMARY KEY NOT NULL,
  title TEXT NOT NULL, source TEXT NOT NULL, system TEXT NOT NULL, options TEXT NOT NULL,
  created_at INTEGER NOT NULL, changed_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE messages(
  chat TEXT NOT NULL REFERENCES chats(id) ON DELETE CASCADE,
  id INTEGER NOT NULL,
  parent INTEGER NOT NULL DEFAULT 0,  -- 0 = first of the chat; siblings are branches
  role TEXT NOT NULL, content TEXT NOT NULL,
  source TEXT NOT NULL DEFAULT 'null',   -- what answered
  summary TEXT NOT NULL DEFAULT 'null',  -- GenerateSummary
  created_at INTEGER NOT NULL,
  PRIMARY KEY(chat, id)) WITHOUT ROWID;
CREATE TABLE tokens(
  chat TEXT NOT NULL, message INTEGER NOT NULL, place INTEGER NOT NULL,
  event BLOB NOT NULL,  -- CBOR of a TokenEvent
  PRIMARY KEY(chat, message, place),
  FOREIGN KEY(chat, message) REFERENCES messages(chat, id) ON DELETE CASCADE) WITHOUT ROWID;
CREATE TABLE data_files(
  path TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, weight REAL NOT NULL, heldout INTEGER NOT NULL,
  place INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE models(
  path TEXT PRIMARY KEY NOT NULL, inspection TEXT NOT NULL, added_at INTEGER NOT NULL) WITHOUT ROWID;
)sql";

// Search in conversations; drafts survive a closed window.
constexpr const char* kVersion2 = R"sql(
ALTER TABLE chats ADD COLUMN draft TEXT NOT NULL DEFAULT '';
CREATE INDEX chats_by_change ON chats(changed_at);
CREATE INDEX runs_by_state ON runs(state);
)sql";

// Runs that wait for the one before them, in order of place.
constexpr const char* kVersion3 = R"sql(
CREATE TABLE queue(
  run TEXT PRIMARY KEY NOT NULL REFERENCES runs(name) ON DELETE CASCADE ON UPDATE CASCADE,
  place INTEGER NOT NULL) WITHOUT ROWID;
)sql";

// Conversations that stay on top of the list, and where one branched off.
constexpr const char* kVersion4 = R"sql(
ALTER TABLE chats ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chats ADD COLUMN origin TEXT NOT NULL DEFAULT 'null';
)sql";

// What users preferred without knowing who had answered.
constexpr const char* kVersion5 = R"sql(
CREATE TABLE votes(
  chat TEXT NOT NULL REFERENCES chats(id) ON DELETE CASCADE,
  answer INTEGER NOT NULL,  -- the first message that was voted on
  created_at INTEGER NOT NULL,
  vote TEXT NOT NULL,  -- JSON: question, answers, outcome, best
  PRIMARY KEY(chat, answer)) WITHOUT ROWID;
)sql";

constexpr std::array<const char*, 5> kMigrations = {kVersion1, kVersion2, kVersion3, kVersion4, kVersion5};

}  // namespace

std::span<const char* const> schemaMigrations() {
    return kMigrations;
}

bool wantsWholeCheck(const std::filesystem::path& database) {
    constexpr std::uintmax_t kAlways = std::uintmax_t{32} << 20;  // bytes
    std::error_code none;
    const auto bytes = std::filesystem::file_size(database, none);
    if (none || bytes <= kAlways) return true;
    for (const char* log : {"-wal", "-journal"}) {
        const auto left = std::filesystem::file_size(database.string() + log, none);
        if (!none && left > 0) return true;
    }
    return false;
}

void prepareConnection(Connection& connection, bool networkFileSystem, bool wholeCheck) {
    connection.execute("PRAGMA foreign_keys = ON");
    const std::string check = wholeCheck ? connection.scalarText("PRAGMA quick_check(1)") : "ok";
    if (check != "ok")
        throw EngineException(
            ErrorCode::FileBad,
            {{"file", connection.path()},
             {"place", "quick_check"},
             {"detail", check + "; caravan-cli projects rebuild restores it from the run folders"}});
    connection.execute(networkFileSystem ? "PRAGMA journal_mode = DELETE" : "PRAGMA journal_mode = WAL");
    connection.execute("PRAGMA synchronous = NORMAL");
    connection.execute("PRAGMA wal_autocheckpoint = 1000");
}

void migrate(Connection& connection, const std::filesystem::path& backups,
             std::span<const char* const> migrations) {
    const auto known = static_cast<std::int64_t>(migrations.size());
    const std::int64_t found = connection.scalar("PRAGMA user_version");
    if (found > known)
        throw EngineException(
            ErrorCode::FileBad,
            {{"file", connection.path()},
             {"place", "user_version"},
             {"detail", fmt::format("written by a newer Caravan (schema {}, known is {})", found, known)}});
    for (std::int64_t version = found; version < known; ++version) {
        if (version > 0) {
            std::filesystem::create_directories(backups);
            const auto copy = backups / fmt::format("project-schema-{}.db", version);
            std::filesystem::remove(copy);
            connection.backupTo(copy);
        }
        Transaction transaction(connection);
        // Another process may have come first.
        if (connection.scalar("PRAGMA user_version") != version) continue;
        connection.execute(migrations[static_cast<std::size_t>(version)]);
        connection.execute(fmt::format("PRAGMA user_version = {}", version + 1));
        transaction.commit();
    }
}

bool onNetworkFileSystem(const std::filesystem::path& path) {
    struct statfs info {};
    if (statfs(path.c_str(), &info) != 0) return false;
    switch (static_cast<std::uint32_t>(info.f_type)) {
        case 0x6969:      // NFS
        case 0x517B:      // SMB
        case 0xFF534D42:  // CIFS
        case 0xFE534D42:  // SMB2
        case 0x01021997:  // 9p
        case 0x5346414F:  // AFS
        case 0x00C36400:  // Ceph
        case 0x0BD00BD0:  // Lustre
        case 0x47504653:  // GPFS
        case 0x65735546:  // FUSE: may be sshfs
            return true;
        default:
            return false;
    }
}

}  // namespace caravan::projects

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/run_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>

#include "engine/api/config/descriptors.h"
#include "engine/api/event_json.h"
#include "engine/formats/bounded_json.h"
#include "engine/formats/model_folder.h"

namespace caravan::engine::train {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostChangesBytes = 16u << 20;

[[noreturn]] void writeFailed(const fs::path& path, std::size_t bytes) {
    throw EngineException(
        ErrorCode::WriteFailed,
        {{"path", path.string()}, {"bytes", std::to_string(bytes)}, {"detail", std::strerror(errno)}});
}

std::string timeText() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    localtime_r(&now, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    return text;
}

// Relative where one lies below a near ancestor of the other: a project may be moved as a whole.
std::string seenFrom(const std::string& path, const fs::path& from, const fs::path& to) {
    if (path.empty()) return path;
    const fs::path absolute = resolved(path, from);
    const fs::path relative = absolute.lexically_relative(fs::absolute(to).lexically_normal());
    return relative.empty() ? absolute.string() : relative.string();
}

}  // namespace

fs::path resolved(const std::string& path, const fs::path& folder) {
    return fs::absolute(folder / path).lexically_normal();
}

Recipe rebased(const Recipe& recipe, const fs::path& from, const fs::path& to) {
    Recipe result = recipe;
    result.model.path = seenFrom(recipe.model.path, from, to);
    for (auto* files : {&result.data.files, &result.data.heldout})
        for (DataFile& file : *files) {
            if (file.name.empty())
                file.name = fs::path(file.path).filename().string().substr(
                    0, fs::path(file.path).filename().string().find('.'));
            file.path = seenFrom(file.path, from, to);
        }
    return result;
}

void RunFolder::create(const Recipe& recipe, const fs::path& recipeFolder) {
    if (fs::exists(m_path / "recipe.json"))
        throw EngineException(ErrorCode::AlreadyExists, {{"path", m_path.string()}});
    std::error_code error;
    fs::create_directories(m_path, error);
    if (error)
        throw EngineException(ErrorCode::WriteFailed,
                              {{"path", m_path.string()}, {"bytes", "0"}, {"detail", error.message()}});
    writeRecipe(rebased(recipe, recipeFolder, m_path));
}

void RunFolder::writeRecipe(const Recipe& recipe) {
    unwrap(writeJsonFile(m_path / "recipe.json", recipeToJson(recipe)));
}

void RunFolder::line(const char* file, const std::string& text) {
    const fs::path path = m_path / file;
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor < 0) writeFailed(path, text.size());
    std::string whole = text + "\n";
    char last = '\n';
    const off_t size = ::lseek(descriptor, 0, SEEK_END);
    if (size > 0 && ::pread(descriptor, &last, 1, size - 1) == 1 && last != '\n') whole.insert(0, "\n");
    std::size_t done = 0;
    while (done < whole.size()) {
        const ssize_t written = ::write(descriptor, whole.data() + done, whole.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            const int reason = errno;
            ::close(descriptor);
            errno = reason;
            writeFailed(path, whole.size());
        }
        done += static_cast<std::size_t>(written);
    }
    ::close(descriptor);
}

void RunFolder::append(const RunEvent& event) {
    const std::string text = toJson(event).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    line("metrics.jsonl", text);
    if (std::holds_alternative<Sample>(event)) line("samples.jsonl", text);
}

void RunFolder::log(const std::string& level, const std::string& text) {
    line("log.txt", timeText() + " " + level + " " + text);
}

void RunFolder::addChange(const Change& change) {
    line("changes.jsonl",
         nlohmann::json{{"step", change.step}, {"key", change.key}, {"from", change.from}, {"to", change.to}}
             .dump());
}

void RunFolder::openRouting(const RoutingShape& shape) {
    m_routing = unwrap(RoutingFileWriter::open((m_path / "routing.bin").string(), shape));
}

void RunFolder::appendRouting(const RoutingRecord& record) {
    if (m_routing) unwrap(m_routing->append(record));
}

void RunFolder::sync() {
    if (m_routing) unwrap(m_routing->sync());
    for (const char* file : {"metrics.jsonl", "changes.jsonl"}) {
        const int descriptor = ::open((m_path / file).c_str(), O_RDONLY | O_CLOEXEC);
        if (descriptor < 0) continue;
        const int failed = ::fdatasync(descriptor);
        const int reason = errno;
        ::close(descriptor);
        errno = reason;
        if (failed != 0) writeFailed(m_path / file, 0);
    }
}

Recipe readRecipe(const fs::path& runFolder) {
    return unwrap(recipeFromJson(unwrap(readJsonFile(runFolder / "recipe.json"))));
}

std::vector<Change> readChanges(const fs::path& runFolder) {
    const fs::path path = runFolder / "changes.jsonl";
    std::vector<Change> changes;
    if (!fs::exists(path)) return changes;
    const std::string text = unwrap(readTextFile(path, kMostChangesBytes));
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string_view row(text.data() + begin, end - begin);
        begin = end + 1;
        if (row.empty()) continue;
        const Result<nlohmann::json> json = parseJson(row, path.string());
        const bool whole = json && json->is_object() && json->contains("step") &&
                           (*json)["step"].is_number_integer() && json->contains("key") &&
                           (*json)["key"].is_string() && json->contains("to") && (*json)["to"].is_number();
        if (!whole) continue;  // a torn line: that change never took place
        changes.push_back({(*json)["step"], (*json)["key"], json->value("from", 0.0), (*json)["to"]});
    }
    return changes;
}

}  // namespace caravan::engine::train

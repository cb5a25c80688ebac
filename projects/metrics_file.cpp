// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/metrics_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/api/event_json.h"

namespace caravan::projects {
namespace {

constexpr std::size_t kMaxLine = 16u << 20;  // bytes

std::optional<engine::RunEvent> parseLine(std::string_view line) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    auto event = engine::runEventFromJson(json);
    if (!event) return std::nullopt;
    return std::move(*event);
}

}  // namespace

engine::Result<std::vector<engine::RunEvent>> MetricsTail::take() {
    std::vector<engine::RunEvent> events;
    const int fd = open(m_file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT) return events;
        return engine::fail(engine::ErrorCode::FileUnreadable,
                            {{"file", m_file.string()}, {"detail", std::strerror(errno)}});
    }
    std::string chunk(1u << 20, '\0');
    ssize_t n = 0;
    while ((n = pread(fd, chunk.data(), chunk.size(), m_offset)) > 0 || (n < 0 && errno == EINTR)) {
        if (n < 0) continue;
        m_offset += n;
        m_rest.append(chunk.data(), static_cast<std::size_t>(n));
        std::size_t start = 0, end = 0;
        while ((end = m_rest.find('\n', start)) != std::string::npos) {
            const auto line = std::string_view(m_rest).substr(start, end - start);
            start = end + 1;
            if (line.empty()) continue;
            if (auto event = parseLine(line))
                events.push_back(std::move(*event));
            else
                ++m_bad;
        }
        m_rest.erase(0, start);
        if (m_rest.size() > kMaxLine) {
            close(fd);
            return engine::fail(engine::ErrorCode::FileTooLarge, {{"file", m_file.string()},
                                                                  {"place", "a line"},
                                                                  {"bytes", std::to_string(m_rest.size())},
                                                                  {"limit", std::to_string(kMaxLine)}});
        }
    }
    const int cause = n < 0 ? errno : 0;
    close(fd);
    if (cause)
        return engine::fail(engine::ErrorCode::FileUnreadable,
                            {{"file", m_file.string()}, {"detail", std::strerror(cause)}});
    return events;
}

engine::Result<std::vector<engine::RunEvent>> readMetrics(const std::filesystem::path& file) {
    return MetricsTail(file).take();
}

}  // namespace caravan::projects

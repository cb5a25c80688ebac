// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/metrics_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/api/event_json.h"

namespace caravan::projects {
namespace {

constexpr std::size_t kMaxLine = 16u << 20;  // bytes
constexpr std::size_t kPiece = 1u << 20;     // bytes

std::optional<engine::RunEvent> parseLine(std::string_view line) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    auto event = engine::runEventFromJson(json);
    if (!event) return std::nullopt;
    return std::move(*event);
}

}  // namespace

void MetricsTail::takeLines(const EventFunction& each) {
    std::size_t start = 0, end = 0;
    while ((end = m_rest.find('\n', start)) != std::string::npos) {
        const auto line = std::string_view(m_rest).substr(start, end - start);
        start = end + 1;
        if (line.empty()) continue;
        if (auto event = parseLine(line))
            each(std::move(*event));
        else
            ++m_bad;
    }
    m_rest.erase(0, start);
}

engine::Result<bool> MetricsTail::takePiece(std::size_t bytes, const EventFunction& each) {
    const auto unreadable = [this](int cause) {
        return engine::fail(engine::ErrorCode::FileUnreadable,
                            {{"file", m_file.string()}, {"detail", std::strerror(cause)}});
    };
    const int fd = open(m_file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT) return false;
        return unreadable(errno);
    }
    const std::size_t before = m_rest.size();
    m_rest.resize(before + bytes);
    ssize_t n = 0;
    do
        n = pread(fd, m_rest.data() + before, bytes, m_offset);
    while (n < 0 && errno == EINTR);
    const int cause = n < 0 ? errno : 0;
    close(fd);
    m_rest.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (cause != 0) return unreadable(cause);
    m_offset += n;
    takeLines(each);
    if (m_rest.size() > kMaxLine)
        return engine::fail(engine::ErrorCode::FileTooLarge, {{"file", m_file.string()},
                                                              {"place", "a line"},
                                                              {"bytes", std::to_string(m_rest.size())},
                                                              {"limit", std::to_string(kMaxLine)}});
    return n > 0;
}

engine::Result<std::vector<engine::RunEvent>> MetricsTail::take() {
    std::vector<engine::RunEvent> events;
    for (;;) {
        const auto more =
            takePiece(kPiece, [&](engine::RunEvent&& event) { events.push_back(std::move(event)); });
        if (!more) return tl::unexpected(more.error());
        if (!*more) return events;
    }
}

engine::Result<std::vector<engine::RunEvent>> readMetrics(const std::filesystem::path& file) {
    return MetricsTail(file).take();
}

}  // namespace caravan::projects

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "projects/owner.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <sstream>

namespace caravan::projects {
namespace {

std::string bootId() {
    std::ifstream in("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(in, id);
    return id;
}

// Field 22 of /proc/PID/stat; the program's name before it may hold blanks and parentheses.
std::int64_t startTime(std::int64_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(in, line);
    const auto name = line.rfind(')');
    if (name == std::string::npos) return 0;
    std::istringstream rest(line.substr(name + 1));
    std::string field;
    for (int i = 3; i < 22; ++i)
        rest >> field;
    std::int64_t ticks = 0;
    rest >> ticks;
    return ticks;
}

}  // namespace

Owner thisProcess(std::string kind) {
    const std::int64_t pid = getpid();
    return {std::move(kind), pid, startTime(pid), bootId()};
}

bool isAlive(const Owner& owner) {
    if (owner.pid <= 0 || owner.bootId != bootId()) return false;
    if (kill(static_cast<pid_t>(owner.pid), 0) != 0 && errno == ESRCH) return false;
    const std::int64_t started = startTime(owner.pid);
    return started != 0 && started == owner.startTime;
}

void to_json(nlohmann::json& json, const Owner& owner) {
    json = {{"kind", owner.kind}, {"pid", owner.pid}, {"start", owner.startTime}, {"boot", owner.bootId}};
}
void from_json(const nlohmann::json& json, Owner& owner) {
    owner.kind = json.value("kind", "");
    owner.pid = json.value("pid", std::int64_t{0});
    owner.startTime = json.value("start", std::int64_t{0});
    owner.bootId = json.value("boot", "");
}

std::int64_t nowMilliseconds() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace caravan::projects

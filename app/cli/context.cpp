// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <dlfcn.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "app/cli/command.h"
#include "engine/api/error_text.h"
#include "engine/api/event_json.h"

namespace caravan::cli {
namespace {

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void Context::emit(const nlohmann::json& object) {
    if (!json) return;
    const std::string text = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    const std::lock_guard lock(m_output);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

void Context::print(std::string_view text) {
    if (json) return;
    clearProgress();
    const std::lock_guard lock(m_output);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

void Context::note(std::string_view line) {
    if (quiet) return;
    clearProgress();
    const std::lock_guard lock(m_output);
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

int Context::fail(const engine::Error& error) {
    clearProgress();
    std::fprintf(stderr, "caravan-cli: %s\n", engine::errorLines(error).c_str());
    emit(engine::toJson(error));
    return engine::exitCode(error);
}

int Context::failUsage(const std::string& words) {
    clearProgress();
    std::fprintf(stderr, "caravan-cli: %s\n", words.c_str());
    emit({{"type", "error"},
          {"code", "bad_option"},
          {"what", words},
          {"where", ""},
          {"why", ""},
          {"do", "Look at --help."}});
    return 2;
}

void Context::progress(const engine::Progress& p) {
    if (quiet || !isatty(STDERR_FILENO)) return;
    std::string line;
    {
        const std::lock_guard lock(m_output);
        const double time = now();
        if (p.stage != m_last.stage || p.done < m_last.done) {
            m_stageStart = time;
            m_stageFirst = p.done;
        } else if (time - m_lastDraw < 0.1 && p.done < p.total) {
            return;
        }
        m_last = p;
        m_lastDraw = time;
        line = p.stage;
        const double elapsed = time - m_stageStart;
        const auto made = static_cast<double>(p.done - m_stageFirst);
        if (p.total > 0) line += fmt::format("  {}/{}", countText(p.done), countText(p.total));
        if (made > 0 && elapsed > 0.5) {
            line += fmt::format("  {:.3g}/s", made / elapsed);
            if (p.total > p.done)
                line += fmt::format("  {} left",
                                    durationText(static_cast<double>(p.total - p.done) * elapsed / made));
        }
    }
    progressLine(line);
}

void Context::progressLine(std::string_view line) {
    if (quiet || !isatty(STDERR_FILENO)) return;
    const std::lock_guard lock(m_output);
    std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(line.size()), line.data());
    std::fflush(stderr);
    m_progressShown = true;
}

void Context::clearProgress() {
    const std::lock_guard lock(m_output);
    if (!m_progressShown) return;
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
    m_progressShown = false;
}

engine::Result<engine::Engine*> Context::openEngine() {
    if (m_engine) return m_engine.get();
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    const auto beside = program.parent_path();
    void* library = nullptr;
    std::string reason;
    for (const auto& place :
         {beside / "libcaravan_engine.so", beside.parent_path() / "lib" / "caravan" / "libcaravan_engine.so",
          beside.parent_path() / "lib" / "libcaravan_engine.so"}) {
        if (!std::filesystem::exists(place, error)) continue;
        library = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library) break;
        const char* why = dlerror();
        reason = why ? why : place.string();
    }
    if (!library)
        return engine::fail(
            engine::ErrorCode::EngineGone,
            {{"detail", reason.empty() ? "libcaravan_engine.so is not beside the program" : reason}});
    using Make = engine::Engine* (*)(const engine::EngineOptions&);
    const auto make = reinterpret_cast<Make>(dlsym(library, "caravan_make_engine"));
    if (!make)
        return engine::fail(engine::ErrorCode::EngineGone,
                            {{"detail", "libcaravan_engine.so is of another version"}});
    engine::EngineOptions options;
    options.device = device;
    options.threads = threads;
    try {
        m_engine.reset(make(options));
    } catch (const engine::EngineException& e) {
        return tl::unexpected(e.error());
    } catch (const std::exception& e) {
        return engine::fail(engine::ErrorCode::DeviceUnavailable, {{"device", device}, {"detail", e.what()}});
    }
    if (verbose) {
        const auto status = m_engine->device();
        note(status.note.empty() ? status.name : status.name + ": " + status.note);
    }
    return m_engine.get();
}

int Context::interrupts() const {
    return m_interrupts;
}
std::stop_token Context::stopToken() {
    return m_stop.get_token();
}
void Context::setPatient(bool patient) {
    m_patient = patient;
}

// A thread waits for the signals: what they do (locks, condition variables) is not allowed in a handler.
void Context::watchSignals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_DFL);
    std::thread([this, set] {
        while (true) {
            int number = 0;
            if (sigwait(&set, &number) != 0) return;
            const int count = ++m_interrupts;
            m_stop.request_stop();
            if (count >= (m_patient ? 3 : 2)) _exit(128 + number);
        }
    }).detach();
}

std::string bytesText(std::int64_t bytes) {
    const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    int unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string durationText(double seconds) {
    if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
    const auto whole = static_cast<std::int64_t>(seconds + 0.5);
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
    return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

std::string countText(std::int64_t count) {
    std::string digits = std::to_string(count);
    for (int i = static_cast<int>(digits.size()) - 3; i > (count < 0 ? 1 : 0); i -= 3)
        digits.insert(static_cast<std::size_t>(i), ",");
    return digits;
}

}  // namespace caravan::cli

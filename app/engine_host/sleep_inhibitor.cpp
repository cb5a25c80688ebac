// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/engine_host/sleep_inhibitor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#ifdef CARAVAN_WITH_SYSTEMD
#include <systemd/sd-bus.h>
#endif

namespace caravan::host {

#ifdef CARAVAN_WITH_SYSTEMD

namespace {
constexpr const char* kService = "org.freedesktop.login1";
constexpr const char* kPath = "/org/freedesktop/login1";
constexpr const char* kInterface = "org.freedesktop.login1.Manager";
constexpr std::uint64_t kTimeout = 250'000;  // microseconds
}  // namespace

struct SleepInhibitor::Bus {
    std::function<void()> beforeSleep;
    std::function<void(const std::string&)> log;
    sd_bus* bus = nullptr;
    int lock = -1;
    bool refused = false;

    static int onPrepare(sd_bus_message* message, void* self, sd_bus_error*) {
        int going = 0;
        if (sd_bus_message_read(message, "b", &going) >= 0 && going) static_cast<Bus*>(self)->beforeSleep();
        return 0;
    }
    void open() {
        int code = sd_bus_open_system(&bus);
        if (code >= 0) {
            sd_bus_set_method_call_timeout(bus, kTimeout);
            code = sd_bus_match_signal_async(bus, nullptr, kService, kPath, kInterface, "PrepareForSleep",
                                             onPrepare, nullptr, this);
        }
        if (code >= 0) return;
        log(std::string("no sleep inhibitor: ") + std::strerror(-code));
        close();
    }
    void hold() {
        sd_bus_message* reply = nullptr;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const int code =
            sd_bus_call_method(bus, kService, kPath, kInterface, "Inhibit", &error, &reply, "ssss",
                               "sleep:idle", "Caravan", "A model is being tuned", "block");
        int fd = -1;
        if (code >= 0 && sd_bus_message_read(reply, "h", &fd) >= 0) lock = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (lock < 0) {
            refused = true;
            log(std::string("no sleep inhibitor: ") + (error.message ? error.message : std::strerror(-code)));
        }
        sd_bus_error_free(&error);
        sd_bus_message_unref(reply);
    }
    void release() {
        if (lock >= 0) ::close(lock);
        lock = -1;
    }
    void close() { bus = sd_bus_close_unref(bus); }
};

SleepInhibitor::SleepInhibitor(std::function<void()> beforeSleep, std::function<void(const std::string&)> log)
    : m_bus(std::make_unique<Bus>()) {
    m_bus->beforeSleep = std::move(beforeSleep);
    m_bus->log = std::move(log);
    m_bus->open();
}
SleepInhibitor::~SleepInhibitor() {
    m_bus->release();
    m_bus->close();
}
void SleepInhibitor::keepAwake(bool awake) {
    if (!m_bus->bus) return;
    if (awake && m_bus->lock < 0 && !m_bus->refused) m_bus->hold();
    if (!awake) m_bus->release();
}
void SleepInhibitor::process() {
    while (m_bus->bus) {
        const int code = sd_bus_process(m_bus->bus, nullptr);
        if (code == 0) return;
        if (code < 0) m_bus->close();  // the bus went away
    }
}

#else

struct SleepInhibitor::Bus {};
SleepInhibitor::SleepInhibitor(std::function<void()>, std::function<void(const std::string&)> log) {
    log("no sleep inhibitor: built without systemd");
}
SleepInhibitor::~SleepInhibitor() = default;
void SleepInhibitor::keepAwake(bool) {}
void SleepInhibitor::process() {}

#endif

}  // namespace caravan::host

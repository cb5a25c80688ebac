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

// One of logind's locks: held while its descriptor is open. The policy daemon behind the answer may have to
// be started first, so nobody waits for it.
class Lock {
  public:
    Lock(const char* what, const char* mode) : m_what(what), m_mode(mode) {}
    void want(sd_bus* bus, const SleepInhibitor::Log& log) {
        if (m_lock >= 0 || m_asked || m_refused) return;
        m_log = &log;
        const int code =
            sd_bus_call_method_async(bus, &m_asked, kService, kPath, kInterface, "Inhibit", onAnswer, this,
                                     "ssss", m_what, "Caravan", "A model is being tuned", m_mode);
        if (code < 0) refuse(std::strerror(-code));
    }
    void release() {
        m_asked = sd_bus_slot_unref(m_asked);  // an answer on its way is dropped, and with it the lock
        if (m_lock >= 0) ::close(m_lock);
        m_lock = -1;
        m_refused = false;
    }

  private:
    static int onAnswer(sd_bus_message* answer, void* self, sd_bus_error*) {
        static_cast<Lock*>(self)->take(answer);
        return 0;
    }
    void take(sd_bus_message* answer) {
        m_asked = sd_bus_slot_unref(m_asked);
        int fd = -1;
        if (sd_bus_message_is_method_error(answer, nullptr)) {
            const sd_bus_error* error = sd_bus_message_get_error(answer);
            return refuse(error->message ? error->message : error->name);
        }
        if (sd_bus_message_read(answer, "h", &fd) >= 0) m_lock = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (m_lock < 0) refuse("no lock was given");
    }
    void refuse(const char* why) {
        m_refused = true;
        (*m_log)(std::string("no sleep inhibitor (") + m_mode + "): " + why);
    }

    const char *m_what, *m_mode;
    const SleepInhibitor::Log* m_log = nullptr;
    sd_bus_slot* m_asked = nullptr;
    int m_lock = -1;
    bool m_refused = false;
};

}  // namespace

struct SleepInhibitor::Bus {
    std::function<void()> save;
    std::function<bool()> saved;
    Log log;
    sd_bus* bus = nullptr;
    Lock block{"sleep:idle", "block"};
    Lock delay{"sleep", "delay"};  // a closed lid and a determined user get past the other one
    bool leaving = false;

    static int onPrepare(sd_bus_message* message, void* self, sd_bus_error*) {
        int going = 0;
        if (sd_bus_message_read(message, "b", &going) < 0) return 0;
        auto& bus = *static_cast<Bus*>(self);
        bus.leaving = going != 0;
        if (going) bus.save();
        return 0;
    }
    void open() {
        int code = sd_bus_open_system(&bus);
        if (code >= 0)
            code = sd_bus_match_signal_async(bus, nullptr, kService, kPath, kInterface, "PrepareForSleep",
                                             onPrepare, nullptr, this);
        if (code >= 0) return;
        log(std::string("no sleep inhibitor: ") + std::strerror(-code));
        close();
    }
    void release() {
        block.release();
        delay.release();
    }
    void close() {
        release();
        bus = sd_bus_close_unref(bus);
    }
};

SleepInhibitor::SleepInhibitor(std::function<void()> save, std::function<bool()> saved, Log log)
    : m_bus(std::make_unique<Bus>()) {
    m_bus->save = std::move(save);
    m_bus->saved = std::move(saved);
    m_bus->log = std::move(log);
    m_bus->open();
}
SleepInhibitor::~SleepInhibitor() {
    m_bus->close();
}
void SleepInhibitor::keepAwake(bool awake) {
    if (!m_bus->bus) return;
    if (!awake) return m_bus->release();
    m_bus->block.want(m_bus->bus, m_bus->log);
    if (!m_bus->leaving) m_bus->delay.want(m_bus->bus, m_bus->log);
}
void SleepInhibitor::process() {
    while (m_bus->bus) {
        const int code = sd_bus_process(m_bus->bus, nullptr);
        if (code < 0) m_bus->close();  // the bus went away
        if (code <= 0) break;
    }
    if (m_bus->leaving && m_bus->saved()) m_bus->delay.release();
}

#else

struct SleepInhibitor::Bus {};
SleepInhibitor::SleepInhibitor(std::function<void()>, std::function<bool()>, Log log) {
    log("no sleep inhibitor: built without systemd");
}
SleepInhibitor::~SleepInhibitor() = default;
void SleepInhibitor::keepAwake(bool) {}
void SleepInhibitor::process() {}

#endif

}  // namespace caravan::host

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/engine_host/host.h"

#include <signal.h>

#include "app/engine_host/core.h"

namespace caravan::host {

Host::Host(engine::Engine& engine, HostServices services, HostOptions options)
    : m_core(std::make_unique<Core>(engine, std::move(services), std::move(options))) {}
Host::~Host() = default;
int Host::run() {
    return m_core->run();
}
void Host::requestStop() {
    m_core->requestStop();
}

void blockSignals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace caravan::host

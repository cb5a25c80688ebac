// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/engine_host/host.h"

namespace caravan::app {

// The host's requests that need no torch, served by engine base. The engine is asked for its device only.
[[nodiscard]] host::HostServices baseServices(engine::Engine& engine);

}  // namespace caravan::app

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/power_meter.h"

#include <dlfcn.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <vector>

namespace caravan::engine {
namespace {

// The few parts of NVML's interface that are used, as its documentation declares them.
using Handle = void*;
using Init = int (*)();
using ByIndex = int (*)(unsigned, Handle*);
using ByUuid = int (*)(const char*, Handle*);
using Name = int (*)(Handle, char*, unsigned);
using Power = int (*)(Handle, unsigned* milliwatts);
constexpr int kSuccess = 0;

template <class F>
F function(const PowerMeter::Symbols& symbols, const char* name) {
    return reinterpret_cast<F>(symbols(name));
}

std::vector<std::string> entriesOf(const std::string& visible) {
    std::vector<std::string> entries;
    std::istringstream in(visible);
    for (std::string entry; std::getline(in, entry, ',');)
        entries.push_back(entry);
    return entries;
}

bool isNumber(const std::string& text) {
    return !text.empty() && text.size() < 6 &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

// The card behind a CUDA device; nullptr: not known.
Handle cardOf(const PowerMeter::Symbols& symbols, int device, const std::string& visible) {
    const auto byIndex = function<ByIndex>(symbols, "nvmlDeviceGetHandleByIndex_v2");
    const auto byUuid = function<ByUuid>(symbols, "nvmlDeviceGetHandleByUUID");
    const auto entries = entriesOf(visible);
    std::string entry = std::to_string(device);
    if (!entries.empty()) {
        if (device >= static_cast<int>(entries.size())) return nullptr;
        entry = entries[static_cast<std::size_t>(device)];
    }
    Handle card = nullptr;
    const int found = isNumber(entry)
                          ? (byIndex ? byIndex(static_cast<unsigned>(std::stoi(entry)), &card) : -1)
                          : (byUuid ? byUuid(entry.c_str(), &card) : -1);
    return found == kSuccess ? card : nullptr;
}

}  // namespace

void* PowerMeter::driverSymbol(const char* name) {
    static void* const library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    return library ? dlsym(library, name) : nullptr;
}

void PowerMeter::open() {
    m_tried = true;
    const auto init = function<Init>(m_symbols, "nvmlInit_v2");
    m_open = init && init() == kSuccess;
}

double PowerMeter::watts(int device, const std::string& name, const std::string& visible) {
    const std::lock_guard lock(m_mutex);
    if (!m_tried) open();
    const auto nameOf = function<Name>(m_symbols, "nvmlDeviceGetName");
    const auto powerOf = function<Power>(m_symbols, "nvmlDeviceGetPowerUsage");
    if (!m_open || device < 0 || !nameOf || !powerOf) return -1;
    const Handle card = cardOf(m_symbols, device, visible);
    char found[96] = {};
    // CUDA may count the fastest card first, the driver counts by bus: another name is another card.
    if (!card || nameOf(card, found, sizeof(found)) != kSuccess || name != found) return -1;
    unsigned milliwatts = 0;
    return powerOf(card, &milliwatts) == kSuccess ? milliwatts / 1000.0 : -1;
}

}  // namespace caravan::engine

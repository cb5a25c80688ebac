// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/card_meter.h"

#include <dlfcn.h>

namespace caravan::engine {
namespace {

// The few parts of NVML's interface that are used, as its documentation declares them. A value is set only
// where the function returns kSuccess; what a card cannot tell is NVML_ERROR_NOT_SUPPORTED.
using Handle = struct nvmlDevice_st*;
using Init = int (*)();
using ByBusId = int (*)(const char* busId, Handle*);
using Power = int (*)(Handle, unsigned* milliwatts);
using Temperature = int (*)(Handle, int sensor, unsigned* celsius);  // deprecated since CUDA 13
struct SensorReading {                                               // nvmlTemperature_v1_t
    unsigned version = sizeof(SensorReading) | 1U << 24U;
    int sensor = 0;
    int celsius = 0;
};
using SensorTemperature = int (*)(Handle, SensorReading*);  // since driver 565
struct Shares {                                             // nvmlUtilization_t
    unsigned gpu = 0, memory = 0;                           // per cent
};
using Utilization = int (*)(Handle, Shares*);
constexpr int kSuccess = 0;
constexpr int kDie = 0;  // NVML_TEMPERATURE_GPU

template <class F>
F function(const CardMeter::Symbols& symbols, const char* name) {
    return reinterpret_cast<F>(symbols(name));
}

double wattsOf(const CardMeter::Symbols& symbols, Handle card) {
    const auto ask = function<Power>(symbols, "nvmlDeviceGetPowerUsage");
    unsigned milliwatts = 0;
    return ask && ask(card, &milliwatts) == kSuccess ? milliwatts / 1000.0 : -1;
}

double celsiusOf(const CardMeter::Symbols& symbols, Handle card) {
    SensorReading reading{.sensor = kDie};
    const auto ask = function<SensorTemperature>(symbols, "nvmlDeviceGetTemperatureV");
    if (ask && ask(card, &reading) == kSuccess) return reading.celsius;
    const auto askOld = function<Temperature>(symbols, "nvmlDeviceGetTemperature");
    unsigned celsius = 0;
    return askOld && askOld(card, kDie, &celsius) == kSuccess ? static_cast<double>(celsius) : -1;
}

double busyOf(const CardMeter::Symbols& symbols, Handle card) {
    const auto ask = function<Utilization>(symbols, "nvmlDeviceGetUtilizationRates");
    Shares shares;
    return ask && ask(card, &shares) == kSuccess ? shares.gpu / 100.0 : -1;
}

}  // namespace

void* CardMeter::driverSymbol(const char* name) {
    static void* const library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    return library ? dlsym(library, name) : nullptr;
}

void CardMeter::open() {
    m_tried = true;
    const auto init = function<Init>(m_symbols, "nvmlInit_v2");
    m_open = init && init() == kSuccess;
}

CardReading CardMeter::read(const std::string& busId) {
    const std::lock_guard lock(m_mutex);
    if (!m_tried) open();
    const auto find = function<ByBusId>(m_symbols, "nvmlDeviceGetHandleByPciBusId_v2");
    Handle card = nullptr;
    if (!m_open || busId.empty() || !find || find(busId.c_str(), &card) != kSuccess) return {};
    return {wattsOf(m_symbols, card), celsiusOf(m_symbols, card), busyOf(m_symbols, card)};
}

}  // namespace caravan::engine

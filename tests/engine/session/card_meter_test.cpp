// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/card_meter.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

namespace caravan::engine {
namespace {

constexpr const char* kA2000 = "0000:17:00.0";
constexpr const char* kH200 = "0000:65:00.0";

// A driver with two cards: an A2000 (70.5 W, 48 degrees, idle) and an H200 (611 W, 71 degrees, 97 % busy).
// Functions answer as NVML's documentation has it.
int g_inits = 0, g_initCode = 0, g_powerCode = 0, g_newCode = 0, g_oldCode = 0, g_busyCode = 0;
char g_cards[2];
bool isH200(void* card) {
    return card == &g_cards[1];
}
int init() {
    ++g_inits;
    return g_initCode;
}
int byBusId(const char* id, void** card) {
    const bool h200 = std::strcmp(id, kH200) == 0;
    if (!h200 && std::strcmp(id, kA2000) != 0) return 6;
    *card = &g_cards[h200 ? 1 : 0];
    return 0;
}
int power(void* card, unsigned* milliwatts) {
    *milliwatts = isH200(card) ? 611000 : 70500;
    return g_powerCode;
}
int temperature(void* card, int sensor, unsigned* celsius) {
    if (sensor != 0) return 2;
    *celsius = isH200(card) ? 71 : 48;
    return g_oldCode;
}
struct Reading {
    unsigned version;
    int sensor;
    int celsius;
};
int sensorTemperature(void* card, Reading* reading) {
    if (reading->version != 0x100000C) return 25;
    if (reading->sensor != 0) return 2;
    reading->celsius = isH200(card) ? 72 : 49;
    return g_newCode;
}
int utilization(void* card, unsigned* shares) {
    shares[0] = isH200(card) ? 97 : 0;
    shares[1] = 41;
    return g_busyCode;
}

class CardMeterTest : public ::testing::Test {
  protected:
    void SetUp() override { g_inits = g_initCode = g_powerCode = g_newCode = g_oldCode = g_busyCode = 0; }
    std::map<std::string, void*> functions = {
        {"nvmlInit_v2", reinterpret_cast<void*>(&init)},
        {"nvmlDeviceGetHandleByPciBusId_v2", reinterpret_cast<void*>(&byBusId)},
        {"nvmlDeviceGetPowerUsage", reinterpret_cast<void*>(&power)},
        {"nvmlDeviceGetTemperature", reinterpret_cast<void*>(&temperature)},
        {"nvmlDeviceGetTemperatureV", reinterpret_cast<void*>(&sensorTemperature)},
        {"nvmlDeviceGetUtilizationRates", reinterpret_cast<void*>(&utilization)}};
    CardMeter meter{[this](const char* symbol) {
        const auto found = functions.find(symbol);
        return found == functions.end() ? nullptr : found->second;
    }};
    void expect(const char* busId, double watts, double celsius, double busy) {
        const CardReading reading = meter.read(busId);
        EXPECT_DOUBLE_EQ(reading.watts, watts) << busId;
        EXPECT_DOUBLE_EQ(reading.celsius, celsius) << busId;
        EXPECT_DOUBLE_EQ(reading.busy, busy) << busId;
    }
};

TEST_F(CardMeterTest, ReadsTheCardThatComputes) {
    expect(kA2000, 70.5, 49, 0);
    expect(kH200, 611, 72, 0.97);
    EXPECT_EQ(g_inits, 1);
    expect("0000:99:00.0", -1, -1, -1);  // no such card
    expect("", -1, -1, -1);              // CUDA did not tell where it is
}

TEST_F(CardMeterTest, WhatACardDoesNotTellIsNotKnown) {
    g_powerCode = 3;  // a value was written all the same
    expect(kH200, -1, 72, 0.97);
    g_busyCode = 3;  // as with a parted card
    expect(kH200, -1, 72, -1);
    g_newCode = 25;  // a later driver knows other versions of the structure
    expect(kH200, -1, 71, -1);
    g_oldCode = 3;
    expect(kH200, -1, -1, -1);
    g_powerCode = 15;  // the card is lost
    expect(kH200, -1, -1, -1);
    g_powerCode = g_busyCode = g_newCode = 0;
    expect(kH200, 611, 72, 0.97);
}

TEST_F(CardMeterTest, ADriverThatLacksSomethingIsNoError) {
    functions.erase("nvmlDeviceGetTemperatureV");  // before driver 565
    expect(kH200, 611, 71, 0.97);
    functions.erase("nvmlDeviceGetTemperature");
    expect(kH200, 611, -1, 0.97);
    functions.erase("nvmlDeviceGetUtilizationRates");
    expect(kH200, 611, -1, -1);
    functions.erase("nvmlDeviceGetPowerUsage");
    expect(kH200, -1, -1, -1);
    functions.erase("nvmlDeviceGetHandleByPciBusId_v2");
    expect(kH200, -1, -1, -1);
}

TEST_F(CardMeterTest, NoDriverIsNoError) {
    g_initCode = 9;  // not loaded
    expect(kH200, -1, -1, -1);
    expect(kH200, -1, -1, -1);
    EXPECT_EQ(g_inits, 1);
    CardMeter none([](const char*) -> void* { return nullptr; });
    EXPECT_EQ(none.read(kH200).watts, -1);
    CardMeter driver;  // of this machine, if it has one: no card is at that place
    EXPECT_EQ(driver.read("ffff:ff:1f.7").celsius, -1);
}

// With the library of a driver, of any version: LD_LIBRARY_PATH or the system has it, or this skips.
TEST(CardLibrary, HasWhatIsAskedOfIt) {
    if (!CardMeter::driverSymbol("nvmlInit_v2")) GTEST_SKIP() << "no libnvidia-ml.so.1 here";
    for (const char* name : {"nvmlDeviceGetHandleByPciBusId_v2", "nvmlDeviceGetPowerUsage",
                             "nvmlDeviceGetUtilizationRates", "nvmlDeviceGetTemperature"})
        EXPECT_NE(CardMeter::driverSymbol(name), nullptr) << name;
}

}  // namespace
}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "engine/session/power_meter.h"

namespace caravan::engine {
namespace {

// A driver with two cards, by bus: an A2000 (70.5 W) and an H200 (611 W), which does not always answer.
int g_inits = 0;
bool g_broken = false, g_silent = false;
char g_cards[2];
int init() {
    ++g_inits;
    return g_broken ? 9 : 0;
}
int byIndex(unsigned index, void** card) {
    if (index > 1) return 2;
    *card = &g_cards[index];
    return 0;
}
int byUuid(const char* uuid, void** card) {
    if (std::strcmp(uuid, "GPU-1") != 0) return 6;
    *card = &g_cards[1];
    return 0;
}
int name(void* card, char* text, unsigned length) {
    std::strncpy(text, card == &g_cards[0] ? "NVIDIA RTX A2000" : "NVIDIA H200", length);
    return 0;
}
int power(void* card, unsigned* milliwatts) {
    *milliwatts = card == &g_cards[0] ? 70500 : 611000;
    return g_silent ? 3 : 0;
}

class Power : public ::testing::Test {
  protected:
    void SetUp() override {
        g_inits = 0;
        g_broken = g_silent = false;
    }
    std::map<std::string, void*> functions = {
        {"nvmlInit_v2", reinterpret_cast<void*>(&init)},
        {"nvmlDeviceGetHandleByIndex_v2", reinterpret_cast<void*>(&byIndex)},
        {"nvmlDeviceGetHandleByUUID", reinterpret_cast<void*>(&byUuid)},
        {"nvmlDeviceGetName", reinterpret_cast<void*>(&name)},
        {"nvmlDeviceGetPowerUsage", reinterpret_cast<void*>(&power)}};
    PowerMeter meter{[this](const char* symbol) {
        const auto found = functions.find(symbol);
        return found == functions.end() ? nullptr : found->second;
    }};
};

TEST_F(Power, IsOfTheCardThatComputes) {
    EXPECT_DOUBLE_EQ(meter.watts(0, "NVIDIA RTX A2000", ""), 70.5);
    EXPECT_DOUBLE_EQ(meter.watts(1, "NVIDIA H200", ""), 611);
    EXPECT_DOUBLE_EQ(meter.watts(0, "NVIDIA H200", "1"), 611);  // only that one is visible
    EXPECT_DOUBLE_EQ(meter.watts(1, "NVIDIA RTX A2000", "1,0"), 70.5);
    EXPECT_DOUBLE_EQ(meter.watts(0, "NVIDIA H200", "GPU-1"), 611);
    EXPECT_EQ(g_inits, 1);
}

TEST_F(Power, IsNotKnownRatherThanThatOfAnotherCard) {
    EXPECT_EQ(meter.watts(0, "NVIDIA H200", ""), -1);  // CUDA counts the faster one first
    EXPECT_EQ(meter.watts(2, "NVIDIA H200", ""), -1);
    EXPECT_EQ(meter.watts(1, "NVIDIA H200", "1"), -1);  // one is visible
    EXPECT_EQ(meter.watts(0, "NVIDIA H200", "MIG-7"), -1);
    EXPECT_EQ(meter.watts(-1, "NVIDIA H200", ""), -1);
    g_silent = true;
    EXPECT_EQ(meter.watts(1, "NVIDIA H200", ""), -1);
}

TEST_F(Power, ADriverThatLacksSomethingIsNoError) {
    functions.erase("nvmlDeviceGetPowerUsage");
    EXPECT_EQ(meter.watts(1, "NVIDIA H200", ""), -1);
    g_broken = true;
    PowerMeter broken([this](const char* symbol) { return functions[symbol]; });
    EXPECT_EQ(broken.watts(1, "NVIDIA H200", ""), -1);
    PowerMeter none([](const char*) -> void* { return nullptr; });
    EXPECT_EQ(none.watts(0, "NVIDIA H200", ""), -1);
    PowerMeter driver;  // of this machine, if it has one: whatever it says, it says it
    EXPECT_GE(driver.watts(0, "no such card", ""), -1);
}

}  // namespace
}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/api/wire.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

namespace caravan::engine::wire {
namespace {

using nlohmann::json;
using Raw = std::vector<std::uint8_t>;

Raw framed(const Raw& body, std::uint32_t length) {
    Raw out(4);
    std::memcpy(out.data(), &length, 4);
    out.insert(out.end(), body.begin(), body.end());
    return out;
}
Raw framed(const Raw& body) {
    return framed(body, static_cast<std::uint32_t>(body.size()));
}

TEST(Wire, framesComeWholeAndInOrderHoweverTheyAreCut) {
    Raw all;
    for (std::uint64_t i = 0; i < 5; ++i) {
        const Raw one = encode({"type" + std::to_string(i), i, {{"n", i}, {"x", 0.5}}});
        all.insert(all.end(), one.begin(), one.end());
    }
    for (std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{7}, all.size()}) {
        Decoder decoder;
        std::uint64_t next = 0;
        Frame frame;
        for (std::size_t at = 0; at < all.size(); at += piece) {
            decoder.feed(std::span(all).subspan(at, std::min(piece, all.size() - at)));
            while (decoder.take(frame).value()) {
                EXPECT_EQ(frame.type, "type" + std::to_string(next));
                EXPECT_EQ(frame.id, next);
                EXPECT_EQ(frame.body["n"], next++);
            }
        }
        EXPECT_EQ(next, 5u);
    }
}

TEST(Wire, badFramesAreErrors) {
    for (const Raw& bytes : {framed({}, kMaxFrame + 1), framed({}, 0xffffffff), framed({0xff}), framed({}),
                             framed({0x01}), framed({0xa0}), framed({0xa1, 0x61, 't', 0x61, 'x'}),
                             framed({0xa2, 0x61, 't', 0x61, 'x', 0x62, 'i', 'd', 0x20}),
                             framed({0xa2, 0x61, 't', 0x01, 0x62, 'i', 'd', 0x01}), framed({0xa0, 0xa0}),
                             framed({0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
                             framed({0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})}) {
        Decoder decoder;
        decoder.feed(bytes);
        Frame frame;
        EXPECT_FALSE(decoder.take(frame).has_value());
    }
}

TEST(Wire, deepFramesDoNotOverflowTheStack) {
    for (const std::uint8_t opener : {std::uint8_t{0x81}, std::uint8_t{0x9f}, std::uint8_t{0xbf}}) {
        Decoder decoder;
        decoder.feed(framed(Raw(8'000'000, opener)));
        Frame frame;
        EXPECT_FALSE(decoder.take(frame).has_value());
    }
}

TEST(Wire, noiseNeverCrashes) {
    std::mt19937 random(7);
    const Raw good = encode(
        {"step", 3, {{"a", {1, 2.5, "x", nullptr, true}}, {"b", packFloats(std::vector<float>{1, 2})}}});
    for (int i = 0; i < 20000; ++i) {
        Raw bytes = good;
        for (int n = static_cast<int>(random() % 4); n >= 0; --n)
            bytes[4 + random() % (bytes.size() - 4)] = static_cast<std::uint8_t>(random());
        Decoder decoder;
        decoder.feed(bytes);
        Frame frame;
        if (!decoder.take(frame)) continue;
        EXPECT_LT(frame.type.size(), bytes.size());
    }
}

TEST(Wire, floatsKeepTheirBits) {
    const std::vector<float> values{1.5f, -0.0f, INFINITY, std::nanf(""), 1e-45f};
    Decoder decoder;
    decoder.feed(encode({"x", 0, {{"f", packFloats(values)}, {"none", packFloats({})}}}));
    Frame frame;
    ASSERT_TRUE(decoder.take(frame).value());
    const auto back = unpackFloats(frame.body["f"]);
    ASSERT_TRUE(back);
    EXPECT_EQ(std::memcmp(back->data(), values.data(), values.size() * 4), 0);
    EXPECT_TRUE(unpackFloats(frame.body["none"])->empty());
    EXPECT_FALSE(unpackFloats(json(1)));
    EXPECT_FALSE(unpackFloats(json::binary({1, 2, 3, 4})));
    EXPECT_FALSE(unpackFloats(json::binary({1, 2, 3}, 85)));
}

TEST(Wire, socketPath) {
    ::setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
    ::unsetenv("CARAVAN_SOCKET");
    EXPECT_EQ(socketPath(), "/run/user/1/caravan/engine.sock");
    ::unsetenv("XDG_RUNTIME_DIR");
    EXPECT_TRUE(socketPath().starts_with("/tmp/caravan-"));
    ::setenv("CARAVAN_SOCKET", "/x/y.sock", 1);
    EXPECT_EQ(socketPath(), "/x/y.sock");
    ::unsetenv("CARAVAN_SOCKET");
}

}  // namespace
}  // namespace caravan::engine::wire

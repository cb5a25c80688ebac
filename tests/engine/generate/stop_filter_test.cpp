// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/generate/stop_filter.h"

#include <gtest/gtest.h>

namespace caravan::engine::generate {
namespace {

std::string through(const std::vector<std::string>& stops, const std::string& text, std::size_t piece,
                    bool* stopped = nullptr) {
    StopFilter filter(stops);
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += piece) {
        out += filter.feed(std::string_view(text).substr(i, piece));
        for (const auto& stop : stops)
            if (!stop.empty()) EXPECT_EQ(out.find(stop), std::string::npos);
    }
    if (stopped) *stopped = filter.stopped();
    return out + filter.finish();
}

TEST(StopFilter, CutsAtTheFirstStopWhereverTokensEnd) {
    for (std::size_t piece = 1; piece < 30; ++piece) {
        bool stopped = false;
        EXPECT_EQ(through({"### Human", "###"}, "An answer.\n### Human:\nmore", piece, &stopped),
                  "An answer.\n")
            << piece;
        EXPECT_TRUE(stopped);
        EXPECT_EQ(through({"aab"}, "aaaab!", piece), "aa");
        EXPECT_EQ(through({"\n\n\n"}, "a\n\nb\n\n", piece, &stopped), "a\n\nb\n\n");
        EXPECT_FALSE(stopped);
        EXPECT_EQ(through({}, "plain", piece), "plain");
        EXPECT_EQ(through({""}, "plain", piece), "plain");
    }
}

TEST(StopFilter, HoldsBackOnlyWhatMayBecomeAStop) {
    StopFilter filter({"<end>"});
    EXPECT_EQ(filter.feed("text <e"), "text ");
    EXPECT_EQ(filter.feed("x <"), "<ex ");
    EXPECT_EQ(filter.feed("end"), "");
    EXPECT_EQ(filter.feed(">tail"), "");
    EXPECT_TRUE(filter.stopped());
    EXPECT_EQ(filter.finish(), "");
}

}  // namespace
}  // namespace caravan::engine::generate

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "tests/fuzz/mutations.h"
#include "tests/fuzz/target.h"

// Every target on its seeds, on the files of corpus/TARGET (findings of the past among them) and on seeded
// mutations of both: CARAVAN_FUZZ_RUNS of them, beginning at CARAVAN_FUZZ_SEED. An input that ends the
// program is written to the temporary folder first, as a file to put into the corpus.
namespace caravan::fuzz {
namespace {

namespace fs = std::filesystem;
constexpr double kMostSeconds = 1.0;  // of computing, on one input (reliability.md, R6)

std::string g_input, g_place;

void keepInput(int number) {
    const int file = ::open(g_place.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file >= 0) (void)!::write(file, g_input.data(), g_input.size());
    (void)!::write(2, g_place.data(), g_place.size());
    (void)!::write(2, " holds the input\n", 17);
    ::signal(number, SIG_DFL);
    ::raise(number);
}

int number(const char* variable, int otherwise) {
    const char* text = std::getenv(variable);
    return text ? std::atoi(text) : otherwise;
}

double computed() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::vector<std::string> corpus(const Target& target) {
    std::vector<std::string> all = target.seeds();
    const fs::path folder = fs::path(CARAVAN_SOURCE_DIR) / "tests/fuzz/corpus" / target.name;
    std::vector<fs::path> files;
    if (fs::is_directory(folder))
        for (const auto& entry : fs::directory_iterator(folder))
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        std::ifstream in(file, std::ios::binary);
        all.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
    return all;
}

class Fuzz : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override {
        const auto found = std::find_if(targets().begin(), targets().end(),
                                        [](const Target& target) { return target.name == GetParam(); });
        m_target = &*found;
        g_place = (fs::temp_directory_path() / ("caravan-fuzz-" + m_target->name)).string();
        for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS})
            ::signal(signal, keepInput);
    }
    void run(std::string input) {
        g_input = std::move(input);
        const double begin = computed();
        try {
            m_target->run(g_input);
        } catch (const std::exception& exception) {
            keep(std::string("left by an exception: ") + exception.what());
        }
        const double seconds = computed() - begin;
        if (seconds > kMostSeconds * (number("CARAVAN_FUZZ_SLOW", 1)))
            keep("took " + std::to_string(seconds) + " s");
    }
    void keep(const std::string& what) {
        const std::string place = g_place + "-" + std::to_string(m_kept++);
        std::ofstream(place, std::ios::binary) << g_input;
        ADD_FAILURE() << what << "; the input is " << place;
    }
    const Target* m_target = nullptr;
    int m_kept = 0;
};

TEST_P(Fuzz, ComesBackFromAnyBytes) {
    const std::vector<std::string> seeds = corpus(*m_target);
    ASSERT_FALSE(seeds.empty());
    for (const std::string& seed : seeds)
        run(seed);
    run("");
    Mutator mutator(seeds, static_cast<unsigned>(number("CARAVAN_FUZZ_SEED", 1)));
    const int runs = number("CARAVAN_FUZZ_RUNS", 1500);
    const double begin = computed();
    const double most = runs > 1500 ? 1e9 : 4.0;  // as a test it is to be quick everywhere
    for (int i = 0; i < runs && m_kept < 5 && computed() - begin < most; ++i)
        run(mutator.next());
}

INSTANTIATE_TEST_SUITE_P(Targets, Fuzz, testing::ValuesIn([] {
                             std::vector<std::string> names;
                             for (const Target& target : targets())
                                 names.push_back(target.name);
                             return names;
                         }()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace caravan::fuzz

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace caravan::cli::testing {

namespace fs = std::filesystem;
using nlohmann::json;

struct Outcome {
    int code = -1;
    std::string out, err;
    [[nodiscard]] std::vector<json> lines() const {
        std::vector<json> found;
        std::istringstream in(out);
        for (std::string line; std::getline(in, line);)
            found.push_back(json::parse(line));
        return found;
    }
    // The lines of one type, in order.
    [[nodiscard]] std::vector<json> of(const std::string& type) const {
        std::vector<json> found;
        for (const json& line : lines())
            if (line.value("type", "") == type) found.push_back(line);
        return found;
    }
};

inline std::string readText(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

// Runs the real caravan-cli of this build in a folder of its own.
class Cli : public ::testing::Test {
  protected:
    Cli() {
        std::string pattern = (fs::temp_directory_path() / "caravan-cli-XXXXXX").string();
        folder = mkdtemp(pattern.data());
    }
    ~Cli() override { fs::remove_all(folder); }

    pid_t start(const std::vector<std::string>& words, const fs::path& out, const fs::path& err) const {
        std::vector<std::string> copy = words;
        copy.insert(copy.begin(), CARAVAN_BINARY_DIR "/app/caravan-cli");
        std::vector<char*> argv;
        for (auto& word : copy)
            argv.push_back(word.data());
        argv.push_back(nullptr);
        const std::string outFile = out, errFile = err;
        const pid_t child = fork();
        if (child != 0) return child;
        if (inChild) inChild();
        (void)!freopen("/dev/null", "r", stdin);
        (void)!freopen(outFile.c_str(), "w", stdout);
        (void)!freopen(errFile.c_str(), "w", stderr);
        execv(argv[0], argv.data());
        _exit(127);
    }
    static int join(pid_t child) {
        int status = 0;
        waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    Outcome run(const std::vector<std::string>& words) const {
        Outcome outcome;
        outcome.code = join(start(words, folder / "out", folder / "err"));
        outcome.out = readText(folder / "out");
        outcome.err = readText(folder / "err");
        return outcome;
    }
    [[nodiscard]] std::string model() const { return CARAVAN_SOURCE_DIR "/resources/demo/base-16m"; }
    [[nodiscard]] std::string rows(const std::string& name) const {
        return CARAVAN_SOURCE_DIR "/resources/demo/data/" + name + ".jsonl";
    }
    // Few and short rows: a step takes well under a second.
    [[nodiscard]] std::vector<std::string> tune(std::int64_t steps,
                                                const std::vector<std::string>& more = {}) const {
        std::vector<std::string> words = {"tune",
                                          "--model",
                                          model(),
                                          "--data",
                                          rows("math.train") + ",weight=0.2",
                                          "--heldout",
                                          small(),
                                          "--project",
                                          (folder / "p").string(),
                                          "--steps",
                                          std::to_string(steps),
                                          "--batch-rows",
                                          "2",
                                          "--sequence-length",
                                          "96",
                                          "--quantization",
                                          "none",
                                          "--experts",
                                          "4",
                                          "--adapter-size",
                                          "8",
                                          "--lora-rank",
                                          "4",
                                          "--learning-rate",
                                          "0.001",
                                          "--device",
                                          "cpu",
                                          "--threads",
                                          "1",
                                          "--json"};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }
    [[nodiscard]] std::string small() const {
        const fs::path file = folder / "math.heldout.jsonl";
        std::ifstream in(rows("math.heldout"));
        std::ofstream out(file);
        std::string line;
        for (int i = 0; i < 4 && std::getline(in, line); ++i)
            out << line << '\n';
        return file;
    }
    fs::path folder;
    std::function<void()> inChild;  // between fork and exec: limits
};

}  // namespace caravan::cli::testing

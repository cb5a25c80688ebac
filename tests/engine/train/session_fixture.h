// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <future>
#include <map>
#include <sstream>

#include "engine/api/event_json.h"
#include "engine/train/session.h"
#include "tests/support/golden.h"

// Runs of a real model of 260 K parameters, for the tests of train::Session.
namespace caravan::engine::train {

namespace fs = std::filesystem;

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern = (fs::temp_directory_path() / "caravan_session_XXXXXX").string();
        m_path = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() { fs::remove_all(m_path); }
    [[nodiscard]] const fs::path& path() const { return m_path; }

  private:
    fs::path m_path;
};

// Collects the events; lets a test act when one comes.
class Recorder final : public RunObserver {
  public:
    void onEvent(const RunEvent& event) override {
        std::function<void(const RunEvent&)> act;
        {
            const std::lock_guard lock(m_mutex);
            m_events.push_back(event);
            act = m_act;
            m_changed.notify_all();
        }
        if (act) act(event);
    }
    void setAct(std::function<void(const RunEvent&)> act) {
        const std::lock_guard lock(m_mutex);
        m_act = std::move(act);
    }
    template <class E>
    [[nodiscard]] std::vector<E> all() {
        const std::lock_guard lock(m_mutex);
        std::vector<E> result;
        for (const RunEvent& event : m_events)
            if (const E* found = std::get_if<E>(&event)) result.push_back(*found);
        return result;
    }
    void clear() {
        const std::lock_guard lock(m_mutex);
        m_events.clear();
    }
    bool waitFor(RunState state) {
        std::unique_lock lock(m_mutex);
        return m_changed.wait_for(lock, std::chrono::seconds(60), [&] {
            for (const RunEvent& event : m_events)
                if (const auto* change = std::get_if<StateChange>(&event); change && change->to == state)
                    return true;
            return false;
        });
    }

  private:
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::vector<RunEvent> m_events;
    std::function<void(const RunEvent&)> m_act;
};

inline std::string contentOf(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

inline void writeRows(const fs::path& path, int rows, const std::string& what) {
    std::ofstream file(path);
    for (int i = 0; i < rows; ++i)
        file << nlohmann::json{{"corpus", ""},
                               {"dataset", ""},
                               {"instruction", i % 3 == 0 ? "Be short." : ""},
                               {"conversation",
                                {{{"input", "Tell me about " + what + " " + std::to_string(i)},
                                  {"output", "Once upon a time there was a " + what +
                                                 std::string(static_cast<std::size_t>(i % 5), '!')}}}}}
                    .dump()
             << "\n";
}

// A real trained model of 260 K parameters on a handful of rows.
class SessionTest : public testing::Test {
  protected:
    void SetUp() override {
        writeRows(m_folder.path() / "dogs.jsonl", 11, "dog");
        writeRows(m_folder.path() / "cats.jsonl", 9, "cat");
        writeRows(m_folder.path() / "heldout.jsonl", 3, "bird");
        m_recipe.model = {(dataFolder() / "models" / "stories260k").string(), Quantization::None};
        m_recipe.upcycle = {.experts = 4, .topK = 2, .adapterSize = 8, .scaling = 1, .layers = "1,3-4"};
        m_recipe.data.files = {{"dogs.jsonl", "", 1}, {"cats.jsonl", "felines", 1}};
        m_recipe.data.heldout = {{"heldout.jsonl", "", 1}};
        m_recipe.tune.steps = 8;
        m_recipe.tune.batchRows = 6;
        m_recipe.tune.microBatchTokens = 300;
        m_recipe.tune.learningRate = 1e-2;
        m_recipe.tune.loraRank = 4;
        m_recipe.seed = 5;
    }
    fs::path run(const char* name) const { return m_folder.path() / "runs" / name; }
    std::shared_ptr<Session> start(const char* name, std::optional<std::int64_t> stopAfter = {}) {
        return Session::start({m_recipe, m_folder.path().string(), run(name).string(), {stopAfter}},
                              m_recorder, {.threads = 1});
    }
    // Starts the run and does `act` with it when step `at` has been made.
    std::shared_ptr<Session> startAndAt(const char* name, StepIndex at, std::function<void(Session&)> act) {
        std::promise<Session*> started;
        m_recorder->setAct(
            [at, act = std::move(act), session = started.get_future().share()](const RunEvent& event) {
                if (const auto* step = std::get_if<StepMetrics>(&event);
                    step && step->step == at && !step->skipped)
                    act(*session.get());
            });
        std::shared_ptr<Session> session = start(name);
        started.set_value(session.get());
        return session;
    }
    std::shared_ptr<Session> goOn(const char* name) {
        return Session::resumeRun({.runFolder = run(name).string()}, m_recorder, {.threads = 1});
    }
    std::string adapters(const char* name, const char* step) const {
        return contentOf(run(name) / "checkpoints" / step / checkpoint::kTrainableFile);
    }
    nlohmann::json sessionState(const char* name, const char* step) const {
        return nlohmann::json::parse(
            contentOf(run(name) / "checkpoints" / step / checkpoint::kStateFile))["session"];
    }
    // Loss by step, the last line of a step counts.
    std::map<StepIndex, double> losses(const char* name) const {
        std::map<StepIndex, double> result;
        std::ifstream file(run(name) / "metrics.jsonl");
        for (std::string line; std::getline(file, line);) {
            const nlohmann::json json = nlohmann::json::parse(line);
            if (json["type"] == "step") result[json["step"]] = json["loss"];
        }
        return result;
    }

    TemporaryFolder m_folder;
    Recipe m_recipe;
    std::shared_ptr<Recorder> m_recorder = std::make_shared<Recorder>();
};

}  // namespace caravan::engine::train

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "engine/api/error_text.h"
#include "engine/api/event_json.h"
#include "projects/project.h"
#include "projects/run_recorder.h"

namespace caravan::projects::testing {

namespace fs = std::filesystem;

// A folder of its own for each test, removed after it.
class Scratch {
  public:
    Scratch() {
        std::string pattern = (fs::temp_directory_path() / "caravan-test-XXXXXX").string();
        m_path = mkdtemp(pattern.data());
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored;
        fs::remove_all(m_path, ignored);
    }
    [[nodiscard]] const fs::path& path() const { return m_path; }

  private:
    fs::path m_path;
};

template <class T>
T take(engine::Result<T> result) {
    if (!result) throw std::runtime_error(engine::errorLines(result.error()));
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

inline void writeText(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
}
inline std::string readText(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

inline engine::StepMetrics stepMetrics(engine::StepIndex step) {
    engine::StepMetrics m;
    m.step = step;
    m.loss = 3.5 / (1.0 + 0.1 * static_cast<double>(step));
    m.balance = 1.0 + 1.0 / 3.0 / static_cast<double>(step);
    m.balanceLoss = 0.08;
    m.learningRate = 1e-3;
    m.gradientNorm = 0.7;
    m.tokens = 1000 + step;
    m.answerTokens = 400;
    m.tokensPerSecond = 1234.5;
    m.memoryBytes = 1 << 20;
    m.seconds = 0.1 * static_cast<double>(step);
    m.expertLoad = {{0.1f, 0.2f, 0.3f, 0.4f}, {0.25f, 0.25f, 0.25f, 0.25f}};
    m.maxVio = {0.6f, 0.0f};
    m.entropy = {0.9f, 1.0f};
    m.confidence = {0.5f, 0.25f};
    m.margin = {0.1f, 0.0f};
    m.tokenEntropy = {0.8f, 0.7f};
    return m;
}

// Plays the engine: the line first, then the observer.
class FakeRun {
  public:
    FakeRun(fs::path folder, engine::RunObserver* observer)
        : m_folder(std::move(folder)), m_observer(observer) {
        fs::create_directories(m_folder);
    }
    void say(const engine::RunEvent& event) {
        std::ofstream(m_folder / "metrics.jsonl", std::ios::app) << engine::toJson(event).dump() << '\n';
        if (m_observer) m_observer->onEvent(event);
    }
    void state(engine::RunState from, engine::RunState to) {
        engine::StateChange change;
        change.from = from;
        change.to = to;
        change.run = m_folder.string();
        say(change);
    }
    // Steps first..last with an evaluation, a sample and a checkpoint at the end of them.
    void steps(engine::StepIndex first, engine::StepIndex last) {
        for (engine::StepIndex s = first; s <= last; ++s)
            say(stepMetrics(s));
        say(engine::Evaluation{last, {{"general", 3.0}, {"code", 1.25}}, 2.125});
        say(engine::Sample{last, "Say \"hé\"", "line one\nline two"});
        const auto folder = m_folder / "checkpoints" / ("step-" + std::to_string(last));
        writeText(folder / "manifest.json", "{}");
        say(engine::CheckpointInfo{last, folder.string(), 12345});
    }

  private:
    fs::path m_folder;
    engine::RunObserver* m_observer;
};

}  // namespace caravan::projects::testing

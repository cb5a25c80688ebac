// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <mutex>

#include "engine/generate/generator.h"
#include "engine/session/model_source.h"
#include "engine/session/stoppable_mutex.h"
#include "engine/tokenizer/chat_template.h"

namespace caravan::engine {

// The model that chat, evaluation and export use: one at a time, kept until another one is asked for.
struct LoadedModel {
    std::string key;
    SourcePlan plan;
    OpenedModel opened;
    std::unique_ptr<generate::Generator> generator;
};

// The plan is of the dense model that the loaded one was made of, in the same types.
[[nodiscard]] bool isBaseOf(const LoadedModel& loaded, const SourcePlan& plan);
// The plan is of another checkpoint of the loaded run.
[[nodiscard]] bool isSiblingOf(const LoadedModel& loaded, const SourcePlan& plan);
// How a loaded model is asked; its base alone as a folder without a run.
[[nodiscard]] ChatTemplate formOf(const LoadedModel& loaded, bool dense);

// The loaded model and its lock; all but acquire() with the lock held.
class ModelHolder {
  public:
    struct Shared {
        LoadedModel& loaded;
        bool dense;  // its base alone is meant
    };
    explicit ModelHolder(at::Device device) : m_device(device) {}
    // A request that is cancelled while it waits for another one goes at once: throws Interrupted.
    [[nodiscard]] std::unique_lock<StoppableMutex> acquire(const std::stop_token& stop);
    // Drops the model before, so that two never lie in memory.
    LoadedModel& use(const ModelSource& source, const ProgressFunction& progress,
                     const std::stop_token& stop);
    // As use(), but what lies in memory already stays: a run's dense base is the run's model without experts
    // and LoRA, and another checkpoint of a run only brings other trainable values.
    Shared share(const ModelSource& source, const ProgressFunction& progress, const std::stop_token& stop);
    void drop() { m_loaded.reset(); }

  private:
    at::Device m_device;
    StoppableMutex m_mutex;
    std::optional<LoadedModel> m_loaded;
};

}  // namespace caravan::engine

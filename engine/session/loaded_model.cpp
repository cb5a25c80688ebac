// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/loaded_model.h"

#include "engine/checkpoint/checkpoint_store.h"
#include "engine/generate/prompt.h"
#include "engine/train/snapshot.h"

namespace caravan::engine {

bool isBaseOf(const LoadedModel& loaded, const SourcePlan& plan) {
    const SourcePlan& run = loaded.plan;
    const bool addsAll = run.recipe && (run.recipe->upcycle.method == UpcycleMethod::Pesc ||
                                        loaded.opened.model->sparseLayers().empty());
    return addsAll && !plan.recipe && !plan.base && plan.quantization == run.quantization &&
           plan.compute == run.compute &&
           std::filesystem::weakly_canonical(plan.folder) ==
               std::filesystem::weakly_canonical(loaded.opened.baseFolder);
}

bool isSiblingOf(const LoadedModel& loaded, const SourcePlan& plan) {
    const SourcePlan& run = loaded.plan;
    return run.checkpoint && plan.checkpoint && run.folder == plan.folder && run.base == plan.base &&
           run.quantization == plan.quantization && run.compute == plan.compute;
}

ChatTemplate formOf(const LoadedModel& loaded, bool dense) {
    const OpenedModel& opened = loaded.opened;
    const Recipe* recipe = opened.recipe && !dense ? &*opened.recipe : nullptr;
    return generate::promptForm(opened.tokenizerFolder, recipe, opened.text());
}

std::unique_lock<StoppableMutex> ModelHolder::acquire(const std::stop_token& stop) {
    if (!m_mutex.lock(stop)) throw EngineException(ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}});
    return {m_mutex, std::adopt_lock};
}

LoadedModel& ModelHolder::use(const ModelSource& source, const ProgressFunction& progress,
                              const std::stop_token& stop) {
    const SourcePlan plan = planSource(source);
    if (!m_loaded || m_loaded->key != plan.key()) {
        m_loaded.reset();
        m_loaded.emplace(LoadedModel{plan.key(), plan, openSource(plan, m_device, progress, stop), nullptr});
    }
    return *m_loaded;
}

ModelHolder::Shared ModelHolder::share(const ModelSource& source, const ProgressFunction& progress,
                                       const std::stop_token& stop) {
    if (!m_loaded) return {use(source, progress, stop), false};
    const SourcePlan plan = planSource(source);
    if (m_loaded->key == plan.key()) return {*m_loaded, false};
    if (isBaseOf(*m_loaded, plan)) return {*m_loaded, true};
    if (isSiblingOf(*m_loaded, plan)) {
        const auto checkpoint = unwrap(checkpoint::load(*plan.checkpoint, false));
        m_loaded->key.clear();  // of no model while it is written
        train::restore(m_loaded->opened.model->trainable(), checkpoint, {});
        m_loaded->generator.reset();
        m_loaded->key = plan.key();
        m_loaded->plan = plan;
        return {*m_loaded, false};
    }
    return {use(source, progress, stop), false};
}

}  // namespace caravan::engine

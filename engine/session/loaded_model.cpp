// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/loaded_model.h"

#include "engine/generate/prompt.h"

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

}  // namespace caravan::engine

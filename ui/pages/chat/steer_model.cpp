// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/steer_model.h"

#include <QObject>
#include <algorithm>
#include <map>

namespace caravan::ui {

QString steerProblem(const engine::RouterChange& change, const SteerModel& model) {
    const int k = static_cast<int>(change.activeExperts.value_or(model.active));
    for (const std::int64_t layer : model.layers) {
        using Use = engine::SteerExpert::Use;
        std::map<std::int64_t, Use> uses;
        for (const engine::SteerExpert& s : change.steer)
            if ((s.layer == -1 || s.layer == layer) && s.use != Use::Normal) uses[s.expert] = s.use;
        const auto count = [&](Use use) {
            return static_cast<int>(
                std::count_if(uses.begin(), uses.end(), [&](const auto& u) { return u.second == use; }));
        };
        const int left = model.experts - count(Use::Mute), forced = count(Use::Force);
        if (left < k)
            return QObject::tr(
                       "Layer %1: %2 of %3 experts are muted, but %4 must be active. Mute fewer or "
                       "activate fewer.")
                .arg(layer)
                .arg(model.experts - left)
                .arg(model.experts)
                .arg(k);
        if (forced > k)
            return QObject::tr(
                       "Layer %1: %2 experts are forced, but only %3 are active. Force fewer or activate "
                       "more.")
                .arg(layer)
                .arg(forced)
                .arg(k);
    }
    return {};
}

}  // namespace caravan::ui

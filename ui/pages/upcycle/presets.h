// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QVector>

#include "engine/api/config/recipe.h"
#include "engine/api/result.h"

namespace caravan::ui {

// Settings of a run without its model and data, as a file that can be kept and given to others. It is a
// recipe file, so that `caravan-cli tune --recipe FILE --model ... --data ...` reads it too.
struct PresetFile {
    QString name, path;
    bool bundled = false;
};

// Those that come with the program, then the user's own, by name.
[[nodiscard]] QVector<PresetFile> presetFiles();
[[nodiscard]] QString presetFolder();  // where the user's own lie; need not exist yet
// The given settings with those of the file instead; model folder and data stay.
[[nodiscard]] engine::Result<engine::Recipe> withPreset(const engine::Recipe& recipe, const QString& path);
[[nodiscard]] engine::Result<void> savePreset(const engine::Recipe& recipe, const QString& path);

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/upcycle/presets.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>
#include <QSaveFile>
#include <QSettings>

#include "engine/api/config/descriptors.h"
#include "projects/demo.h"
#include "projects/recipe_file.h"

namespace caravan::ui {
namespace {

// What a preset does not hold: where the model lies, and the data.
void withoutPlaces(nlohmann::json& json) {
    if (!json.is_object()) return;
    json.erase("data");
    if (json.contains("model") && json["model"].is_object()) json["model"].erase("path");
}

}  // namespace

QString presetFolder() {
    return QFileInfo(QSettings().fileName()).path() + QStringLiteral("/presets");
}

QVector<PresetFile> presetFiles() {
    QVector<PresetFile> files;
    const QString bundled = QString::fromStdString((projects::resourcesFolder() / "presets").string());
    const std::pair<const char*, QString> own[] = {
        {"reference", QCoreApplication::translate("Presets", "Reference run: PESC 8 × 2, one epoch")},
        {"demo", QCoreApplication::translate("Presets", "Demo: PESC 8 × 2, 60 steps")}};
    for (const auto& [file, name] : own) {
        const QString path = QDir(bundled).filePath(QLatin1String(file) + QStringLiteral(".json"));
        if (QFileInfo::exists(path)) files << PresetFile{name, path, true};
    }
    const QDir folder(presetFolder());
    for (const QFileInfo& info :
         folder.entryInfoList({QStringLiteral("*.json")}, QDir::Files, QDir::Name | QDir::IgnoreCase))
        files << PresetFile{info.completeBaseName(), info.filePath(), false};
    return files;
}

engine::Result<engine::Recipe> withPreset(const engine::Recipe& recipe, const QString& path) {
    auto read = projects::readRecipe(path.toStdString(), recipe);
    if (!read) return read;
    read->model.path = recipe.model.path;
    read->data = recipe.data;
    return read;
}

engine::Result<void> savePreset(const engine::Recipe& recipe, const QString& path) {
    nlohmann::json json = engine::recipeToJson(recipe);
    withoutPlaces(json);
    const QByteArray text = QByteArray::fromStdString(json.dump(2)) + '\n';
    QDir().mkpath(QFileInfo(path).path());
    QSaveFile file(path);
    if (file.open(QIODevice::WriteOnly) && file.write(text) == text.size() && file.commit()) return {};
    return engine::fail(engine::ErrorCode::WriteFailed, {{"path", path.toStdString()},
                                                         {"bytes", std::to_string(text.size())},
                                                         {"detail", file.errorString().toStdString()}});
}

}  // namespace caravan::ui

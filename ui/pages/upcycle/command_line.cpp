// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/upcycle/command_line.h"

#include <QRegularExpression>
#include <QStringList>

#include "engine/api/config/descriptors.h"
#include "ui/format/format.h"

namespace caravan::ui {
namespace {

QString quoted(const QString& word) {
    static const QRegularExpression plain(QStringLiteral("^[A-Za-z0-9_@%+=:,./-]+$"));
    if (plain.match(word).hasMatch()) return word;
    QString inside = word;
    return QLatin1Char('\'') + inside.replace(QLatin1Char('\''), QStringLiteral("'\\''")) + QLatin1Char('\'');
}

QString fileArgument(const engine::DataFile& file, bool weighted) {
    QString text = QString::fromStdString(file.path);
    if (!file.name.empty()) text += QStringLiteral(",name=") + QString::fromStdString(file.name);
    if (weighted && file.weight != 1.0) text += QStringLiteral(",weight=") + shortReal(file.weight);
    return quoted(text);
}

}  // namespace

QString tuneCommandLine(const engine::Recipe& recipe, const QString& projectFolder) {
    QStringList parts{QStringLiteral("caravan-cli"), QStringLiteral("tune"), QStringLiteral("--model"),
                      quoted(QString::fromStdString(recipe.model.path))};
    for (const engine::DataFile& file : recipe.data.files)
        parts << QStringLiteral("--data") << fileArgument(file, true);
    for (const engine::DataFile& file : recipe.data.heldout)
        parts << QStringLiteral("--heldout") << fileArgument(file, false);
    const engine::Recipe defaults;
    for (const engine::FieldDescriptor& field : engine::recipeFields()) {
        if (field.key == "model.path" || field.type == engine::FieldType::FileList) continue;
        const nlohmann::json value = field.get(recipe);
        if (value == field.get(defaults)) continue;
        const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        parts << QStringLiteral("--set") << quoted(QString::fromStdString(field.key + "=" + text));
    }
    parts << QStringLiteral("--project") << quoted(projectFolder);
    return parts.join(QLatin1Char(' '));
}

}  // namespace caravan::ui

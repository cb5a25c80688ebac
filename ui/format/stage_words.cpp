// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/format/stage_words.h"

#include <QCoreApplication>
#include <algorithm>
#include <iterator>
#include <string_view>

namespace caravan::ui {
namespace {

// As the engine writes them; a test holds them against its sources.
constexpr const char* kStages[] = {
    QT_TRANSLATE_NOOP("Stage", "loading"),
    QT_TRANSLATE_NOOP("Stage", "reading weights"),
    QT_TRANSLATE_NOOP("Stage", "writing weights"),
    QT_TRANSLATE_NOOP("Stage", "proving step 0"),
    QT_TRANSLATE_NOOP("Stage", "measuring a step"),
    QT_TRANSLATE_NOOP("Stage", "evaluating"),
    QT_TRANSLATE_NOOP("Stage", "sampling"),
    QT_TRANSLATE_NOOP("Stage", "saving"),
    QT_TRANSLATE_NOOP("Stage", "reading the probe set"),
    QT_TRANSLATE_NOOP("Stage", "reading it with the other model"),
    QT_TRANSLATE_NOOP("Stage", "comparing experts"),
    QT_TRANSLATE_NOOP("Stage", "muting experts"),
    QT_TRANSLATE_NOOP("Stage", "reading the inputs of the FFNs"),
    QT_TRANSLATE_NOOP("Stage", "fitting adapters"),
    QT_TRANSLATE_NOOP("Stage", "reading the answer"),
    QT_TRANSLATE_NOOP("Stage", "writing answers"),
};
constexpr std::string_view kReading = "reading ";

QString tr(const char* text) {
    return QCoreApplication::translate("Stage", text);
}

}  // namespace

QString stageText(const std::string& stage) {
    const auto* const known =
        std::find_if(std::begin(kStages), std::end(kStages), [&](const char* each) { return stage == each; });
    if (known != std::end(kStages)) return tr(*known);
    if (stage.rfind(kReading, 0) == 0)
        //: %1: the name of a file
        return tr("reading %1").arg(QString::fromStdString(stage.substr(kReading.size())));
    return QString::fromStdString(stage);
}

}  // namespace caravan::ui

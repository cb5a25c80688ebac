// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/forms/field_words.h"

#include <QCoreApplication>
#include <cmath>

#include "ui/format/format.h"

namespace caravan::ui {
namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("Recipe", text);
}

QString numberText(double value) {
    return value == std::floor(value) && std::abs(value) < 1e15
               ? withThousands(static_cast<std::int64_t>(value))
               : shortReal(value);
}

struct ChoiceWord {
    const char *key, *word, *label;
};
constexpr ChoiceWord kChoices[] = {
    {"model.quantization", "nf4", "NF4"},
    {"model.quantization", "none", QT_TRANSLATE_NOOP("Recipe", "As stored")},
    {"tune.optimizer", "adamw", "AdamW"},
    {"tune.optimizer", "adamw_8bit", QT_TRANSLATE_NOOP("Recipe", "AdamW, 8-bit states")},
    {"tune.trained", "fp32", "fp32"},
    {"tune.trained", "bf16", QT_TRANSLATE_NOOP("Recipe", "bf16, rounded at random")},
    {"tune.schedule", "constant", QT_TRANSLATE_NOOP("Recipe", "Constant")},
    {"tune.schedule", "linear", QT_TRANSLATE_NOOP("Recipe", "Linear to 0")},
    {"tune.schedule", "cosine", QT_TRANSLATE_NOOP("Recipe", "Cosine to 0")},
    {"tune.balance_scope", "micro", QT_TRANSLATE_NOOP("Recipe", "Micro-batch")},
    {"tune.balance_scope", "batch", QT_TRANSLATE_NOOP("Recipe", "Whole batch")},
    {"tune.recompute", "none", QT_TRANSLATE_NOOP("Recipe", "Nothing")},
    {"tune.recompute", "rows", QT_TRANSLATE_NOOP("Recipe", "Experts' inputs")},
    {"tune.recompute", "gate_up", QT_TRANSLATE_NOOP("Recipe", "Gate and up")},
    {"tune.recompute", "all", QT_TRANSLATE_NOOP("Recipe", "Every layer")},
    {"tune.dequantization", "stream", QT_TRANSLATE_NOOP("Recipe", "Widened for every use")},
    {"tune.dequantization", "cache", QT_TRANSLATE_NOOP("Recipe", "Widened once and kept")},
    {"tune.dequantization", "fp8", QT_TRANSLATE_NOOP("Recipe", "Products in fp8")},
    {"tune.repeatability", "exact", QT_TRANSLATE_NOOP("Recipe", "Bit for bit")},
    {"tune.repeatability", "fast", QT_TRANSLATE_NOOP("Recipe", "Faster")},
    {"tune.graph", "auto", QT_TRANSLATE_NOOP("Recipe", "As CUDA graphs")},
    {"tune.graph", "off", QT_TRANSLATE_NOOP("Recipe", "Operation by operation")},
    {"tune.keep", "newest", QT_TRANSLATE_NOOP("Recipe", "The newest")},
    {"tune.keep", "best", QT_TRANSLATE_NOOP("Recipe", "The newest and each best")},
    {"tune.compute", "auto", QT_TRANSLATE_NOOP("Recipe", "Automatic")},
    {"tune.compute", "fp32", "fp32"},
    {"tune.compute", "bf16", "bf16"},
};

}  // namespace

QString fieldLabel(const engine::FieldDescriptor& field) {
    if (field.key == "model.quantization") return tr("Base weights");
    return tr(field.label.c_str());
}

QString fieldHelp(const engine::FieldDescriptor& field) {
    return tr(field.help.c_str());
}

QString choiceLabel(const engine::FieldDescriptor& field, const std::string& word) {
    for (const ChoiceWord& choice : kChoices)
        if (field.key == choice.key && word == choice.word) return tr(choice.label);
    return QString::fromStdString(word);
}

QString shortRange(const engine::FieldDescriptor& field) {
    if (field.type != engine::FieldType::Integer && field.type != engine::FieldType::Real) return {};
    const QString unit = field.unit.empty() ? QString() : QLatin1Char(' ') + tr(field.unit.c_str());
    if (field.maximum >= 1e6)
        return field.unit.empty() ? tr("from %1").arg(numberText(field.minimum)) : tr(field.unit.c_str());
    if (field.minimum > 0 && field.minimum < 1e-3)
        return tr("up to %1").arg(numberText(field.maximum)) + unit;
    return tr("%1 to %2").arg(numberText(field.minimum), numberText(field.maximum)) + unit;
}

QString problemSentence(const std::string& key, const engine::Error& error, const std::string& nearestValid) {
    const engine::FieldDescriptor* field = engine::findField(key);
    const QString label = field ? fieldLabel(*field) : QString::fromStdString(key);
    QString sentence;
    if (error.code == engine::ErrorCode::BadOption) {
        const QString range = QString::fromStdString(std::string(error.parameter("range")));
        sentence = range.isEmpty()
                       ? tr("%1 cannot be %2.")
                             .arg(label, QString::fromStdString(std::string(error.parameter("value"))))
                       : tr("%1 must be %2.").arg(label, range);
    } else {
        sentence = words(error).oneLine();
    }
    if (!nearestValid.empty())
        sentence += QLatin1Char(' ') + tr("Try %1.").arg(QString::fromStdString(nearestValid));
    return sentence;
}

}  // namespace caravan::ui

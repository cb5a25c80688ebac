// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/runs/run_differences.h"

#include <QFileInfo>
#include <algorithm>

#include "engine/api/config/descriptors.h"
#include "ui/format/format.h"
#include "ui/forms/field_words.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {

const QString kNone = QStringLiteral("–");

QString valueText(const engine::FieldDescriptor& field, const engine::Recipe& recipe) {
    const bool dense = recipe.upcycle.method == engine::UpcycleMethod::None;
    if (field.key == "upcycle.method")
        return dense ? RunDifferences::tr("Dense QLoRA") : RunDifferences::tr("PESC");
    if (dense && (field.group == engine::FieldGroup::Routing || field.key.starts_with("upcycle.") ||
                  field.key.starts_with("tune.balance")))
        return kNone;
    const nlohmann::json value = field.get(recipe);
    if (value.is_null()) return RunDifferences::tr("auto");
    if (field.key == "model.path")
        return QFileInfo(QString::fromStdString(value.get<std::string>())).fileName();
    if (value.is_string()) return choiceLabel(field, value.get<std::string>());
    if (value.is_boolean()) return value.get<bool>() ? RunDifferences::tr("yes") : RunDifferences::tr("no");
    if (value.is_number_integer()) return withThousands(value.get<std::int64_t>());
    if (value.is_number()) return shortReal(value.get<double>());
    if (field.type == engine::FieldType::FileList) {
        QStringList names;
        for (const auto& file : value)
            names << QFileInfo(QString::fromStdString(file.value("path", std::string()))).fileName() +
                         (file.value("weight", 1.0) != 1.0
                              ? QStringLiteral(" × %1").arg(shortReal(file.value("weight", 1.0)))
                              : QString());
        return names.isEmpty() ? kNone : names.join(QStringLiteral(", "));
    }
    if (value.is_array()) {
        QStringList parts;
        for (const auto& part : value)
            parts << (part.is_string() ? QString::fromStdString(part.get<std::string>())
                                       : QString::fromStdString(part.dump()));
        return parts.isEmpty() ? kNone : parts.join(QStringLiteral(", "));
    }
    return QString::fromStdString(value.dump());
}

QString real(double value, int digits) {
    return std::isfinite(value) ? QString::number(value, 'f', digits) : kNone;
}

}  // namespace

void RunDifferences::setRuns(const QVector<Column>& columns) {
    beginResetModel();
    m_columns = columns;
    rebuild();
    endResetModel();
}

void RunDifferences::setOnlyDiffering(bool only) {
    if (m_only == only) return;
    beginResetModel();
    m_only = only;
    rebuild();
    endResetModel();
}

void RunDifferences::rebuild() {
    m_all.clear();
    m_rows.clear();
    if (m_columns.isEmpty()) return;
    const auto add = [this](const QString& name, bool result, auto value) {
        Row row{name, {}, false, result};
        for (const Column& column : m_columns)
            row.values << value(column);
        row.differs = std::any_of(row.values.begin(), row.values.end(),
                                  [&](const QString& text) { return text != row.values.first(); });
        m_all << row;
    };
    for (const engine::FieldDescriptor& field : engine::recipeFields())
        add(fieldLabel(field), false, [&](const Column& c) { return valueText(field, c.run.recipe); });
    add(tr("Steps done"), true, [](const Column& c) { return withThousands(c.run.step); });
    add(tr("Held-out loss, last"), true,
        [](const Column& c) { return real(c.run.heldout.value_or(NAN), 4); });
    add(tr("Held-out loss, best"), true,
        [](const Column& c) { return real(c.run.bestHeldout.value_or(NAN), 4); });
    add(tr("Train loss, last step"), true, [](const Column& c) { return real(c.facts.lastLoss, 4); });
    add(tr("MaxVio, mean over layers"), true, [](const Column& c) { return real(c.facts.maxVio, 2); });
    add(tr("Tokens per second"), true, [](const Column& c) {
        return std::isfinite(c.facts.tokensPerSecond) ? withThousands(std::llround(c.facts.tokensPerSecond))
                                                      : kNone;
    });
    add(tr("Peak memory"), true, [](const Column& c) {
        return std::isfinite(c.facts.memoryBytes) ? memoryText(static_cast<std::int64_t>(c.facts.memoryBytes))
                                                  : kNone;
    });
    for (const Row& row : m_all)
        if (!m_only || m_columns.size() < 2 || row.differs) m_rows << row;
}

QString RunDifferences::countWords() const {
    if (m_columns.isEmpty()) return {};
    if (m_columns.size() < 2) return tr("one run is checked");
    const auto differing = std::count_if(m_all.begin(), m_all.end(), [](const Row& r) { return r.differs; });
    return tr("%1 of %2 settings and results").arg(differing).arg(m_all.size());
}

QString RunDifferences::sameWords() const {
    if (m_columns.size() < 2) return {};
    QStringList same;
    for (const char* key : {"model.path", "data.files", "seed", "tune.sequence_length", "tune.batch_rows",
                            "tune.learning_rate", "tune.lora_rank"}) {
        const engine::FieldDescriptor* field = engine::findField(key);
        if (field == nullptr) continue;
        const QString first = valueText(*field, m_columns.first().run.recipe);
        const bool all = std::all_of(m_columns.begin(), m_columns.end(), [&](const Column& c) {
            return valueText(*field, c.run.recipe) == first;
        });
        if (!all) continue;
        QString name = fieldLabel(*field);
        if (name.size() > 1 && name[1].isLower()) name[0] = name[0].toLower();  // "LoRA rank" stays
        same << (field->type == engine::FieldType::FileList ? tr("data") : name + QLatin1Char(' ') + first);
    }
    if (same.isEmpty()) return {};
    return m_columns.size() == 2
               ? tr("Same in both: %1.").arg(same.join(QStringLiteral(", ")))
               : tr("Same in all %1: %2.").arg(m_columns.size()).arg(same.join(QStringLiteral(", ")));
}

int RunDifferences::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}
int RunDifferences::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_columns.size()) + 1;
}

QVariant RunDifferences::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const Row& row = m_rows[index.row()];
    const bool name = index.column() == 0;
    const QString text = name ? row.name : row.values.value(index.column() - 1);
    switch (role) {
        case Qt::DisplayRole:
        case Qt::ToolTipRole:
        case SortRole:
            return text;
        case Qt::AccessibleTextRole:
            return name ? text
                        : tr("%1, %2: %3").arg(row.name, m_columns[index.column() - 1].run.title, text);
        case Qt::TextAlignmentRole:
            return QVariant::fromValue(Qt::AlignVCenter | (name ? Qt::AlignLeft : Qt::AlignRight));
        case Qt::FontRole:
            return name ? QVariant() : QVariant(widgets::numberFont());
        case Qt::ForegroundRole:
            return !m_only && !row.differs ? QVariant(widgets::themeColors().text2) : QVariant();
        case DiffersRole:
            return row.differs;
        default:
            return {};
    }
}

QVariant RunDifferences::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(Qt::AlignVCenter | (section == 0 ? Qt::AlignLeft : Qt::AlignRight));
    if (role != Qt::DisplayRole && role != Qt::ToolTipRole) return {};
    if (section == 0) return tr("Setting or result");
    const RunEntry& run = m_columns.value(section - 1).run;
    const auto same = std::count_if(m_columns.begin(), m_columns.end(),
                                    [&](const Column& c) { return c.run.title == run.title; });
    return same > 1 ? run.id : run.title;
}

}  // namespace caravan::ui

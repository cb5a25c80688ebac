// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/runs/run_differences.h"

#include <QFileInfo>
#include <QSet>
#include <algorithm>

#include "engine/api/config/descriptors.h"
#include "projects/run_comparison.h"
#include "ui/format/format.h"
#include "ui/forms/field_words.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {

const QString kNone = QStringLiteral("–");

using Value = std::optional<nlohmann::json>;

QString settingText(const engine::FieldDescriptor& field, const Value& known) {
    if (!known) return kNone;
    const nlohmann::json& value = *known;
    if (field.key == "upcycle.method")
        return value == "none" ? RunDifferences::tr("Dense QLoRA") : RunDifferences::tr("PESC");
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

QString resultText(const projects::ComparedRow& row, const Value& value) {
    if (!value) return kNone;
    if (row.key == "memory_bytes") return memoryText(static_cast<std::int64_t>(value->get<double>()));
    return row.decimals == 0 ? withThousands(std::llround(value->get<double>()))
                             : QString::number(value->get<double>(), 'f', row.decimals);
}

QString resultLabel(const std::string& key) {
    static const std::pair<const char*, const char*> kLabels[] = {
        {"steps_done", QT_TRANSLATE_NOOP("caravan::ui::RunDifferences", "Steps done")},
        {"heldout_last", QT_TRANSLATE_NOOP("caravan::ui::RunDifferences", "Held-out loss, last")},
        {"heldout_best", QT_TRANSLATE_NOOP("caravan::ui::RunDifferences", "Held-out loss, best")},
        {"loss_last", QT_TRANSLATE_NOOP("caravan::ui::RunDifferences", "Train loss, last step")},
        {"max_vio", QT_TRANSLATE_NOOP("caravan::ui::RunDifferences", "MaxVio, mean over layers")},
        {"tokens_per_second", QT_TRANSLATE_NOOP("caravan::ui::RunDifferences", "Tokens/s, mean over steps")},
        {"memory_bytes", QT_TRANSLATE_NOOP("caravan::ui::RunDifferences", "Peak memory")}};
    for (const auto& [of, label] : kLabels)
        if (key == of) return RunDifferences::tr(label);
    return QString::fromStdString(key);
}

// With their folders.
QString filesInFull(const nlohmann::json& files) {
    QStringList paths;
    for (const auto& file : files)
        paths << QString::fromStdString(file.value("path", std::string()));
    return paths.join(QStringLiteral(", "));
}

// Two values that differ and read the same (folders of one name) are told in full.
QStringList textsOf(const projects::ComparedRow& row) {
    QStringList texts;
    for (const Value& value : row.values)
        texts << (row.field != nullptr ? settingText(*row.field, value) : resultText(row, value));
    if (!row.differs || row.field == nullptr || QSet<QString>(texts.begin(), texts.end()).size() > 1)
        return texts;
    const auto inFull = [&](const auto& text) {
        for (int i = 0; i < texts.size(); ++i)
            if (const Value& value = row.values[static_cast<std::size_t>(i)]) texts[i] = text(*value);
        return QSet<QString>(texts.begin(), texts.end()).size() > 1;
    };
    if (row.field->type == engine::FieldType::FileList && inFull(filesInFull)) return texts;
    inFull([](const nlohmann::json& value) {
        return QString::fromStdString(value.is_string() ? value.get<std::string>() : value.dump());
    });
    return texts;
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
    std::vector<projects::ComparedRun> runs;
    for (const Column& c : m_columns)
        runs.push_back({c.run.recipe, c.run.step, c.run.heldout, c.run.bestHeldout, c.facts});
    for (const projects::ComparedRow& row : projects::compareRuns(runs))
        m_all << Row{row.field != nullptr ? fieldLabel(*row.field) : resultLabel(row.key), textsOf(row),
                     row.differs, row.key};
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
        const auto row = std::find_if(m_all.begin(), m_all.end(), [&](const Row& r) { return r.key == key; });
        if (field == nullptr || row == m_all.end() || row->differs) continue;
        const QString first = row->values.first();
        QString name = fieldLabel(*field);
        const QString rest = name.section(QLatin1Char(' '), 0, 0).mid(1);
        if (rest == rest.toLower()) name[0] = name[0].toLower();  // "LoRA rank" stays
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

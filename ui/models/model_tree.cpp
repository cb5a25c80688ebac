// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/model_tree.h"

#include "ui/format/format.h"
#include "widgets/chip.h"

namespace caravan::ui {
namespace {

QString dtypeText(engine::DType type) {
    switch (type) {
        case engine::DType::F32:
            return QStringLiteral("fp32");
        case engine::DType::F16:
            return QStringLiteral("fp16");
        case engine::DType::BF16:
            return QStringLiteral("bf16");
        default:
            return QStringLiteral("–");
    }
}

QString headingText(ModelTree::Group group) {
    switch (group) {
        case ModelTree::Group::Dense:
            return ModelTree::tr("Dense, can be upcycled");
        case ModelTree::Group::Mixtures:
            return ModelTree::tr("Mixtures of experts");
        case ModelTree::Group::Adapters:
            return ModelTree::tr("Adapters of a dense model");
        case ModelTree::Group::Unusable:
            return ModelTree::tr("Cannot be used yet");
    }
    return {};
}

}  // namespace

ModelTree::ModelTree(QObject* parent) : QAbstractItemModel(parent) {}

ModelTree::Group ModelTree::groupOf(const ModelEntry& entry) {
    if (entry.status == ModelEntry::Status::Refused) return Group::Unusable;
    if (entry.status == ModelEntry::Status::Reading) return Group::Dense;
    const auto& kind = entry.inspection.kind;
    if (kind == "moe") return Group::Mixtures;
    if (kind == "lora") return Group::Adapters;
    return kind == "dense" && entry.inspection.canUpcycle ? Group::Dense : Group::Unusable;
}

QString ModelTree::typeText(const engine::ModelInspection& inspection) {
    if (inspection.config.moe)
        return QStringLiteral("PESC %1 × %2")
            .arg(inspection.config.moe->experts)
            .arg(inspection.config.moe->topK);
    if (inspection.kind == "lora") return QStringLiteral("LoRA");
    return QString::fromStdString(inspection.architecture);
}

QString ModelTree::weightsText(const engine::ModelInspection& inspection) {
    return inspection.config.quantizedNf4 ? QStringLiteral("NF4") : dtypeText(inspection.config.storedType);
}

QString ModelTree::reasonText(const ModelEntry& entry) {
    if (entry.error) return words(*entry.error).oneLine();
    if (groupOf(entry) != Group::Unusable) return {};
    return entry.inspection.reasons.empty() ? QString()
                                            : QString::fromStdString(entry.inspection.reasons.front());
}

void ModelTree::setModels(const QVector<ModelEntry>& models) {
    m_all = models;
    rebuild();
}

void ModelTree::setFilter(const QString& text) {
    m_filter = text.trimmed();
    rebuild();
}

void ModelTree::rebuild() {
    beginResetModel();
    m_headings.clear();
    for (const Group group : {Group::Dense, Group::Mixtures, Group::Adapters, Group::Unusable}) {
        Heading heading{group, {}};
        for (const ModelEntry& entry : m_all) {
            const QString text = entry.name + QLatin1Char(' ') +
                                 QString::fromStdString(entry.inspection.architecture) + QLatin1Char(' ') +
                                 QString::fromStdString(entry.inspection.licence);
            if (groupOf(entry) == group &&
                (m_filter.isEmpty() || text.contains(m_filter, Qt::CaseInsensitive)))
                heading.models << entry;
        }
        if (!heading.models.isEmpty()) m_headings << heading;
    }
    endResetModel();
}

int ModelTree::modelCount() const {
    int count = 0;
    for (const Heading& heading : m_headings)
        count += static_cast<int>(heading.models.size());
    return count;
}

QModelIndex ModelTree::indexOf(const QString& path) const {
    for (int h = 0; h < m_headings.size(); ++h)
        for (int i = 0; i < m_headings[h].models.size(); ++i)
            if (m_headings[h].models[i].path == path) return createIndex(i, 0, static_cast<quintptr>(h + 1));
    return {};
}

const ModelEntry* ModelTree::entry(const QModelIndex& index) const {
    if (!index.isValid() || index.internalId() == 0) return nullptr;
    return &m_headings[static_cast<int>(index.internalId()) - 1].models[index.row()];
}

// internalId: 0 for a heading, else 1 + the heading's row
QModelIndex ModelTree::index(int row, int column, const QModelIndex& parent) const {
    if (!hasIndex(row, column, parent)) return {};
    return createIndex(row, column, parent.isValid() ? static_cast<quintptr>(parent.row() + 1) : quintptr(0));
}

QModelIndex ModelTree::parent(const QModelIndex& child) const {
    if (!child.isValid() || child.internalId() == 0) return {};
    return createIndex(static_cast<int>(child.internalId()) - 1, 0, quintptr(0));
}

int ModelTree::rowCount(const QModelIndex& parent) const {
    if (!parent.isValid()) return static_cast<int>(m_headings.size());
    if (parent.internalId() != 0 || parent.column() != 0) return 0;
    return static_cast<int>(m_headings[parent.row()].models.size());
}

int ModelTree::columnCount(const QModelIndex& parent) const {
    return parent.isValid() && parent.internalId() != 0 ? 0 : ColumnCount;
}

QVariant ModelTree::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>(Qt::AlignVCenter |
                                (section == Parameters || section == Disk ? Qt::AlignRight : Qt::AlignLeft));
    if (role != Qt::DisplayRole) return {};
    const QStringList names{tr("Name"),  tr("Type"),    tr("Parameters"),
                            tr("Shape"), tr("Weights"), tr("On disk")};
    return names.value(section);
}

Qt::ItemFlags ModelTree::flags(const QModelIndex& index) const {
    if (!index.isValid()) return Qt::NoItemFlags;
    return index.internalId() == 0 ? Qt::ItemIsEnabled : Qt::ItemIsEnabled | Qt::ItemIsSelectable;
}

QVariant ModelTree::cell(const ModelEntry& entry, int column) const {
    if (column == Name) return entry.name;
    if (entry.status == ModelEntry::Status::Reading)
        return column == Type ? tr("reading headers") : QVariant();
    const engine::ModelInspection& facts = entry.inspection;
    if (groupOf(entry) == Group::Unusable) {
        if (column == Type) return reasonText(entry);
        return column == Disk && facts.bytes > 0 ? diskText(facts.bytes) : QVariant();
    }
    switch (column) {
        case Type:
            return typeText(facts);
        case Parameters:
            return parameterCount(facts.parameters);
        case Shape:
            return QStringLiteral("%1 × %2").arg(facts.config.layers).arg(withThousands(facts.config.hidden));
        case Weights:
            return weightsText(facts);
        case Disk:
            return diskText(facts.bytes);
        default:
            return {};
    }
}

QVariant ModelTree::sortValue(const ModelEntry& entry, int column) const {
    switch (column) {
        case Parameters:
            return QVariant::fromValue<qlonglong>(entry.inspection.parameters);
        case Disk:
            return QVariant::fromValue<qlonglong>(entry.inspection.bytes);
        case Shape:
            return QVariant::fromValue<qlonglong>(entry.inspection.config.layers);
        default:
            return cell(entry, column);
    }
}

QVariant ModelTree::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    if (index.internalId() == 0) {
        if (role == Qt::DisplayRole && index.column() == 0) return headingText(m_headings[index.row()].group);
        return {};
    }
    const ModelEntry& entry = m_headings[static_cast<int>(index.internalId()) - 1].models[index.row()];
    const bool unusable = groupOf(entry) == Group::Unusable;
    switch (role) {
        case Qt::DisplayRole:
            return cell(entry, index.column());
        case Qt::TextAlignmentRole:
            return static_cast<int>(
                Qt::AlignVCenter |
                (index.column() == Parameters || index.column() == Disk ? Qt::AlignRight : Qt::AlignLeft));
        case Qt::ToolTipRole:
            return unusable && index.column() == Type ? reasonText(entry) : homePath(entry.path);
        case Qt::AccessibleTextRole:
            return QVariant(cell(entry, index.column()).toString());
        case PathRole:
            return entry.path;
        case TagRole:
            return entry.error     ? tr("refused")
                   : entry.bundled ? tr("demo")
                   : unusable      ? tr("not yet")
                                   : QString();
        case TagToneRole:
            return static_cast<int>(entry.error ? widgets::Chip::Tone::Error
                                    : unusable  ? widgets::Chip::Tone::Warning
                                                : widgets::Chip::Tone::Plain);
        case ReasonRole:
            return unusable;
        case SortRole:
            return sortValue(entry, index.column());
        case ReadingRole:
            return entry.status == ModelEntry::Status::Reading;
        default:
            return {};
    }
}

}  // namespace caravan::ui

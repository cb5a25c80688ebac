// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/data/data_files_model.h"

#include <QFileInfo>

#include "ui/format/format.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {
QString domainOf(const engine::DataFile& file) {
    if (!file.name.empty()) return QString::fromStdString(file.name);
    return QFileInfo(QString::fromStdString(file.path)).fileName().section(QLatin1Char('.'), 0, 0);
}
}  // namespace

void DataFilesModel::setFiles(const engine::Recipe::Data& data) {
    const bool sameShape =
        data.files.size() == m_data.files.size() && data.heldout.size() == m_data.heldout.size();
    if (sameShape) {
        m_data = data;
        if (rowCount() > 0) Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
        return;
    }
    beginResetModel();
    m_data = data;
    endResetModel();
}

void DataFilesModel::setReports(const std::vector<engine::DataFileReport>& reports) {
    m_reports = reports;
    if (rowCount() > 0) Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
}

const engine::DataFile& DataFilesModel::file(int row) const {
    const auto i = static_cast<std::size_t>(row);
    return isHeldout(row) ? m_data.heldout[i - m_data.files.size()] : m_data.files[i];
}

engine::Recipe::Data DataFilesModel::without(const QList<int>& rows) const {
    engine::Recipe::Data data = m_data;
    data.files.clear();
    data.heldout.clear();
    for (int row = 0; row < rowCount(); ++row)
        if (!rows.contains(row)) (isHeldout(row) ? data.heldout : data.files).push_back(file(row));
    return data;
}

const engine::DataFileReport* DataFilesModel::report(int row) const {
    for (const engine::DataFileReport& r : m_reports)
        if (r.heldout == isHeldout(row) && r.path.ends_with(file(row).path)) return &r;
    return nullptr;
}

engine::Recipe::Data DataFilesModel::withMapping(int row, const engine::ColumnMapping& mapping) const {
    engine::Recipe::Data data = m_data;
    const auto i = static_cast<std::size_t>(row);
    (isHeldout(row) ? data.heldout[i - m_data.files.size()] : data.files[i]).columns = mapping;
    return data;
}

int DataFilesModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_data.files.size() + m_data.heldout.size());
}
int DataFilesModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : ColumnCount;
}

QVariant DataFilesModel::display(int row, int column) const {
    const engine::DataFileReport* r = report(row);
    switch (column) {
        case File:
            return QFileInfo(QString::fromStdString(file(row).path)).fileName();
        case Format:
            if (r == nullptr) return tr("reading…");
            return r->error.empty() ? QString::fromStdString(r->format) : tr("cannot be used");
        case Domain:
            return domainOf(file(row));
        case Use:
            return isHeldout(row) ? tr("Held out") : tr("Training");
        case Rows:
            return r == nullptr ? QStringLiteral("–") : withThousands(r->rows);
        case Rejected:
            return r == nullptr ? QStringLiteral("–") : withThousands(r->rejected + r->dropped);
        case Weight:
            return isHeldout(row) ? tr("held out") : shortReal(file(row).weight);
        default:
            return {};
    }
}

QVariant DataFilesModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const int row = index.row(), column = index.column();
    const engine::DataFileReport* r = report(row);
    const bool number = column == Rows || column == Rejected || column == Weight;
    switch (role) {
        case Qt::DisplayRole:
            return display(row, column);
        case Qt::EditRole:
            if (column == Weight) return file(row).weight;
            if (column == Domain) return domainOf(file(row));
            return display(row, column);
        case Qt::TextAlignmentRole:
            return QVariant::fromValue(Qt::AlignVCenter | (number ? Qt::AlignRight : Qt::AlignLeft));
        case Qt::FontRole:
            return number ? QVariant(widgets::numberFont()) : QVariant();
        case Qt::ForegroundRole:
            if (r != nullptr && !r->error.empty()) return widgets::themeColors().err;
            if (column == Rejected && r != nullptr && r->rejected + r->dropped > 0)
                return widgets::themeColors().warn;
            if (column == Format || isHeldout(row)) return widgets::themeColors().text2;
            return {};
        case Qt::ToolTipRole: {
            if (r == nullptr) return QString::fromStdString(file(row).path);
            if (!r->error.empty()) return QString::fromStdString(r->error);
            return tr("%1\n%5\n%2 tokens, %3 of them answers; %4 rows lose their end")
                .arg(homePath(QString::fromStdString(r->path)), withThousands(r->tokens),
                     withThousands(r->answerTokens), withThousands(r->truncated),
                     QString::fromStdString(r->format));
        }
        case SortRole:
            if (column == Rows) return QVariant::fromValue<qlonglong>(r == nullptr ? -1 : r->rows);
            if (column == Rejected) return QVariant::fromValue<qlonglong>(r == nullptr ? -1 : r->rejected);
            if (column == Weight) return file(row).weight;
            return display(row, column);
        case PathRole:
            return QString::fromStdString(file(row).path);
        case HeldoutRole:
            return isHeldout(row);
        case ErrorRole:
            return r == nullptr ? QString() : QString::fromStdString(r->error);
        case Qt::AccessibleTextRole:
            if (column == Format && r != nullptr && !r->error.empty())
                return tr("%1: %2. %3")
                    .arg(headerData(column, Qt::Horizontal, Qt::DisplayRole).toString(),
                         display(row, column).toString(), QString::fromStdString(r->error));
            return tr("%1: %2").arg(headerData(column, Qt::Horizontal, Qt::DisplayRole).toString(),
                                    display(row, column).toString());
        default:
            return {};
    }
}

QVariant DataFilesModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(Qt::AlignVCenter | (section >= Rows ? Qt::AlignRight : Qt::AlignLeft));
    if (role == Qt::ToolTipRole && section == Weight) return tr("How many times the rows are used per epoch");
    if (role == Qt::ToolTipRole && section == Rejected)
        return tr("Rows that cannot be read, or have no answer token left");
    if (role != Qt::DisplayRole) return {};
    const QStringList titles = {tr("File"), tr("Recognized as"), tr("Domain"), tr("Used for"),
                                tr("Rows"), tr("Not used"),      tr("Weight")};
    return titles.value(section);
}

Qt::ItemFlags DataFilesModel::flags(const QModelIndex& index) const {
    Qt::ItemFlags flags = QAbstractTableModel::flags(index);
    if (!index.isValid()) return flags;
    if (index.column() == Domain || index.column() == Use ||
        (index.column() == Weight && !isHeldout(index.row())))
        flags |= Qt::ItemIsEditable;
    return flags;
}

bool DataFilesModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (!index.isValid() || role != Qt::EditRole) return false;
    engine::Recipe::Data data = m_data;
    const auto row = static_cast<std::size_t>(index.row());
    const bool heldout = isHeldout(index.row());
    engine::DataFile& edit = heldout ? data.heldout[row - data.files.size()] : data.files[row];
    const QString name = QFileInfo(QString::fromStdString(edit.path)).fileName();
    if (index.column() == Weight) {
        if (heldout || value.toDouble() <= 0 || value.toDouble() == edit.weight) return false;
        edit.weight = value.toDouble();
        Q_EMIT edited(data, tr("Weight of %1").arg(name),
                      QStringLiteral("weight:") + QString::fromStdString(edit.path));
    } else if (index.column() == Domain) {
        const std::string domain = value.toString().trimmed().toStdString();
        if (domain.empty() || domain == domainOf(edit).toStdString()) return false;
        edit.name = domain;
        Q_EMIT edited(data, tr("Domain of %1").arg(name), {});
    } else if (index.column() == Use) {
        const bool wish = value.toBool();  // true: held out
        if (wish == heldout) return false;
        const engine::DataFile moved = edit;
        if (wish) {
            data.files.erase(data.files.begin() + static_cast<std::ptrdiff_t>(row));
            data.heldout.push_back(moved);
        } else {
            data.heldout.erase(data.heldout.begin() + static_cast<std::ptrdiff_t>(row - data.files.size()));
            data.files.push_back(moved);
        }
        Q_EMIT edited(data, tr("Use of %1").arg(name), {});
    } else {
        return false;
    }
    return true;
}

}  // namespace caravan::ui

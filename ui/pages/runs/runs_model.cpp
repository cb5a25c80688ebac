// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/runs/runs_model.h"

#include <QFont>
#include <QLocale>
#include <algorithm>

#include "engine/api/config/descriptors.h"
#include "ui/format/format.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {

const QString kNone = QStringLiteral("–");

QString figure(double value, int digits) {
    return std::isfinite(value) ? QString::number(value, 'f', digits) : kNone;
}

QString startedText(const QDateTime& at) {
    const QDate today = QDate::currentDate();
    if (at.date() == today) return RunsModel::tr("Today %1").arg(at.time().toString(QStringLiteral("HH:mm")));
    if (at.date() == today.addDays(-1)) return RunsModel::tr("Yesterday");
    return QLocale().toString(at.date(), at.date().year() == today.year() ? QStringLiteral("MMM d")
                                                                          : QStringLiteral("MMM d, yyyy"));
}

bool isSparse(const RunEntry& run) {
    return run.recipe.upcycle.method != engine::UpcycleMethod::None;
}

bool isNumber(int column) {
    switch (column) {
        case RunsModel::Experts:
        case RunsModel::TopK:
        case RunsModel::AdapterSize:
        case RunsModel::LearningRate:
        case RunsModel::Steps:
        case RunsModel::HeldOut:
        case RunsModel::MaxVio:
        case RunsModel::Speed:
            return true;
        default:
            return false;
    }
}

}  // namespace

void RunsModel::setRuns(const QVector<RunEntry>& runs) {
    const bool same = runs.size() == m_runs.size() &&
                      std::equal(runs.begin(), runs.end(), m_runs.begin(),
                                 [](const RunEntry& a, const RunEntry& b) { return a.folder == b.folder; });
    if (!same) beginResetModel();
    m_runs = runs;
    const auto gone = std::remove_if(m_checked.begin(), m_checked.end(),
                                     [this](const QString& id) { return run(id) == nullptr; });
    const bool fewer = gone != m_checked.end();
    m_checked.erase(gone, m_checked.end());
    if (!same)
        endResetModel();
    else if (!m_runs.isEmpty())
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
    if (fewer) Q_EMIT checkedChanged();
}

void RunsModel::changed(const QString& id) {
    const QModelIndex first = indexOf(id);
    if (first.isValid()) Q_EMIT dataChanged(first, first.siblingAtColumn(ColumnCount - 1));
}

void RunsModel::setFacts(const QString& id, const RunFacts& facts) {
    m_facts.insert(id, facts);
    changed(id);
}

void RunsModel::setLive(const LiveRun& live) {
    const QString before = m_live.name;
    m_live = live;
    changed(live.name);
    if (before != live.name) changed(before);
}

void RunsModel::setFocused(const QString& id) {
    if (m_focused == id) return;
    m_focused = id;
    if (!m_runs.isEmpty()) Q_EMIT dataChanged(index(0, Check), index(rowCount() - 1, Name));
    if (m_checked.contains(id)) Q_EMIT checkedChanged();
}

void RunsModel::setChecked(const QString& id, bool checked) {
    if (checked == m_checked.contains(id) || (checked && m_checked.size() >= kMostChecked)) return;
    if (checked)
        m_checked << id;
    else
        m_checked.removeAll(id);
    if (!m_runs.isEmpty()) Q_EMIT dataChanged(index(0, Check), index(rowCount() - 1, Name));
    Q_EMIT checkedChanged();
}

const RunEntry* RunsModel::run(const QString& id) const {
    for (const RunEntry& run : m_runs)
        if (run.id == id) return &run;
    return nullptr;
}

const RunFacts* RunsModel::facts(const QString& id) const {
    const auto found = m_facts.constFind(id);
    return found == m_facts.constEnd() ? nullptr : &*found;
}

QStringList RunsModel::checked() const {
    QStringList list;
    if (m_checked.contains(m_focused)) list << m_focused;
    for (const RunEntry& run : m_runs)
        if (m_checked.contains(run.id) && run.id != m_focused) list << run.id;
    return list;
}

QModelIndex RunsModel::indexOf(const QString& id) const {
    for (int row = 0; row < m_runs.size(); ++row)
        if (m_runs[row].id == id) return index(row, 0);
    return {};
}

engine::RunState RunsModel::stateOf(const RunEntry& run) const {
    return run.folder == m_live.folder ? m_live.state : run.state;
}

// As on the other pages: runs of one name are told apart by their folders.
QString RunsModel::nameOf(const RunEntry& run) const {
    const auto same = std::count_if(m_runs.begin(), m_runs.end(),
                                    [&](const RunEntry& other) { return other.title == run.title; });
    return same > 1 && run.title != run.id ? QStringLiteral("%1 · %2").arg(run.title, run.id) : run.title;
}

int RunsModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_runs.size());
}
int RunsModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : ColumnCount;
}

QString RunsModel::text(const RunEntry& run, int column) const {
    const RunFacts* facts = this->facts(run.id);
    const bool sparse = isSparse(run);
    const auto& upcycle = run.recipe.upcycle;
    const std::int64_t step = run.folder == m_live.folder ? std::max(run.step, m_live.step) : run.step;
    const engine::RunState state = stateOf(run);
    switch (column) {
        case Name:
            return nameOf(run);
        case State:
            return state == engine::RunState::Running && run.steps > 0
                       ? tr("%1 %2").arg(stateText(state), percentText(static_cast<double>(step) /
                                                                       static_cast<double>(run.steps)))
                       : stateText(state);
        case Method:
            return sparse ? tr("PESC") : tr("Dense QLoRA");
        case Experts:
            return sparse ? QString::number(upcycle.experts) : kNone;
        case TopK:
            return sparse ? QString::number(upcycle.topK) : kNone;
        case AdapterSize:
            return sparse ? withThousands(upcycle.adapterSize) : kNone;
        case LearningRate:
            return shortReal(run.recipe.tune.learningRate);
        case Steps:
            return run.steps > step ? tr("%1 of %2").arg(withThousands(step), withThousands(run.steps))
                                    : withThousands(step);
        case HeldOut:
            return figure(run.heldout.value_or(NAN), 3);
        case MaxVio:
            return figure(facts != nullptr && sparse ? facts->maxVio : NAN, 2);
        case Speed:
            return facts != nullptr && std::isfinite(facts->tokensPerSecond)
                       ? withThousands(std::llround(facts->tokensPerSecond))
                       : kNone;
        case Started:
            if (run.queuePlace >= 0) {
                const int before = run.queuePlace + (m_live.isActive() ? 1 : 0);
                return before == 0 ? tr("next") : tr("after %n run(s)", nullptr, before);
            }
            return startedText(run.created);
        case Tags:
            return run.tags.join(QStringLiteral(", "));
        default:
            return {};
    }
}

QStringList RunsModel::wordsOf(int column) {
    const QDateTime now = QDateTime::currentDateTime();
    if (column == Method) return {tr("PESC"), tr("Dense QLoRA")};
    if (column == Started)
        return {startedText(now), startedText(now.addDays(-1)), startedText(now.addYears(-1))};
    return {};
}

QVariant RunsModel::sortValue(const RunEntry& run, int column) const {
    const RunFacts* facts = this->facts(run.id);
    switch (column) {
        case Experts:
            return QVariant::fromValue<qlonglong>(isSparse(run) ? run.recipe.upcycle.experts : 0);
        case TopK:
            return QVariant::fromValue<qlonglong>(isSparse(run) ? run.recipe.upcycle.topK : 0);
        case AdapterSize:
            return QVariant::fromValue<qlonglong>(isSparse(run) ? run.recipe.upcycle.adapterSize : 0);
        case LearningRate:
            return run.recipe.tune.learningRate;
        case Steps:
            return QVariant::fromValue<qlonglong>(run.step);
        case Loss:
            return facts != nullptr && std::isfinite(facts->lastLoss) ? facts->lastLoss : 1e9;
        case HeldOut:
            return run.heldout.value_or(1e9);
        case MaxVio:
            return facts != nullptr && std::isfinite(facts->maxVio) ? facts->maxVio : 1e9;
        case Speed:
            return facts != nullptr && std::isfinite(facts->tokensPerSecond) ? facts->tokensPerSecond : 0.0;
        case Started:
            return run.created;
        case Check:
            return m_checked.contains(run.id) ? 0 : 1;
        default:
            return text(run, column);
    }
}

QVariant RunsModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const RunEntry& run = m_runs[index.row()];
    const int column = index.column();
    const RunFacts* facts = this->facts(run.id);
    switch (role) {
        case Qt::EditRole:
            return column == Name ? run.title : text(run, column);
        case Qt::DisplayRole:
            return text(run, column);
        case Qt::CheckStateRole:
            if (column != Check) return {};
            return m_checked.contains(run.id) ? Qt::Checked : Qt::Unchecked;
        case Qt::TextAlignmentRole:
            return QVariant::fromValue(Qt::AlignVCenter |
                                       (isNumber(column) ? Qt::AlignRight : Qt::AlignLeft));
        case Qt::FontRole: {
            if (isNumber(column)) return widgets::numberFont();
            QFont font = widgets::textFont(widgets::TextRole::Body);
            if (column == Name && m_checked.contains(run.id)) font.setWeight(QFont::DemiBold);
            return font;
        }
        case Qt::ForegroundRole:
            if (column == Started) return widgets::themeColors().text2;
            if (column == MaxVio && facts != nullptr && facts->maxVio > 1) return widgets::themeColors().warn;
            return {};
        case Qt::ToolTipRole:
            if (column == Check) return tr("Lay its curve over those of other runs (Space)");
            if (column == Loss && facts != nullptr && std::isfinite(facts->lastLoss))
                return tr("Train loss %1").arg(realText(facts->lastLoss));
            if (column == HeldOut && run.bestHeldout)
                return tr("Mean over domains at the last evaluation; best %1 at step %2")
                    .arg(realText(*run.bestHeldout), withThousands(run.bestStep));
            return run.note.isEmpty() ? run.folder : run.note;
        case Qt::AccessibleTextRole: {
            const QString head = headerData(column, Qt::Horizontal, Qt::DisplayRole).toString();
            if (column == Check) return tr("%1, overlay").arg(nameOf(run));
            if (column == Loss)
                return facts != nullptr ? tr("Train loss %1").arg(figure(facts->lastLoss, 3)) : kNone;
            return tr("%1: %2").arg(head, text(run, column));
        }
        case SortRole:
            return sortValue(run, column);
        case IdRole:
            return run.id;
        case StateRole:
            return static_cast<int>(stateOf(run));
        case CurveRole:
            return QVariant::fromValue(facts != nullptr ? facts->loss : QVector<double>());
        case DashRole:
            return static_cast<int>(checked().indexOf(run.id));
        case NoteRole:
            return run.note;
        case WarningRole:
            return facts != nullptr && facts->broken;
        default:
            return {};
    }
}

QVariant RunsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(Qt::AlignVCenter | (isNumber(section) ? Qt::AlignRight : Qt::AlignLeft));
    if (role == Qt::ToolTipRole) {
        if (section == HeldOut) return tr("Held-out loss, mean over domains, at the last evaluation");
        if (section == MaxVio) return tr("Busiest expert over its even share, less 1; mean over layers");
        if (section == Speed) return tr("Tokens per second, mean over the steps");
        if (section == Experts) return tr("Experts");
        if (section == TopK) return tr("Active experts");
        if (section == AdapterSize) return tr("Adapter size");
    }
    if (role != Qt::DisplayRole) return {};
    const QStringList titles{QString(),      tr("Name"),   tr("State"),      tr("Method"),  tr("E"),
                             tr("k"),        tr("r"),      tr("LR"),         tr("Steps"),   tr("Train loss"),
                             tr("Held out"), tr("MaxVio"), tr("Mean tok/s"), tr("Started"), tr("Tags")};
    return titles.value(section);
}

Qt::ItemFlags RunsModel::flags(const QModelIndex& index) const {
    Qt::ItemFlags flags = QAbstractTableModel::flags(index);
    if (index.column() == Check) flags |= Qt::ItemIsUserCheckable;
    if (index.column() == Name || index.column() == Tags) flags |= Qt::ItemIsEditable;
    return flags;
}

bool RunsModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (!index.isValid()) return false;
    const QString id = m_runs[index.row()].id;
    if (role == Qt::CheckStateRole && index.column() == Check) {
        setChecked(id, value.toInt() == Qt::Checked);
        return true;
    }
    if (role != Qt::EditRole) return false;
    const QString text = value.toString().trimmed();
    if (index.column() == Name && !text.isEmpty() && text != m_runs[index.row()].title) {
        m_runs[index.row()].title = text;  // shown at once; the project follows
        Q_EMIT dataChanged(this->index(0, Name), this->index(rowCount() - 1, Name));  // of one name no more
        Q_EMIT renamed(id, text);
        return true;
    }
    if (index.column() == Tags) {
        QStringList tags;
        for (const QString& tag : text.split(QLatin1Char(','), Qt::SkipEmptyParts))
            if (!tag.trimmed().isEmpty()) tags << tag.trimmed();
        tags.removeDuplicates();
        if (tags == m_runs[index.row()].tags) return false;
        m_runs[index.row()].tags = tags;
        Q_EMIT dataChanged(index, index);
        Q_EMIT tagged(id, tags);
        return true;
    }
    return false;
}

QString RunsModel::searchText(int row) const {
    const RunEntry& run = m_runs[row];
    QStringList words{run.id, run.title, run.note, run.tags.join(QLatin1Char(' '))};
    for (const int column : {State, Method})
        words << text(run, column);
    for (const engine::FieldDescriptor& field : engine::recipeFields())
        if (field.type != engine::FieldType::FileList)
            words << QString::fromStdString(field.label) + QLatin1Char(' ') +
                         QString::fromStdString(field.get(run.recipe).dump());
    return words.join(QLatin1Char('\n'));
}

void RunsFilter::setWords(const QString& text) {
    m_words = text.simplified().split(QLatin1Char(' '), Qt::SkipEmptyParts);
    invalidateFilter();
}

void RunsFilter::setKind(Kind kind) {
    m_kind = kind;
    invalidateFilter();
}

RunsFilter::Kind RunsFilter::kindOf(engine::RunState state) {
    switch (state) {
        case engine::RunState::Created:
        case engine::RunState::Queued:
            return Kind::Created;
        case engine::RunState::Loading:
        case engine::RunState::Running:
        case engine::RunState::Paused:
        case engine::RunState::Stopping:
            return Kind::Running;
        default:
            return Kind::Ended;
    }
}

bool RunsFilter::filterAcceptsRow(int row, const QModelIndex&) const {
    const auto* model = static_cast<const RunsModel*>(sourceModel());
    if (m_kind != Kind::All && kindOf(model->stateOf(model->runs()[row])) != m_kind) return false;
    if (m_words.isEmpty()) return true;
    const QString text = model->searchText(row);
    return std::all_of(m_words.begin(), m_words.end(),
                       [&](const QString& word) { return text.contains(word, Qt::CaseInsensitive); });
}

}  // namespace caravan::ui

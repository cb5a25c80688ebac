// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/settings/shortcuts_model.h"

#include <QAction>
#include <QKeySequenceEdit>
#include <QMenu>

#include "ui/actions/action_registry.h"
#include "ui/actions/shortcuts.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {

QString plainText(const QAction* action) {
    return action->text().remove(QLatin1Char('&'));
}

// The title of the menu in which it stands; its id where there are no menus.
QString menuOf(const QAction* action, const QString& id) {
    for (const QObject* object : action->associatedObjects())
        if (const auto* menu = qobject_cast<const QMenu*>(object);
            menu != nullptr && !menu->title().isEmpty())
            return menu->title().remove(QLatin1Char('&'));
    return id.isEmpty() ? id : id.at(0).toUpper() + id.mid(1);
}

}  // namespace

ShortcutsModel::ShortcutsModel(ActionRegistry* actions, QObject* parent)
    : QAbstractTableModel(parent), m_registry(actions) {
    reload();
    connect(actions, &ActionRegistry::added, this, [this] { reload(); });
}

void ShortcutsModel::reload() {
    beginResetModel();
    m_actions.clear();
    for (QAction* action : m_registry->actions())
        if (action->shortcutContext() == Qt::WindowShortcut) m_actions << action;
    endResetModel();
}

bool ShortcutsModel::isChanged(int row) const {
    return m_actions[row]->shortcut() != m_registry->spec(m_actions[row])->shortcut;
}

void ShortcutsModel::reset(int row) {
    setData(index(row, Keys), QVariant::fromValue(m_registry->spec(m_actions[row])->shortcut), Qt::EditRole);
}

void ShortcutsModel::resetAll() {
    for (QAction* action : std::as_const(m_actions))
        setShortcut(*m_registry, action, m_registry->spec(action)->shortcut);
    if (rowCount() > 0) Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, Keys));
}

int ShortcutsModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_actions.size());
}
int ShortcutsModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : ColumnCount;
}

QVariant ShortcutsModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const QAction* action = m_actions[index.row()];
    const ActionSpec* spec = m_registry->spec(action);
    switch (role) {
        case Qt::DisplayRole:
        case Qt::AccessibleTextRole:
            if (index.column() == Action) return plainText(action);
            if (index.column() == Place) return menuOf(action, spec->menu);
            return action->shortcut().isEmpty() ? QStringLiteral("–")
                                                : action->shortcut().toString(QKeySequence::NativeText);
        case Qt::EditRole:
            return QVariant::fromValue(action->shortcut());
        case Qt::ToolTipRole:
            return index.column() == Keys ? tr("Default: %1")
                                                .arg(spec->shortcut.isEmpty()
                                                         ? tr("none")
                                                         : spec->shortcut.toString(QKeySequence::NativeText))
                                          : QVariant();
        case Qt::ForegroundRole:
            if (index.column() == Place) return widgets::themeColors().text2;
            return index.column() == Keys && isChanged(index.row()) ? QVariant(widgets::themeColors().accent)
                                                                    : QVariant();
        case Qt::FontRole:
            return index.column() == Keys ? QVariant(widgets::numberFont()) : QVariant();
        default:
            return {};
    }
}

QVariant ShortcutsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) return QVariant::fromValue(Qt::AlignVCenter | Qt::AlignLeft);
    if (role != Qt::DisplayRole) return {};
    return QStringList{tr("Action"), tr("Menu"), tr("Keys")}.value(section);
}

Qt::ItemFlags ShortcutsModel::flags(const QModelIndex& index) const {
    const Qt::ItemFlags flags = QAbstractTableModel::flags(index);
    return index.column() == Keys ? flags | Qt::ItemIsEditable : flags;
}

bool ShortcutsModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (!index.isValid() || role != Qt::EditRole || index.column() != Keys) return false;
    const auto keys = value.value<QKeySequence>();
    QAction* action = m_actions[index.row()];
    if (keys == action->shortcut()) return true;
    if (const QAction* other = shortcutHolder(*m_registry, keys, action)) {
        Q_EMIT refused(tr("%1 belongs to “%2”. Change that one first.")
                           .arg(keys.toString(QKeySequence::NativeText), plainText(other)));
        return false;
    }
    setShortcut(*m_registry, action, keys);
    Q_EMIT dataChanged(index.siblingAtColumn(0), index);
    return true;
}

QWidget* KeysDelegate::createEditor(QWidget* parent, const QStyleOptionViewItem&, const QModelIndex&) const {
    auto* edit = new QKeySequenceEdit(parent);
    edit->setAccessibleName(tr("Keys"));
    connect(edit, &QKeySequenceEdit::editingFinished, this, [this, edit] {
        Q_EMIT const_cast<KeysDelegate*>(this)->commitData(edit);
        Q_EMIT const_cast<KeysDelegate*>(this)->closeEditor(edit);
    });
    return edit;
}

void KeysDelegate::setEditorData(QWidget* editor, const QModelIndex& index) const {
    static_cast<QKeySequenceEdit*>(editor)->setKeySequence(index.data(Qt::EditRole).value<QKeySequence>());
}

void KeysDelegate::setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const {
    const QKeySequence keys = static_cast<QKeySequenceEdit*>(editor)->keySequence();
    // One chord: what a menu can show beside its word.
    model->setData(index, QVariant::fromValue(keys.isEmpty() ? keys : QKeySequence(keys[0])), Qt::EditRole);
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/accessible_roles.h"

#include <QAbstractButton>
#include <QAccessibleWidget>
#include <QCheckBox>
#include <QMenu>
#include <QPushButton>
#include <QRadioButton>
#include <QScrollArea>
#include <QToolButton>
#include <QVariant>

namespace caravan::widgets {
namespace {

constexpr const char* kRole = "accessibleRole";

QMenu* menuOf(const QAbstractButton* button) {
    if (const auto* tool = qobject_cast<const QToolButton*>(button)) return tool->menu();
    const auto* push = qobject_cast<const QPushButton*>(button);
    return push != nullptr ? push->menu() : nullptr;
}

// It is asked for before the button is what it will be: nothing is remembered.
class ButtonInterface : public QAccessibleWidget {
  public:
    explicit ButtonInterface(QAbstractButton* button) : QAccessibleWidget(button), m_button(button) {}
    QAccessible::Role role() const override {
        const QVariant told = m_button->property(kRole);
        if (told.isValid()) return static_cast<QAccessible::Role>(told.toInt());
        if (menuOf(m_button) != nullptr) return QAccessible::ButtonMenu;
        if (!m_button->isCheckable()) return QAccessible::Button;
        return m_button->autoExclusive() ? QAccessible::RadioButton : QAccessible::CheckBox;
    }
    QAccessible::State state() const override {
        QAccessible::State state = QAccessibleWidget::state();
        state.checkable = m_button->isCheckable();
        state.checked = m_button->isChecked();
        state.pressed = m_button->isDown();
        state.hasPopup = menuOf(m_button) != nullptr;
        return state;
    }
    QString text(QAccessible::Text type) const override {
        const QString told = QAccessibleWidget::text(type);
        if (type != QAccessible::Name || !told.isEmpty()) return told;
        return m_button->text().remove(QLatin1Char('&'));
    }
    QStringList actionNames() const override {
        if (!m_button->isEnabled()) return {};
        return {menuOf(m_button) != nullptr ? showMenuAction() : pressAction(), setFocusAction()};
    }
    void doAction(const QString& action) override {
        if (action == pressAction() && m_button->isEnabled())
            m_button->click();
        else if (action == showMenuAction() && m_button->isEnabled())
            QMetaObject::invokeMethod(m_button, "showMenu", Qt::QueuedConnection);  // it returns when closed
        else
            QAccessibleWidget::doAction(action);
    }
    QStringList keyBindingsForAction(const QString& action) const override {
        if (action != pressAction() || m_button->shortcut().isEmpty()) return {};
        return {m_button->shortcut().toString(QKeySequence::NativeText)};
    }

  private:
    QAbstractButton* m_button;
};

QAccessibleInterface* makeInterface(const QString&, QObject* object) {
    auto* widget = qobject_cast<QWidget*>(object);
    if (widget == nullptr) return nullptr;
    if (auto* button = qobject_cast<QAbstractButton*>(widget)) {
        const bool own =
            qobject_cast<QCheckBox*>(button) == nullptr && qobject_cast<QRadioButton*>(button) == nullptr;
        return own ? new ButtonInterface(button) : nullptr;
    }
    const QVariant role = widget->property(kRole);
    if (role.isValid()) return new QAccessibleWidget(widget, static_cast<QAccessible::Role>(role.toInt()));
    // An area that scrolls takes the focus for its keys; Qt takes it for one without meaning.
    return qobject_cast<QScrollArea*>(widget) ? new QAccessibleWidget(widget, QAccessible::Pane) : nullptr;
}

}  // namespace

void installAccessibleRoles() {
    static const bool installed = [] {
        QAccessible::installFactory(&makeInterface);
        return true;
    }();
    Q_UNUSED(installed);
}

void setAccessibleRole(QWidget* widget, QAccessible::Role role) {
    installAccessibleRoles();
    widget->setProperty(kRole, static_cast<int>(role));
    if (!QAccessible::isActive()) return;
    if (QAccessibleInterface* before = QAccessible::queryAccessibleInterface(widget))
        QAccessible::deleteAccessibleInterface(QAccessible::uniqueId(before));
}

}  // namespace caravan::widgets

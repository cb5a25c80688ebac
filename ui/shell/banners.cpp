// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/banners.h"

#include <QEvent>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/format/format.h"
#include "ui/theme/style.h"

namespace caravan::ui {

Banners::Banners(QWidget* parent) : QWidget(parent) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    setProperty("primaryStays", true);
    hide();
}

void Banners::show(const QString& key, widgets::MessageBar::Kind kind, const QString& title,
                   const QString& text, std::vector<Button> buttons, bool closable) {
    clear(key);
    auto* bar = new widgets::MessageBar(this);
    bar->showMessage(kind, title, text);
    bar->setClosable(closable);
    for (const Button& button : buttons) {
        QPushButton* pressed = bar->addButton(button.text);
        setPrimary(pressed, button.primary);
        pressed->setEnabled(button.enabled);
        connect(pressed, &QPushButton::clicked, this, button.act);
    }
    connect(
        bar, &widgets::MessageBar::closed, this, [this, key] { clear(key); }, Qt::QueuedConnection);
    m_bars.insert(key, bar);
    layout()->addWidget(bar);
    bar->show();
    setVisible(true);
    renewPrimary();
}

void Banners::showError(const QString& key, const engine::Error& error, std::vector<Button> buttons) {
    const ErrorWords text = words(error);
    ErrorWords rest = text;
    rest.what.clear();
    show(key, widgets::MessageBar::Kind::Error, text.what, rest.oneLine(), std::move(buttons));
}

void Banners::clear(const QString& key) {
    widgets::MessageBar* bar = m_bars.take(key);
    if (!bar) return;
    bar->hide();
    bar->deleteLater();
    if (m_bars.isEmpty()) hide();
    renewPrimary();
}

bool Banners::event(QEvent* event) {
    if (event->type() == QEvent::ParentChange) renewPrimary();
    return QWidget::event(event);
}

void Banners::renewPrimary() {
    bool primary = false;
    for (const widgets::MessageBar* bar : std::as_const(m_bars))
        for (const QPushButton* button : bar->buttons())
            primary = primary || button->property("primary").toBool();
    setPrimaryYields(window(), primary);
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Settings kept as files: those that come with the program, the user's own, any other.
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>
#include <QPushButton>

#include "ui/actions/action_registry.h"
#include "ui/format/format.h"
#include "ui/pages/upcycle/presets.h"
#include "ui/pages/upcycle/upcycle_page.h"
#include "ui/project_context.h"
#include "ui/shell/surface.h"
#include "widgets/message_bar.h"

namespace caravan::ui {
namespace {

const QString kFilter = QStringLiteral(" (*.json)");

}  // namespace

void UpcyclePage::makePresets() {
    m_message = new widgets::MessageBar;
    m_message->hide();
    addBar(m_message);
    connect(m_message, &widgets::MessageBar::closed, m_message, &QWidget::hide);
    services().actions->add({.id = "upcycle.preset_save",
                             .text = tr("Sa&ve as preset…"),
                             .menu = "model",
                             .page = "upcycle",
                             .tip = tr("Writes the settings without model and data to a file")},
                            this, [this] { keepPreset(); });
    services().actions->add(
        {.id = "upcycle.preset_open", .text = tr("O&pen preset…"), .menu = "model", .page = "upcycle"}, this,
        [this] {
            auto* dialog = new QFileDialog(this, tr("Open preset"), presetFolder(), tr("Presets") + kFilter);
            dialog->setAttribute(Qt::WA_DeleteOnClose);
            dialog->setFileMode(QFileDialog::ExistingFile);
            connect(dialog, &QFileDialog::fileSelected, this,
                    [this](const QString& path) { takePreset(path, QFileInfo(path).completeBaseName()); });
            dialog->open();
        });
    auto* button = textButton(tr("Presets"), QStringLiteral("down"));
    button->setLayoutDirection(Qt::RightToLeft);  // the arrow behind the word
    auto* menu = new QMenu(button);
    connect(button, &QPushButton::clicked, menu,
            [button, menu] { menu->popup(button->mapToGlobal(QPoint(0, button->height()))); });
    connect(menu, &QMenu::aboutToShow, this, [this, menu] { fillPresets(menu); });
    addHeaderButton(button);
}

void UpcyclePage::fillPresets(QMenu* menu) {
    menu->clear();
    bool bundled = true;
    for (const PresetFile& preset : presetFiles()) {
        if (bundled && !preset.bundled) menu->addSeparator();
        bundled = preset.bundled;
        QAction* action =
            menu->addAction(QString(preset.name).replace(QLatin1Char('&'), QLatin1String("&&")));
        action->setToolTip(homePath(preset.path));
        connect(action, &QAction::triggered, this, [this, preset] { takePreset(preset.path, preset.name); });
    }
    menu->addSeparator();
    for (const char* id : {"upcycle.preset_save", "upcycle.preset_open"})
        menu->addAction(services().actions->find(QLatin1String(id)));
}

void UpcyclePage::takePreset(const QString& path, const QString& name) {
    if (!project()) return;
    const auto recipe = withPreset(project()->recipe(), path);
    if (!recipe) return tellError(recipe.error());
    m_message->hide();
    project()->setRecipe(*recipe, tr("preset %1").arg(name));
}

void UpcyclePage::keepPreset() {
    if (!project()) return;
    const engine::Recipe& recipe = project()->recipe();
    const QString name = recipe.upcycle.method == engine::UpcycleMethod::None
                             ? QStringLiteral("dense-r%1").arg(recipe.tune.loraRank)
                             : QStringLiteral("pesc-%1x%2-r%3")
                                   .arg(recipe.upcycle.experts)
                                   .arg(recipe.upcycle.topK)
                                   .arg(recipe.upcycle.adapterSize);
    QDir().mkpath(presetFolder());
    auto* dialog = new QFileDialog(this, tr("Save as preset"), presetFolder(), tr("Presets") + kFilter);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(QStringLiteral("json"));
    dialog->selectFile(name);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& path) {
        if (!project()) return;
        if (const auto saved = savePreset(project()->recipe(), path); !saved) tellError(saved.error());
    });
    dialog->open();
}

void UpcyclePage::tellError(const engine::Error& error) {
    const ErrorWords text = words(error);
    m_message->showMessage(widgets::MessageBar::Kind::Error, text.what,
                           (text.detail + QLatin1Char(' ') + text.todo).trimmed());
    m_message->setClosable(true);
    m_message->show();
}

}  // namespace caravan::ui

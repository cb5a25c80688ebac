// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The shell's own actions; pages add theirs to the same registry.
#include <QActionGroup>
#include <QApplication>
#include <QClipboard>
#include <QDesktopServices>
#include <QDialog>
#include <QDir>
#include <QDockWidget>
#include <QFileDialog>
#include <QFileInfo>
#include <QGridLayout>
#include <QMessageBox>
#include <QScrollArea>
#include <QSettings>
#include <QStackedWidget>
#include <QSysInfo>
#include <QUrl>
#include <QVBoxLayout>

#include "projects/project.h"
#include "ui/actions/action_registry.h"
#include "ui/actions/shortcuts.h"
#include "ui/format/format.h"
#include "ui/main_window.h"
#include "ui/page.h"
#include "ui/project_context.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/fit_dialog.h"
#include "ui/shell/rail.h"
#include "ui/shell/status_line.h"
#include "ui/theme/theme.h"

namespace caravan::ui {

void MainWindow::makeActions() {
    makeFileActions();
    makeViewActions();
    makeRunActions();
    m_actions->add({.id = "help.here",
                    .text = tr("&Help on this"),
                    .menu = "help",
                    .shortcut = QKeySequence(Qt::Key_F1),
                    .icon = "info"},
                   this, [this] { showHelp(); });
    m_actions->add({.id = "help.tour", .text = tr("&Tour of the pages"), .menu = "help", .icon = "book"},
                   this, [this] { startTour(); });
    m_actions->add({.id = "help.keys", .text = tr("&Keyboard shortcuts"), .menu = "help"}, this,
                   [this] { showKeys(); });
    m_actions->add(
        {.id = "help.fits", .text = tr("What &fits on this computer…"), .menu = "help", .icon = "chip"}, this,
        [this] { (new FitDialog(m_engine, this))->open(); });
    m_actions->add({.id = "help.about", .text = tr("&About Caravan"), .menu = "help", .section = 1}, this,
                   [this] { about(); });
}

void MainWindow::makeFileActions() {
    m_actions->add({.id = "file.demo",
                    .text = tr("Open the &demo"),
                    .menu = "file",
                    .shortcut = QKeySequence(Qt::CTRL | Qt::Key_D),
                    .icon = "play"},
                   this, [this] { openDemo(); });
    m_actions->add({.id = "file.model",
                    .text = tr("Open a &model folder…"),
                    .menu = "file",
                    .shortcut = QKeySequence(Qt::CTRL | Qt::Key_O),
                    .icon = "models"},
                   this, [this] {
                       auto* dialog = new QFileDialog(this, tr("Open a model folder"), QDir::homePath());
                       dialog->setFileMode(QFileDialog::Directory);
                       dialog->setAttribute(Qt::WA_DeleteOnClose);
                       connect(dialog, &QFileDialog::fileSelected, this, &MainWindow::openModel);
                       dialog->open();
                   });
    m_actions->add({.id = "file.project",
                    .text = tr("Open a &project…"),
                    .menu = "file",
                    .shortcut = QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_O),
                    .icon = "folder"},
                   this, [this] {
                       const QString start =
                           QString::fromStdString(projects::Project::defaultFolder().string());
                       auto* dialog = new QFileDialog(
                           this, tr("Open a project, or an empty folder for a new one"), start);
                       dialog->setFileMode(QFileDialog::Directory);
                       dialog->setAttribute(Qt::WA_DeleteOnClose);
                       connect(dialog, &QFileDialog::fileSelected, this, &MainWindow::openProject);
                       dialog->open();
                   });
    m_actions->add({.id = "file.close", .text = tr("&Close project"), .menu = "file", .section = 1}, this,
                   [this] { closeProject(); });
    m_actions->add({.id = "file.quit",
                    .text = tr("&Quit"),
                    .menu = "file",
                    .shortcut = QKeySequence(Qt::CTRL | Qt::Key_Q),
                    .section = 2},
                   this, [this] { close(); });
    m_actions->add({.id = "edit.undo",
                    .text = tr("&Undo"),
                    .menu = "edit",
                    .shortcut = QKeySequence(Qt::CTRL | Qt::Key_Z),
                    .icon = "undo"},
                   this, [this] {
                       if (m_project) m_project->undoStack()->undo();
                   });
    m_actions->add({.id = "edit.redo",
                    .text = tr("&Redo"),
                    .menu = "edit",
                    .shortcut = QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_Z),
                    .icon = "redo"},
                   this, [this] {
                       if (m_project) m_project->undoStack()->redo();
                   });
}

void MainWindow::makeViewActions() {
    m_actions->add({.id = "view.palette",
                    .text = tr("&Find anything…"),
                    .menu = "view",
                    .shortcut = QKeySequence(Qt::CTRL | Qt::Key_K),
                    .icon = "search"},
                   this, [this] { openPalette(); });
    m_actions->add({.id = "view.next_pane",
                    .text = tr("&Next pane"),
                    .menu = "view",
                    .shortcut = QKeySequence(Qt::Key_F6)},
                   this, [this] { movePane(1); });
    m_actions->add({.id = "view.previous_pane",
                    .text = tr("&Previous pane"),
                    .menu = "view",
                    .shortcut = QKeySequence(Qt::SHIFT | Qt::Key_F6)},
                   this, [this] { movePane(-1); });
    auto* group = new QActionGroup(this);
    const std::tuple<const char*, QString, Scheme> schemes[] = {
        {"view.system", tr("Colors of the &system"), Scheme::System},
        {"view.light", tr("&Light"), Scheme::Light},
        {"view.dark", tr("&Dark"), Scheme::Dark}};
    for (const auto& [id, text, scheme] : schemes) {
        QAction* action =
            m_actions->add({.id = QLatin1String(id), .text = text, .menu = "view", .section = 1}, this,
                           [scheme = scheme] { Theme::instance().setScheme(scheme); });
        action->setCheckable(true);
        action->setChecked(Theme::instance().scheme() == scheme);
        group->addAction(action);
    }
    m_actions->add({.id = "view.reset", .text = tr("&Reset layout"), .menu = "view", .section = 2}, this,
                   [this] { resetLayout(); });
    QAction* lock = m_actions->add(
        {.id = "view.lock", .text = tr("Lock doc&ks"), .menu = "view", .section = 2}, this, {});
    lock->setCheckable(true);
    connect(lock, &QAction::toggled, this, [this](bool locked) {
        for (QDockWidget* dock : findChildren<QDockWidget*>()) {
            if (locked) dock->setProperty("unlocked", static_cast<int>(dock->features()));
            dock->setFeatures(
                locked ? QDockWidget::NoDockWidgetFeatures
                       : QDockWidget::DockWidgetFeatures::fromInt(dock->property("unlocked").toInt()));
        }
    });
}

void MainWindow::makeRunActions() {
    m_actions->add({.id = "run.new",
                    .text = tr("&New run"),
                    .menu = "run",
                    .shortcut = QKeySequence(Qt::CTRL | Qt::Key_N),
                    .icon = "plus"},
                   this, [this] { showPage(QStringLiteral("upcycle")); });
    m_actions->add({.id = "run.resume",
                    .text = tr("&Start or resume"),
                    .menu = "run",
                    .shortcut = QKeySequence(Qt::CTRL | Qt::Key_R),
                    .icon = "play",
                    .section = 1},
                   this, [this] { startOrResume(); });
    m_actions->add({.id = "run.pause",
                    .text = tr("&Pause"),
                    .menu = "run",
                    .shortcut = QKeySequence(Qt::CTRL | Qt::Key_P),
                    .icon = "pause",
                    .section = 1},
                   this, [this] {
                       if (m_runs->live().state == engine::RunState::Paused)
                           m_runs->proceed();
                       else
                           m_runs->pause();
                   });
    m_actions->add(
        {.id = "run.stop", .text = tr("S&top and save"), .menu = "run", .icon = "stop", .section = 1}, this,
        [this] { m_runs->stop(); });
    m_actions->add({.id = "run.checkpoint",
                    .text = tr("Save &checkpoint"),
                    .menu = "run",
                    .shortcut = QKeySequence(Qt::CTRL | Qt::Key_S),
                    .icon = "export",
                    .section = 2},
                   this, [this] { m_runs->checkpoint(); });
    m_actions->add(
        {.id = "run.sample", .text = tr("Sample no&w"), .menu = "run", .icon = "chat", .section = 2}, this,
        [this] { m_runs->sampleNow(); });
    m_actions->add(
        {.id = "run.ask_again", .text = tr("&Ask again when the window closes"), .menu = "run", .section = 3},
        this, [this] {
            QSettings().remove(QStringLiteral("run/when_closing"));
            renewRunActions();
        });
}

void MainWindow::renewRunActions() {
    const LiveRun& live = m_runs->live();
    const bool usable = m_engine->isUsable();
    const bool running = live.state == engine::RunState::Running,
               paused = live.state == engine::RunState::Paused;
    const bool works = usable && live.isActive() && (running || paused);
    QAction* pause = m_actions->find(QStringLiteral("run.pause"));
    pause->setText(paused ? tr("&Continue") : tr("&Pause"));
    pause->setIcon(widgets::themeIcon(paused ? QStringLiteral("play") : QStringLiteral("pause")));
    pause->setEnabled(works);
    for (const char* id : {"run.stop", "run.checkpoint", "run.sample"})
        m_actions->find(QLatin1String(id))->setEnabled(works);
    const RunEntry* selected = m_project ? m_project->run(m_project->selectedRun()) : nullptr;
    const bool startable = selected && selected->state != engine::RunState::Finished;
    QAction* resume = m_actions->find(QStringLiteral("run.resume"));
    resume->setEnabled(usable && !live.isActive() && startable);
    resume->setText(selected && selected->state == engine::RunState::Created ? tr("&Start") : tr("&Resume"));
    // Data has a start of its own under the same key
    const bool data = m_current && m_current->id() == QLatin1String("data");
    const QKeySequence keys = keptShortcut(*m_actions, resume);
    resume->setShortcut(data && keys == QKeySequence(Qt::CTRL | Qt::Key_R) ? QKeySequence() : keys);
    m_actions->find(QStringLiteral("run.ask_again"))
        ->setEnabled(QSettings().contains(QStringLiteral("run/when_closing")));
    m_actions->find(QStringLiteral("run.new"))->setEnabled(m_project != nullptr);
    for (const QString& id : pageIds())
        m_actions->find(QStringLiteral("go.") + id)->setEnabled(m_project != nullptr);
}

void MainWindow::startOrResume() {
    if (!m_project || m_runs->live().isActive()) return;
    const LiveRun& live = m_runs->live();
    const RunEntry* run = live.engineDied ? m_project->run(live.folder) : nullptr;
    if (!run) run = m_project->run(m_project->selectedRun());  // the dead one is of another project
    if (!run) return;
    if (run->state == engine::RunState::Created)
        m_project->startRun(run->id);
    else
        m_runs->resume(run->folder, {}, run->steps);
    follow(QStringLiteral("tune"), {{QStringLiteral("run"), run->id}});
}

void MainWindow::movePane(int direction) {
    QList<QWidget*> panes;
    if (m_current) {
        panes << m_rail << m_current->panes();
    } else {
        panes << m_stack->currentWidget();
    }
    QWidget* focus = QApplication::focusWidget();
    int at = -1;
    for (int i = 0; i < panes.size(); ++i)
        if (focus && (panes[i] == focus || panes[i]->isAncestorOf(focus))) at = i;
    for (int tries = 0; tries < panes.size(); ++tries) {
        at = (at + direction + static_cast<int>(panes.size())) % static_cast<int>(panes.size());
        if (m_current && panes[at] == m_rail) {
            if (RailButton* button = m_rail->button(m_current->id()))
                return button->setFocus(Qt::TabFocusReason);
        }
        if (panes[at]->focusPolicy() & Qt::TabFocus) return panes[at]->setFocus(Qt::TabFocusReason);
        for (QWidget* child : panes[at]->findChildren<QWidget*>())
            if ((child->focusPolicy() & Qt::TabFocus) && child->isVisibleTo(this) && child->isEnabled())
                return child->setFocus(Qt::TabFocusReason);
    }
}

void MainWindow::showLog() {
    const QString file = m_engine->logFile();
    if (!file.isEmpty() && QFileInfo::exists(file))
        QDesktopServices::openUrl(QUrl::fromLocalFile(file));
    else
        QMessageBox::information(this, tr("Log"),
                                 tr("The engine has written no log yet: %1").arg(homePath(file)));
}

void MainWindow::copyDiagnostics() {
    const LiveRun& run = m_runs->live();
    QStringList lines{QStringLiteral("Caravan ") + QStringLiteral(CARAVAN_VERSION),
                      QSysInfo::prettyProductName() + QLatin1Char(' ') + QSysInfo::kernelVersion(),
                      m_engine->stateWords() + QStringLiteral(", ") + m_engine->lastDeath()};
    if (m_engine->hasDevice()) lines << deviceText(m_engine->device());
    if (run.exists())
        lines << tr("Run %1, %2, step %3 of %4, last checkpoint %5")
                     .arg(run.name, stateText(run.state))
                     .arg(run.step)
                     .arg(run.steps)
                     .arg(run.lastCheckpoint);
    QFile log(m_engine->logFile());
    if (log.open(QIODevice::ReadOnly)) {
        log.seek(std::max<qint64>(0, log.size() - 8000));
        lines << QString::fromUtf8(log.readAll());
    }
    QApplication::clipboard()->setText(lines.join(QLatin1Char('\n')));
}

void MainWindow::showKeys() {
    auto* dialog = new QDialog(this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("Keyboard shortcuts"));
    dialog->setAutoFillBackground(true);
    dialog->setBackgroundRole(QPalette::Base);
    dialog->resize(460, 560);
    auto* layout = new QVBoxLayout(dialog);
    layout->setContentsMargins(14, 10, 6, 10);
    auto* area = new QScrollArea;
    area->setWidgetResizable(true);
    area->setAccessibleName(tr("Keyboard shortcuts"));
    auto* list = new QWidget;
    list->setBackgroundRole(QPalette::Base);
    auto* grid = new QGridLayout(list);
    grid->setColumnStretch(0, 1);
    int row = 0;
    for (QAction* action : m_actions->actions()) {
        if (action->shortcut().isEmpty()) continue;
        QString text = action->text();
        grid->addWidget(new ThemedLabel(text.remove(QLatin1Char('&'))), row, 0);
        grid->addWidget(new ThemedLabel(action->shortcut().toString(QKeySequence::NativeText),
                                        widgets::TextRole::Number, Token::Text2),
                        row++, 1);
    }
    grid->setRowStretch(row, 1);
    area->setWidget(list);
    layout->addWidget(area);
    dialog->open();
}

void MainWindow::about() {
    QMessageBox::about(this, tr("About Caravan"),
                       tr("<b>Caravan %1</b><br>Turn a dense language model into a mixture of experts, tune "
                          "it, and see which experts "
                          "answer.<br><br>GPL-3.0-or-later. No account, no network, no telemetry.")
                           .arg(QStringLiteral(CARAVAN_VERSION)));
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What the engine's life means for the window: its state, its death, closing while a run is live.
#include <QCloseEvent>
#include <QPushButton>
#include <QSettings>
#include <algorithm>

#include "ui/format/format.h"
#include "ui/main_window.h"
#include "ui/project_context.h"
#include "ui/shell/banners.h"
#include "ui/shell/close_dialog.h"
#include "ui/shell/rail.h"
#include "ui/shell/run_home.h"
#include "ui/shell/run_pill.h"

namespace caravan::ui {

void MainWindow::connectEngine() {
    connect(m_engine, &EngineLink::stateChanged, this, [this](EngineState state) {
        renewStatus();
        renewRunActions();
        if (state != EngineState::Ready) return;
        m_banners->clear(QStringLiteral("engine.restart"));
        if (widgets::MessageBar* bar = m_banners->bar(QStringLiteral("engine.died")))
            for (QPushButton* button : bar->buttons())
                button->setEnabled(true);
    });
    connect(m_engine, &EngineLink::deviceChanged, this, &MainWindow::renewStatus);
    connect(m_engine, &EngineLink::died, this, &MainWindow::engineDied);
    connect(m_engine, &EngineLink::doesNotStart, this, [this](const QString& reason) {
        m_banners->clear(QStringLiteral("engine.restart"));
        m_banners->show(QStringLiteral("engine.died"), widgets::MessageBar::Kind::Error,
                        tr("The engine does not start."), reason,
                        {{tr("Try again"), [this] { m_engine->restart(); }, true},
                         {tr("Show log"), [this] { showLog(); }}},
                        false);
    });
    connect(m_runs, &RunController::liveChanged, this, [this] {
        m_pill->setRun(namedRun());
        m_rail->setMarked(QStringLiteral("tune"), m_runs->live().isActive());
        renewTitle();
        renewRunActions();
        if (m_runs->live().isActive()) m_banners->clear(QStringLiteral("engine.died"));
        if (m_waitsForStop && !m_runs->live().isActive()) finishClosing();
    });
    connect(m_runs, &RunController::events, this,
            [this](const QString&, const RunEventBatch& batch) { showTopPair(batch); });
    connect(m_runs, &RunController::refused, this, [this](const engine::Error& error) {
        m_waitsForStop = false;
        m_banners->showError(QStringLiteral("run.refused"), error);
    });
}

void MainWindow::engineDied(const QString& reason) {
    m_waitsForStop = false;
    const LiveRun& run = m_runs->live();
    std::vector<Banners::Button> buttons;
    if (!run.engineDied) {
        buttons.push_back({tr("Show log"), [this] { showLog(); }});
        m_banners->show(
            QStringLiteral("engine.restart"), widgets::MessageBar::Kind::Warning, tr("The engine stopped."),
            tr("%1. It is starting again; nothing saved is lost.").arg(reason), std::move(buttons));
        return;
    }
    const auto kept = run.lastCheckpoint;
    const QString home = projectOfRun(run.folder);  // may be closed when a button is pressed
    QString text = reason + QStringLiteral(". ") + tr("Nothing saved is lost.");
    if (kept >= 0) {
        text +=
            QLatin1Char(' ') + tr("Step %1 is verified; %n step(s) will be repeated on the same data.",
                                  nullptr, static_cast<int>(std::max<engine::StepIndex>(0, run.step - kept)))
                                   .arg(withThousands(kept));
        const auto resume = [this, home] {
            if (m_project && m_project->folder() == home) return startOrResume();
            openProject(home);
            if (m_project && m_project->folder() == home)
                connect(
                    m_project.get(), &ProjectContext::runsChanged, this, [this] { startOrResume(); },
                    Qt::SingleShotConnection);
        };
        buttons.push_back(
            {tr("Resume from step %1").arg(withThousands(kept)), resume, true, m_engine->isUsable()});
    } else {
        text += QLatin1Char(' ') + tr("There was no checkpoint yet; the same settings stand on Upcycle.");
        const auto fresh = [this, home] {
            if (!m_project) openProject(home);
            showPage(QStringLiteral("upcycle"));
        };
        buttons.push_back({tr("New run"), fresh, true});
    }
    buttons.push_back({tr("Show log"), [this] { showLog(); }});
    buttons.push_back({tr("Copy diagnostics"), [this] { copyDiagnostics(); }});
    m_banners->show(QStringLiteral("engine.died"), widgets::MessageBar::Kind::Error,
                    tr("The engine stopped at step %1.").arg(withThousands(run.step)), text,
                    std::move(buttons));
}

void MainWindow::closeEvent(QCloseEvent* event) {
    if (m_closing || !m_runs->live().isActive()) {
        saveLayout();
        event->accept();
        return;
    }
    event->ignore();
    auto choice = static_cast<CloseChoice>(QSettings().value(QStringLiteral("run/when_closing"), 0).toInt());
    if (choice == CloseChoice::Cancel) {
        CloseDialog dialog(namedRun(), this);
        connect(m_runs, &RunController::liveChanged, &dialog, [this, &dialog] {
            if (m_runs->live().isActive()) dialog.setRun(namedRun());
        });
        dialog.exec();
        choice = dialog.choice();
        if (choice != CloseChoice::Cancel && dialog.always())
            QSettings().setValue(QStringLiteral("run/when_closing"), static_cast<int>(choice));
        renewRunActions();
    }
    if (choice == CloseChoice::Cancel) return;
    if (choice == CloseChoice::KeepTuning || !m_runs->live().isActive() || !m_engine->isUsable())
        return finishClosing();
    m_waitsForStop = true;
    m_banners->show(QStringLiteral("closing"), widgets::MessageBar::Kind::Information,
                    choice == CloseChoice::PauseAndSave ? tr("Saving before the window closes.")
                                                        : tr("Stopping before the window closes."),
                    QString(), {}, false);
    if (choice == CloseChoice::PauseAndSave)
        m_runs->stop();
    else
        m_runs->discard();
}

void MainWindow::finishClosing() {
    m_closing = true;
    m_waitsForStop = false;
    QMetaObject::invokeMethod(
        this, [this] { close(); }, Qt::QueuedConnection);
}

void MainWindow::closeQuietly() {
    if (m_runs->live().state == engine::RunState::Running) m_runs->checkpoint();
    finishClosing();
}

}  // namespace caravan::ui

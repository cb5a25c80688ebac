// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The queue, what happens at its end, reports and imported runs.
#include <QFileDialog>
#include <QMouseEvent>
#include <QProcess>
#include <QPushButton>
#include <QTableView>
#include <algorithm>

#include "projects/run_import.h"
#include "projects/run_report.h"
#include "ui/actions/action_registry.h"
#include "ui/format/format.h"
#include "ui/pages/runs/report_export.h"
#include "ui/pages/runs/runs_page.h"
#include "ui/run_follower.h"
#include "widgets/message_bar.h"

namespace caravan::ui {

using widgets::MessageBar;

void RunsPage::makeQueueActions() {
    ActionRegistry* actions = services().actions;
    const auto add = [&](const char* id, const QString& text, const char* icon, const QKeySequence& keys,
                         std::function<void()> trigger) {
        return actions->add({.id = QString::fromLatin1(id),
                             .text = text,
                             .menu = QStringLiteral("run"),
                             .shortcut = keys,
                             .icon = QString::fromLatin1(icon),
                             .page = QStringLiteral("runs"),
                             .section = 4},
                            this, std::move(trigger));
    };
    m_report = add("runs.report", tr("Ex&port report…"), "export", {}, [this] { chooseReport(); });
    m_import = add("runs.import", tr("I&mport run folder…"), "import", {}, [this] { chooseImport(); });
    m_enqueue = add("runs.queue", tr("Add to &queue"), "plus", {}, [this] {
        if (project() != nullptr) project()->queueRun(currentRun());
    });
    m_unqueue = add("runs.unqueue", tr("Ta&ke out of the queue"), "close", {}, [this] {
        if (project() != nullptr) project()->unqueueRun(currentRun());
    });
    m_up = add("runs.up", tr("Earl&ier in the queue"), "up", QKeySequence(Qt::ALT | Qt::Key_Up),
               [this] { moveInQueue(-1); });
    m_down = add("runs.down", tr("Late&r in the queue"), "down", QKeySequence(Qt::ALT | Qt::Key_Down),
                 [this] { moveInQueue(1); });
    m_endTimer.setSingleShot(true);
    connect(&m_endTimer, &QTimer::timeout, this, &RunsPage::endNow);
}

// Newest first, those that wait at the end in the order in which they will start.
QVector<RunEntry> RunsPage::arranged(const QVector<RunEntry>& runs) const {
    QVector<RunEntry> result = runs;
    std::stable_sort(result.begin(), result.end(),
                     [](const RunEntry& a, const RunEntry& b) { return a.queuePlace < b.queuePlace; });
    return result;
}

void RunsPage::tellError(const engine::Error& error) {
    const ErrorWords text = words(error);
    m_message->showMessage(MessageBar::Kind::Error, text.what, text.detail + QLatin1Char(' ') + text.todo);
}

void RunsPage::showQueue() {
    QStringList waiting;
    if (project() != nullptr)
        for (const RunEntry& run : arranged(project()->runs()))
            if (run.queuePlace >= 0) waiting << runName(*project(), run);
    m_queue->setQueue(waiting, services().runs->live().isActive(), services().engine->isUsable());
}

void RunsPage::moveInQueue(int by) {
    const RunEntry* run = m_model->run(currentRun());
    if (run != nullptr && run->queuePlace >= 0)
        project()->moveQueuedRun(run->id, std::max(0, run->queuePlace + by));
}

// A queued row takes the place of the queued row on which it is dropped.
bool RunsPage::dragQueued(QEvent* event) {
    if (event->type() != QEvent::MouseButtonPress && event->type() != QEvent::MouseButtonRelease &&
        event->type() != QEvent::MouseMove)
        return false;
    const QPoint at = static_cast<QMouseEvent*>(event)->position().toPoint();
    const QModelIndex index = m_table->indexAt(at);
    const RunEntry* under =
        index.isValid() ? m_model->run(index.data(RunsModel::IdRole).toString()) : nullptr;
    const bool queued = under != nullptr && under->queuePlace >= 0;
    if (event->type() == QEvent::MouseButtonPress) {
        m_dragged = queued && index.column() != RunsModel::Check ? under->id : QString();
        return false;
    }
    if (m_dragged.isEmpty()) return false;
    if (event->type() == QEvent::MouseMove) {
        m_table->viewport()->setCursor(queued ? Qt::ClosedHandCursor : Qt::ForbiddenCursor);
        return true;  // no selection by dragging
    }
    const QString dragged = std::exchange(m_dragged, QString());
    m_table->viewport()->unsetCursor();
    if (queued && under->id != dragged) project()->moveQueuedRun(dragged, under->queuePlace);
    return false;
}

void RunsPage::runStateChanged(engine::RunState state) {
    m_someEnded = state == engine::RunState::Finished || state == engine::RunState::Failed;
    if (services().runs->live().isActive() && m_endTimer.isActive()) {
        m_endTimer.stop();
        m_message->hide();
    }
    showQueue();
}

// After the list was read anew: the run that ended may have another one behind it.
void RunsPage::endWhenDone() {
    if (!m_someEnded || m_queue->endAction() == QueueBar::EndAction::Nothing) return;
    const QVector<RunEntry> runs = project() != nullptr ? project()->runs() : QVector<RunEntry>();
    const bool waits =
        std::any_of(runs.begin(), runs.end(), [](const RunEntry& run) { return run.queuePlace >= 0; });
    if (waits || services().runs->live().isActive()) return;
    m_someEnded = false;
    const bool close = m_queue->endAction() == QueueBar::EndAction::Close;
    m_message->showMessage(MessageBar::Kind::Information, tr("All runs are done."),
                           close ? tr("Caravan closes in %1 s.").arg(m_endDelay / 1000)
                                 : tr("“%1” runs in %2 s.").arg(m_queue->command()).arg(m_endDelay / 1000));
    QPushButton* stop = m_message->addButton(close ? tr("Keep it open") : tr("Do not run it"));
    connect(stop, &QPushButton::clicked, this, [this] {
        m_endTimer.stop();
        m_message->hide();
    });
    m_endTimer.start(m_endDelay);
}

void RunsPage::endNow() {
    const QueueBar::EndAction action = m_queue->endAction();
    const QString command = m_queue->command();
    m_queue->setEndAction(QueueBar::EndAction::Nothing);
    m_message->hide();
    if (m_endHandler) return m_endHandler(action, command);
    if (action == QueueBar::EndAction::Close) {
        window()->close();
    } else if (action == QueueBar::EndAction::Command &&
               !QProcess::startDetached(QStringLiteral("/bin/sh"), {QStringLiteral("-c"), command})) {
        m_message->showMessage(MessageBar::Kind::Error, tr("The command did not start."), command);
    }
}

void RunsPage::chooseReport() {
    const RunEntry* run = m_model->run(currentRun());
    if (run == nullptr) return;
    auto* dialog = new QFileDialog(this, tr("Export report"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setNameFilters({tr("Document (*.pdf)"), tr("Web page (*.html)")});
    dialog->setDefaultSuffix(QStringLiteral("pdf"));
    connect(dialog, &QFileDialog::filterSelected, dialog, [dialog](const QString& filter) {
        dialog->setDefaultSuffix(filter.section(QStringLiteral("*."), 1).chopped(1));
    });
    dialog->selectFile(run->title);
    connect(dialog, &QFileDialog::fileSelected, this, &RunsPage::exportReport);
    dialog->open();
}

void RunsPage::exportReport(const QString& path) {
    using Outcome = engine::Result<projects::RunReport>;
    if (project() == nullptr || m_model->run(currentRun()) == nullptr) return;
    project()->inProject<Outcome>(
        this,
        [id = currentRun().toStdString()](ProjectStore& store) {
            return projects::readReport(*store.catalogue, id);
        },
        [this, path, title = m_model->run(currentRun())->title](const Outcome& read) {
            if (!read) return tellError(read.error());
            projects::RunReport report = *read;
            report.name = title.toStdString();
            const QString reason = saveReport(report, path);
            if (reason.isEmpty())
                m_message->showMessage(MessageBar::Kind::Success, tr("The report is written."), path);
            else
                m_message->showMessage(MessageBar::Kind::Error, tr("The report could not be written."),
                                       reason);
        });
}

void RunsPage::chooseImport() {
    auto* dialog = new QFileDialog(this, tr("Import run folder"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::Directory);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& path) {
        if (project() != nullptr) project()->importRun(path);
    });
    dialog->open();
}

bool RunsPage::takeDrop(const QStringList& paths) {
    if (project() == nullptr) return false;
    bool taken = false;
    for (const QString& path : paths) {
        if (!projects::isRunFolder(path.toStdString())) continue;
        project()->importRun(path);
        taken = true;
    }
    return taken;
}

}  // namespace caravan::ui

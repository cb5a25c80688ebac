// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/runs/runs_page.h"

#include <QFileInfo>
#include <QInputDialog>
#include <QKeyEvent>
#include <QLineEdit>
#include <QScrollBar>
#include <QStackedWidget>
#include <QTableView>
#include <algorithm>
#include <memory>

#include "projects/run_catalogue.h"
#include "ui/bridge/run_notifier.h"
#include "ui/format/format.h"
#include "ui/pages/runs/run_differences.h"
#include "ui/pages/runs/run_overlay.h"
#include "ui/shell/pane_header.h"
#include "widgets/message_bar.h"
#include "widgets/segmented.h"

namespace caravan::ui {
namespace {

constexpr int kFiguresEvery = 1000;  // ms
constexpr int kCheckedAtFirst = 3;

}  // namespace

RunsPage::RunsPage(const Services& services, QWidget* parent)
    : Page(QStringLiteral("runs"), tr("Runs"), services, parent),
      m_model(new RunsModel(this)),
      m_filter(new RunsFilter(this)),
      m_differences(new RunDifferences(this)) {
    m_filter->setSourceModel(m_model);
    m_filter->setSortRole(RunsModel::SortRole);
    makeActions();
    makeHeader();
    m_stack = new QStackedWidget;
    m_stack->addWidget(makeEmpty());
    m_stack->addWidget(makeTable());
    setCentralWidget(m_stack);
    m_figures.setInterval(kFiguresEvery);
    connect(&m_figures, &QTimer::timeout, this, [this] {
        if (this->services().runs->live().isActive()) readFigures();
    });
    connect(services.runs, &RunController::liveChanged, this, [this] {
        if (!isActive()) {
            m_stale = true;
            return;
        }
        m_model->setLive(this->services().runs->live());
        renewKinds();
    });
    connect(services.runs, &RunController::stateChanged, this,
            [this](const QString&, engine::RunState state) { runStateChanged(state); });
    connect(services.engine, &EngineLink::stateChanged, this, [this] { showQueue(); });
    m_notifier = new RunNotifier(services.runs, this);
    m_notifier->setNames([this](const QString& folder) {
        const RunEntry* run = this->project() != nullptr ? this->project()->run(folder) : nullptr;
        return run != nullptr ? run->title : QFileInfo(folder).fileName();
    });
    connect(m_notifier, &RunNotifier::activated, this, [this](const QString& folder) {
        window()->setWindowState(window()->windowState() & ~Qt::WindowMinimized);
        window()->raise();
        window()->activateWindow();
        if (this->project() != nullptr && this->project()->run(folder) != nullptr)
            Q_EMIT linkActivated(QStringLiteral("tune"),
                                 {{QStringLiteral("run"), QFileInfo(folder).fileName()}});
    });
    connect(m_model, &RunsModel::checkedChanged, this, &RunsPage::showChecked);
    connect(m_model, &RunsModel::renamed, this, [this](const QString& id, const QString& title) {
        if (project() != nullptr) project()->renameRun(id, title);
    });
    connect(m_model, &RunsModel::tagged, this, [this](const QString& id, const QStringList& tags) {
        if (project() != nullptr) project()->setRunTags(id, tags);
    });
    takeRuns();
}

void RunsPage::setProject(ProjectContext* project) {
    if (this->project() != nullptr) this->project()->disconnect(this);
    Page::setProject(project);
    m_overlay->setProject(project);
    m_read.clear();
    m_checkedOnce = false;
    m_message->hide();
    if (project != nullptr) {
        connect(project, &ProjectContext::runsChanged, this, &RunsPage::takeRuns);
        connect(project, &ProjectContext::failed, this, [this](const engine::Error& error) {
            if (isActive()) tellError(error);
        });
    }
    takeRuns();
}

void RunsPage::setActive(bool active) {
    Page::setActive(active);
    if (active) {
        if (m_stale) takeRuns();
        readFigures();
        m_figures.start();
        m_table->setFocus();
    } else {
        m_figures.stop();
    }
}

void RunsPage::takeRuns() {
    showQueue();
    endWhenDone();
    m_stale = !isActive() && project() != nullptr;  // a hidden list is filled when it is shown
    if (m_stale) return;
    const QString current = currentRun();
    const int scrolled = m_table->verticalScrollBar()->value();
    m_model->setLive(services().runs->live());
    m_model->setRuns(arranged(project() != nullptr ? project()->runs() : QVector<RunEntry>()));
    m_stack->setCurrentIndex(m_model->rowCount() > 0 ? 1 : 0);
    for (QWidget* widget : QList<QWidget*>{m_search, m_kind, m_duplicateButton, m_reportButton})
        widget->setVisible(m_model->rowCount() > 0);
    // What is there is compared at once; later the choice is the user's.
    if (!m_checkedOnce && m_model->rowCount() > 0) {
        m_checkedOnce = true;
        for (const RunEntry& run : m_model->runs())
            if (run.step > 0 && m_model->checked().size() < kCheckedAtFirst)
                m_model->setChecked(run.id, true);
    }
    const bool known = m_model->indexOf(current).isValid();
    if (known && currentRun() == current)
        currentChanged();
    else if (known || project() != nullptr)
        showRun(known ? current : project()->selectedRun());
    if (known && m_table->verticalScrollBar()->value() != scrolled) {  // somebody reads elsewhere in the list
        m_table->doItemsLayout();
        m_table->verticalScrollBar()->setValue(scrolled);
    }
    renewKinds();
    showChecked();
    readFigures();
    Q_EMIT statusChanged();
}

void RunsPage::showRun(const QString& runId) {
    QModelIndex index = m_filter->mapFromSource(m_model->indexOf(runId));
    if (!index.isValid()) index = m_filter->index(0, 0);
    if (!index.isValid()) return currentChanged();
    m_table->setCurrentIndex(index.siblingAtColumn(RunsModel::Name));
    m_table->selectRow(index.row());
    currentChanged();
}

// Off the GUI thread; only of runs that went on since.
void RunsPage::readFigures() {
    if (!isActive() || project() == nullptr) return;
    using Found = std::vector<std::pair<QString, RunFacts>>;
    QStringList wanted;
    for (const RunEntry& run : m_model->runs()) {
        const bool live = run.folder == services().runs->live().folder;
        const auto step = live ? services().runs->live().step : run.step;
        const QString mark = QStringLiteral("%1 %2").arg(step).arg(static_cast<int>(m_model->stateOf(run)));
        if (m_read.value(run.id) == mark) continue;
        m_read.insert(run.id, mark);
        wanted << run.id;
    }
    if (wanted.isEmpty()) return;
    project()->inProject<Found>(
        this,
        [wanted](ProjectStore& store) {
            Found found;
            for (const QString& id : wanted)
                found.emplace_back(id, readFacts(*store.catalogue, id.toStdString()));
            return found;
        },
        [this](const Found& found) {
            for (const auto& [id, facts] : found)
                m_model->setFacts(id, facts);
            showChecked();
        });
}

void RunsPage::renewKinds() {
    int counts[4] = {m_model->rowCount(), 0, 0, 0};
    for (const RunEntry& run : m_model->runs())
        ++counts[static_cast<int>(RunsFilter::kindOf(m_model->stateOf(run)))];
    const QSignalBlocker quiet(m_kind);
    const int chosen = m_kind->current();
    m_kind->setSegments({tr("All %1").arg(counts[0]), tr("Running %1").arg(counts[1]),
                         tr("Not started %1").arg(counts[2]), tr("Ended %1").arg(counts[3])});
    m_kind->setCurrent(chosen);
}

void RunsPage::showChecked() {
    QVector<RunEntry> runs;
    QVector<RunDifferences::Column> columns;
    for (const QString& id : m_model->checked()) {
        const RunEntry* run = m_model->run(id);
        if (run == nullptr) continue;
        const RunFacts* facts = m_model->facts(id);
        runs << *run;
        columns << RunDifferences::Column{*run, facts != nullptr ? *facts : RunFacts()};
    }
    m_overlay->setRuns(runs);
    m_differences->setRuns(columns);
    m_differencesHeader->setContext(m_differences->countWords());
    m_same->setText(columns.isEmpty() ? tr("Check runs in the list to compare them.")
                                      : m_differences->sameWords());
}

QString RunsPage::currentRun() const {
    const QModelIndex index = m_table != nullptr ? m_table->currentIndex() : QModelIndex();
    return index.isValid() ? index.data(RunsModel::IdRole).toString() : QString();
}

void RunsPage::currentChanged() {
    const QString id = currentRun();
    m_model->setFocused(id);
    const RunEntry* run = m_model->run(id);
    for (QAction* action : {m_open, m_rename, m_tags, m_note, m_duplicate, m_report})
        action->setEnabled(run != nullptr);
    const int place = run != nullptr ? run->queuePlace : -1;
    m_enqueue->setEnabled(run != nullptr && m_model->stateOf(*run) == engine::RunState::Created);
    m_unqueue->setEnabled(place >= 0);
    m_up->setEnabled(place > 0);
    m_down->setEnabled(place >= 0);
    const bool live =
        run != nullptr && run->folder == services().runs->live().folder && services().runs->live().isActive();
    m_delete->setEnabled(run != nullptr && !live);
    m_delete->setToolTip(live ? tr("The run is live. Stop it first.") : QString());
    m_duplicateButton->setEnabled(run != nullptr);
    if (run != nullptr && project() != nullptr && isActive()) project()->selectRun(id);
}

// Its settings and data become the draft; the run itself stays as it is.
void RunsPage::duplicate() {
    const RunEntry* run = m_model->run(currentRun());
    if (run == nullptr || project() == nullptr) return;
    project()->setRecipe(run->recipe, tr("Take the settings of %1").arg(run->title));
    Q_EMIT linkActivated(QStringLiteral("upcycle"), {});
}

void RunsPage::editNote() {
    const RunEntry* run = m_model->run(currentRun());
    if (run == nullptr) return;
    auto* dialog = new QInputDialog(this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("Note"));
    dialog->setLabelText(tr("What was %1 for, and what did it show?").arg(run->title));
    dialog->setOption(QInputDialog::UsePlainTextEditForTextInput);
    dialog->setTextValue(run->note);
    connect(dialog, &QInputDialog::textValueSelected, this, [this, id = run->id](const QString& text) {
        if (project() != nullptr) project()->setRunNote(id, text);
    });
    dialog->open();
}

void RunsPage::moveToTrash() {
    const RunEntry* run = m_model->run(currentRun());
    if (run == nullptr || project() == nullptr || !m_delete->isEnabled()) return;
    const QString title = run->title, id = run->id;
    const bool checked = m_model->checked().contains(id);
    project()->trashRun(id);
    m_message->showMessage(widgets::MessageBar::Kind::Information, tr("%1 was deleted.").arg(title),
                           tr("Its folder lies in the project's trash."));
    QPushButton* undo = m_message->addButton(tr("Undo"));
    connect(undo, &QPushButton::clicked, this, [this] {
        m_message->hide();
        if (project() != nullptr) project()->undoStack()->undo();
    });
    // Undone by whatever way: nothing was deleted any more, and the run is checked as it was.
    const auto back = std::make_shared<QMetaObject::Connection>();
    *back = connect(
        project(), &ProjectContext::runsChanged, this, [this, back, id, checked, gone = false]() mutable {
            const auto& runs = project()->runs();
            const bool listed =
                std::any_of(runs.begin(), runs.end(), [&](const RunEntry& r) { return r.id == id; });
            gone = gone || !listed;  // it takes a moment
            if (!gone || !listed) return;
            disconnect(*back);
            m_message->hide();
            if (checked && m_model->run(id) != nullptr) m_model->setChecked(id, true);
        });
}

bool RunsPage::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_table->viewport()) return dragQueued(event);
    // Not what an open editor of a cell leaves over: the key that ends it opens no run.
    const auto editors = m_table->viewport()->findChildren<QLineEdit*>();
    const bool editing =
        std::any_of(editors.begin(), editors.end(), [](const QLineEdit* e) { return e->isVisible(); });
    if (watched == m_table && event->type() == QEvent::KeyPress && !editing) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Space && !currentRun().isEmpty()) {
            m_model->setChecked(currentRun(), !m_model->checked().contains(currentRun()));
            return true;
        }
        if (key == Qt::Key_Return || key == Qt::Key_Enter) {
            m_open->trigger();
            return true;
        }
    }
    return Page::eventFilter(watched, event);
}

QStringList RunsPage::keyHints() const {
    if (m_model->rowCount() == 0) return {};
    return {tr("Space checks a run"), tr("F2 renames")};
}

QString RunsPage::statusFact() const {
    const int count = m_model->rowCount();
    return count > 0 ? tr("%n run(s)", nullptr, count) : QString();
}

Page* makeRunsPage(const Services& services, QWidget* parent) {
    return new RunsPage(services, parent);
}

}  // namespace caravan::ui

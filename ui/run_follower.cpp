// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/run_follower.h"

#include <QComboBox>
#include <QDir>
#include <algorithm>

#include "ui/bridge/run_controller.h"

namespace caravan::ui {
namespace {

const QLatin1String kNoRun("\n");  // no run has this name: choose() takes in whatever comes

}  // namespace

RunFollower::RunFollower(const Services& services, QObject* parent)
    : QObject(parent), m_services(services), m_box(new QComboBox) {
    m_box->setMinimumWidth(200);
    m_box->setMaximumWidth(300);
    m_box->setSizeAdjustPolicy(QComboBox::AdjustToContents);  // names get longer: a second run of a name
    m_box->setAccessibleName(tr("Run"));
    connect(m_box, &QComboBox::activated, this, [this](int index) {
        const QString id = m_box->itemData(index).toString();
        if (m_project != nullptr) m_project->selectRun(id);
        choose(id);
    });
    RunController* runs = services.runs;
    if (runs == nullptr) return;
    static_cast<void>(RunFeeds::of(runs));  // keeps what is told before a run is chosen
    connect(runs, &RunController::stateChanged, this, [this](const QString& folder, engine::RunState) {
        if (m_project == nullptr || !(m_id.isEmpty() || (!isHeld() && m_services.runs->live().isActive())))
            return;
        if (const RunEntry* run = m_project->run(folder)) choose(run->id);  // a run that starts is looked at
    });
}

void RunFollower::setProject(ProjectContext* project) {
    if (m_project != nullptr) m_project->disconnect(this);
    m_project = project;
    m_id = kNoRun;
    if (project != nullptr) {
        connect(project, &ProjectContext::runsChanged, this, &RunFollower::fill);
        connect(project, &ProjectContext::selectedRunChanged, this, &RunFollower::choose);
    }
    fill();
}

void RunFollower::fill() {
    {
        const QSignalBlocker quiet(m_box);
        m_box->clear();
        if (m_project != nullptr)
            for (const RunEntry& run : m_project->runs())
                m_box->addItem(runName(*m_project, run), run.id);
    }
    QString wanted = m_id;
    if (m_project != nullptr && m_project->run(wanted) == nullptr) wanted = m_project->selectedRun();
    if (m_project != nullptr && m_project->run(wanted) == nullptr && !m_project->runs().isEmpty())
        wanted = m_project->runs().first().id;
    choose(wanted);
    m_box->setCurrentIndex(m_box->findData(m_id));
    Q_EMIT listed();
}

void RunFollower::choose(const QString& runId) {
    const RunEntry* run = m_project != nullptr ? m_project->run(runId) : nullptr;
    const QString id = run != nullptr ? run->id : QString();
    if (id == m_id && (run == nullptr || run->folder == m_folder)) return;
    m_id = id;
    m_folder = run != nullptr ? run->folder : QString();
    m_box->setCurrentIndex(m_box->findData(m_id));
    const RunFeed* before = m_feed.get();
    std::shared_ptr<RunFeed> feed;
    if (run != nullptr)
        feed = m_services.runs != nullptr ? RunFeeds::of(m_services.runs)->feed(m_folder)
                                          : std::make_shared<RunFeed>(m_folder, RunEventBatch{});
    hold(std::move(feed));
    Q_EMIT chosen();
    if (m_feed && m_feed.get() != before && !m_feed->isLoading()) Q_EMIT loaded();  // another page read it
}

void RunFollower::hold(std::shared_ptr<RunFeed> feed) {
    if (m_feed) m_feed->disconnect(this);
    m_feed = std::move(feed);
    if (!m_feed) return;
    connect(m_feed.get(), &RunFeed::reached, this, &RunFollower::reached);
    connect(m_feed.get(), &RunFeed::loaded, this, &RunFollower::loaded);
    connect(m_feed.get(), &RunFeed::grown, this, &RunFollower::grown);
}

const RunEntry* RunFollower::entry() const {
    return m_project != nullptr ? m_project->run(m_id) : nullptr;
}

bool RunFollower::isHeld() const {
    return m_services.runs != nullptr && !m_folder.isEmpty() && m_services.runs->live().folder == m_folder;
}

bool RunFollower::isLive() const {
    return isHeld() && m_services.runs->live().isActive();
}

bool RunFollower::isDense() const {
    return entry() != nullptr && entry()->recipe.upcycle.method == engine::UpcycleMethod::None;
}

std::int64_t RunFollower::modelLayers() const {
    if (entry() == nullptr) return 0;
    const QString path = QDir(m_folder).absoluteFilePath(QString::fromStdString(entry()->recipe.model.path));
    const ModelEntry* model = m_project->model(QDir::cleanPath(path));
    return model != nullptr && model->status == ModelEntry::Status::Ready ? model->inspection.config.layers
                                                                          : 0;
}

QString runName(const ProjectContext& project, const RunEntry& run) {
    const auto same = std::count_if(project.runs().begin(), project.runs().end(),
                                    [&](const RunEntry& other) { return other.title == run.title; });
    return same > 1 && run.title != run.id ? QStringLiteral("%1 · %2").arg(run.title, run.id) : run.title;
}

}  // namespace caravan::ui

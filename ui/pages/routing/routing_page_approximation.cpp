// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>

#include "ui/models/model_tree.h"
#include "ui/pages/routing/approximation_dialog.h"
#include "ui/pages/routing/routing_page.h"

namespace caravan::ui {

namespace {

// Dense models of the project besides this one, of its shape where that is known.
QStringList denseLike(const ProjectContext& project, const QString& base) {
    const engine::ModelConfig* shape = nullptr;
    for (const ModelEntry& model : project.models())
        if (model.path == base && model.status == ModelEntry::Status::Ready) shape = &model.inspection.config;
    QStringList paths;
    for (const ModelEntry& model : project.models()) {
        if (model.path == base || model.status != ModelEntry::Status::Ready ||
            ModelTree::groupOf(model) != ModelTree::Group::Dense)
            continue;
        const engine::ModelConfig& config = model.inspection.config;
        if (shape == nullptr || (config.layers == shape->layers && config.hidden == shape->hidden &&
                                 config.intermediate == shape->intermediate))
            paths << model.path;
    }
    return paths;
}

}  // namespace

ApproximationDialog* RoutingPage::approximation() const {
    return m_approximation;
}

void RoutingPage::openApproximation() {
    if (!project()) return;
    // Of another run: its base and its rows would be other ones.
    if (m_approximation && !m_approximation->isWorking()) delete m_approximation;
    if (!m_approximation) {
        ApproximationDialog::Place place{m_run->folder(), {}, m_run->modelLayers(), {}};
        QString base;
        if (const RunEntry* run = m_run->entry()) {
            base = QDir::cleanPath(
                QDir(run->folder).absoluteFilePath(QString::fromStdString(run->recipe.model.path)));
            place.base = tr("%1, of run %2").arg(QDir(base).dirName(), runName(*project(), *run));
        }
        place.models = denseLike(*project(), base);
        m_approximation = new ApproximationDialog(services().engine, services().runs, place, this);
    }
    m_approximation->show();
    m_approximation->raise();
    m_approximation->activateWindow();
}

}  // namespace caravan::ui

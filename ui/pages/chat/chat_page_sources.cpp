// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Who may answer: models, checkpoints, the paused run.
#include <QComboBox>
#include <QDir>

#include "projects/run_catalogue.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/chat/chat_page.h"
#include "ui/pages/chat/compare_view.h"
#include "ui/pages/chat/steer_panel.h"
#include "ui/project_context.h"
#include "ui/run_follower.h"

namespace caravan::ui {

namespace {
constexpr char kSettled[] = "settled";  // of the box of models: what is chosen stays chosen
}

QString chatKeyOfRun(const QString& id) {
    return QStringLiteral("run:") + id;
}

void ChatPage::refreshSources() {
    if (!isActive() && m_modelBox->count() > 0) return;
    m_models.clear();
    if (project() != nullptr) {
        const LiveRun& live = services().runs->live();
        for (const RunEntry& run : project()->runs()) {
            Model model{runName(*project(), run),
                        chatKeyOfRun(run.id),
                        {},
                        run.recipe.upcycle.method == engine::UpcycleMethod::None};
            if (live.folder == run.folder && live.state == engine::RunState::Paused)
                model.weights.push_back(
                    {tr("Live weights, step %1").arg(withThousands(live.step)), run.folder, true});
            const auto checkpoints = m_checkpoints.find(run.id);
            if (checkpoints != m_checkpoints.end())
                for (auto c = checkpoints->second.rbegin(); c != checkpoints->second.rend(); ++c)
                    model.weights.push_back({tr("Checkpoint, step %1").arg(withThousands(c->step)),
                                             run.folder + QLatin1Char('@') + QString::number(c->step),
                                             false});
            if (model.weights.empty()) continue;
            // What the run began with, in the run's own precision: it shares the base that lies in memory.
            model.weights.push_back(
                {tr("Dense base"),
                 QDir::cleanPath(
                     QDir(run.folder).absoluteFilePath(QString::fromStdString(run.recipe.model.path))),
                 false, true, run.recipe.model.quantization, run.recipe.tune.compute});
            m_models.push_back(std::move(model));
        }
        for (const ModelEntry& entry : project()->models()) {
            if (entry.status != ModelEntry::Status::Ready) continue;
            const bool moe = entry.inspection.kind == "moe";
            m_models.push_back({entry.name,
                                QStringLiteral("model:") + entry.path,
                                {{moe ? tr("Mixture as stored") : tr("Dense, as stored"), entry.path, false}},
                                !moe});
        }
        readCheckpoints();
    }
    // Runs are listed after models: until then the first is nobody's choice.
    const bool settled =
        project() != nullptr && (m_modelBox->property(kSettled).toBool() || !m_session->path().empty());
    const QString wish = !m_wish.isEmpty() ? m_wish
                         : settled         ? m_modelBox->currentData().toString()
                                           : QString();
    const bool runs = !m_models.empty() && m_models.front().key.startsWith(chatKeyOfRun({}));
    m_modelBox->setProperty(kSettled, settled || runs || !m_wish.isEmpty());
    {
        const QSignalBlocker quiet(m_modelBox);
        m_modelBox->clear();
        for (const Model& model : m_models)
            m_modelBox->addItem(model.words, model.key);
        const int index = m_modelBox->findData(wish);
        if (index >= 0) m_wish.clear();
        m_modelBox->setCurrentIndex(index >= 0 ? index : m_models.empty() ? -1 : 0);
    }
    fillWeights();
    m_compare->setSources(allSources(), m_session->source());
}

// Checkpoints of all runs, off the GUI thread; the list is filled again when they differ from what is shown.
void ChatPage::readCheckpoints() {
    using All = std::map<QString, std::vector<engine::CheckpointInfo>>;
    QStringList ids;
    for (const RunEntry& run : project()->runs())
        ids.push_back(run.id);
    project()->inProject<All>(
        this,
        [ids](ProjectStore& store) {
            All all;
            for (const QString& id : ids) {
                auto found = store.catalogue->checkpoints(id.toStdString());
                if (found && !found->empty()) all[id] = *found;
            }
            return all;
        },
        [this](const All& all) {
            const auto same = [](const All& a, const All& b) {
                return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
                    return x.first == y.first && x.second.size() == y.second.size() &&
                           x.second.back().step == y.second.back().step;
                });
            };
            if (same(all, m_checkpoints)) return;
            m_checkpoints = all;
            refreshSources();
        });
}

void ChatPage::fillWeights() {
    const QString before = m_weightsBox->currentText();
    const int model = m_modelBox->currentIndex();
    {
        const QSignalBlocker quiet(m_weightsBox);
        m_weightsBox->clear();
        if (model >= 0 && model < static_cast<int>(m_models.size()))
            for (const Weights& weights : m_models[static_cast<std::size_t>(model)].weights)
                m_weightsBox->addItem(weights.words);
        const int index = m_weightsBox->findText(before);
        m_weightsBox->setCurrentIndex(index >= 0 ? index : 0);
    }
    m_weightsBox->setEnabled(m_weightsBox->count() > 1);
    chooseSource();
}

ChatSource ChatPage::sourceOf(const Model& model, const Weights& weights) {
    ChatSource source;
    source.source.path = weights.path.toStdString();
    source.source.live = weights.live;
    source.source.quantization = weights.quantization;
    source.source.compute = weights.compute;
    source.words = model.words + QStringLiteral(", ") + weights.words.toLower();
    source.dense = model.dense || weights.base;
    return source;
}

void ChatPage::chooseSource() {
    const int model = m_modelBox->currentIndex(), weights = m_weightsBox->currentIndex();
    ChatSource source;
    if (model >= 0 && weights >= 0) {
        const Model& m = m_models[static_cast<std::size_t>(model)];
        source = sourceOf(m, m.weights[static_cast<std::size_t>(weights)]);
    }
    // Experts of one model say nothing about those of another.
    const QString key = source.dense ? QString() : m_modelBox->currentData().toString();
    if (key != m_steered) {
        m_steered = key;
        m_session->setChange({});
        m_steer->setChange({});
        m_steer->setModel({});
    }
    m_session->setSource(source);
    showState();
}

}  // namespace caravan::ui

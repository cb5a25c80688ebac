// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What a plan costs, its remedies and problems, the step-0 check, the dry step, and the run made of it.
#include "ui/pages/upcycle/upcycle_page.h"

#include <QClipboard>
#include <QDateTime>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QSplitter>
#include <QStorageInfo>
#include <QVBoxLayout>

#include "ui/actions/action_registry.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/forms/field_editor.h"
#include "ui/forms/field_words.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/pages/upcycle/command_line.h"
#include "ui/pages/upcycle/plan_panel.h"
#include "ui/pages/upcycle/upcycle_form.h"
#include "ui/project_context.h"
#include "ui/shell/icon_label.h"
#include "ui/shell/surface.h"

namespace caravan::ui {

void UpcyclePage::ask() {
    if (!project() || !isActive()) return;
    if (m_planRequest) services().engine->cancel(m_planRequest);
    const engine::Recipe recipe = project()->recipe();
    if (recipe.model.path.empty()) return;
    const auto serial = ++m_remedyRound;
    m_planRequest = services().engine->request(
        "plan", {{"recipe", engine::recipeToJson(recipe)}, {"folder", project()->folder().toStdString()}},
        this, [this, recipe, serial](const engine::Result<nlohmann::json>& answer) {
            if (serial != m_remedyRound || !project()) return;  // overtaken by a later edit
            m_planRequest = 0;
            if (answer) return takePlan(*answer, recipe);
            m_planError = answer.error().code == engine::ErrorCode::EngineGone
                              ? QString()
                              : words(answer.error()).oneLine();
            validate();
        });
}

void UpcyclePage::takePlan(const nlohmann::json& answer, const engine::Recipe& recipe) {
    m_planError.clear();
    try {
        const auto plan = answer.at("plan").get<engine::RunPlan>();
        // of settings that contradict each other there is no plan: the last numbers stay, gray
        if (plan.parametersTotal > 0) m_panel->showPlan(plan, recipe, modelConfig());
    } catch (const std::exception& exception) {
        m_planError = tr("The plan could not be read: %1").arg(QString::fromUtf8(exception.what()));
    }
    m_panel->showDryStep(m_dryStep, m_dryStep && m_dryKey != settingsKey());
    validate();
    if (!m_panel->fits()) askRemedies();
}

// What would make it fit: plans of neighbouring settings, by falling saving.
void UpcyclePage::askRemedies() {
    const engine::Recipe now = project()->recipe();
    struct Idea {
        QString text;
        engine::Recipe recipe;
    };
    QVector<Idea> ideas;
    const auto idea = [&](const QString& text, auto change) {
        engine::Recipe other = now;
        change(other);
        if (!(other == now)) ideas << Idea{text, other};
    };
    idea(tr("Recompute every layer"), [](engine::Recipe& r) { r.tune.recompute = engine::Recompute::All; });
    idea(tr("NF4 base weights"), [](engine::Recipe& r) { r.model.quantization = engine::Quantization::Nf4; });
    idea(tr("8-bit Adam moments"),
         [](engine::Recipe& r) { r.tune.optimizer = engine::OptimizerKind::AdamW8bit; });
    idea(tr("Trained values in bf16 alone"),
         [](engine::Recipe& r) { r.tune.trained = engine::TrainedValues::Bf16; });
    idea(tr("Half the sequence length"), [](engine::Recipe& r) {
        r.tune.sequenceLength = std::max<std::int64_t>(64, r.tune.sequenceLength.value_or(2048) / 2);
    });
    auto found = std::make_shared<QVector<Remedy>>();
    auto open = std::make_shared<int>(static_cast<int>(ideas.size()));
    auto before = std::make_shared<std::int64_t>(0);
    const auto finish = [this, found, open, before, round = m_remedyRound] {
        if (--*open > 0 || round != m_remedyRound) return;
        for (Remedy& remedy : *found)
            remedy.saves = *before - remedy.saves;
        found->erase(
            std::remove_if(found->begin(), found->end(), [](const Remedy& r) { return r.saves <= 0; }),
            found->end());
        std::sort(found->begin(), found->end(),
                  [](const Remedy& a, const Remedy& b) { return a.saves > b.saves; });
        m_panel->showRemedies(found->mid(0, 3));
    };
    ++*open;
    const auto bytes = [](const engine::Result<nlohmann::json>& answer) {
        return answer && answer->contains("plan") ? (*answer)["plan"].get<engine::RunPlan>().memoryTotal
                                                  : std::int64_t(-1);
    };
    const nlohmann::json folder = project()->folder().toStdString();
    services().engine->request("plan", {{"recipe", engine::recipeToJson(now)}, {"folder", folder}}, this,
                               [before, bytes, finish](const engine::Result<nlohmann::json>& answer) {
                                   *before = std::max<std::int64_t>(0, bytes(answer));
                                   finish();
                               });
    for (const Idea& each : ideas)
        services().engine->request(
            "plan", {{"recipe", engine::recipeToJson(each.recipe)}, {"folder", folder}}, this,
            [found, each, bytes, finish](const engine::Result<nlohmann::json>& answer) {
                const std::int64_t needs = bytes(answer);
                if (needs >= 0) *found << Remedy{each.text, needs, each.recipe};
                finish();
            });
}

void UpcyclePage::validate() {
    if (!project()) return;
    const std::vector<engine::Problem> problems = engine::validate(project()->recipe(), modelConfig());
    m_form->setProblems(problems);
    QStringList errors = m_form->refusedTexts();
    int warnings = 0;
    for (const engine::Problem& problem : problems) {
        if (problem.key.rfind("data.", 0) == 0) continue;  // chosen on the next page
        if (problem.warning)
            ++warnings;
        else
            errors << problemSentence(problem.key, problem.error, problem.nearestValid);
    }
    const ModelEntry* base = project()->baseModel();
    if (project()->recipe().model.path.empty())
        errors = QStringList(tr("Choose a base model."));
    else if (base && base->error)
        errors.prepend(words(*base->error).what);
    else if (!m_planError.isEmpty())
        errors << m_planError;
    if (!m_panel->fits() && errors.isEmpty()) errors << tr("The plan does not fit into the memory.");
    const bool good = errors.isEmpty();
    const Token token = !good ? Token::Err : warnings ? Token::Warn : Token::Ok;
    showIcon(m_verdictIcon,
             !good      ? QStringLiteral("err")
             : warnings ? QStringLiteral("warn")
                        : QStringLiteral("check"),
             Theme::color(token));
    m_verdict->setToken(good ? Token::Text : Token::Err);
    m_verdict->setText(
        good ? (warnings ? tr("%n warning(s). All %1 settings are valid.", nullptr, warnings)
                         : tr("No problems found. All %1 settings are valid."))
                   .arg(m_form->settingCount())
        : errors.size() == 1
            ? errors.first()
            : tr("%n problem(s). %1", nullptr, static_cast<int>(errors.size())).arg(errors.first()));
    m_create->setEnabled(good && !m_creating && project()->isOpen());
    m_create->setToolTip(good ? tr("Writes the run's settings; weights are made when it starts")
                              : errors.first());
}

// One piece of work at a time on the draft as it is now; take(answer, key) gets what the settings were then.
template <class T>
void UpcyclePage::work(const char* type, const QString& doing,
                       std::function<void(const T&, const std::string& key)> take) {
    if (!project() || m_workRequest) return;
    m_panel->showError({});
    m_panel->showWork(doing, {});
    m_workRequest = services().engine->requestAs<T>(
        type,
        {{"recipe", engine::recipeToJson(project()->recipe())},
         {"folder", project()->folder().toStdString()}},
        this,
        [this, take = std::move(take), key = settingsKey()](const engine::Result<T>& result) {
            m_workRequest = 0;
            m_panel->showWork({}, {});
            renewWork();
            if (!project()) return;
            if (result) return take(*result, key);
            if (result.error().code != engine::ErrorCode::Interrupted)
                m_panel->showError(words(result.error()).oneLine());
        },
        [this, doing](const engine::Progress& progress) { m_panel->showWork(doing, progress); });
    renewWork();
}

void UpcyclePage::prove() {
    work<engine::StepZeroProof>(
        "proof", tr("checking step 0"), [this](const engine::StepZeroProof& proof, const std::string& key) {
            m_proof = proof;
            m_proofKey = key;
            m_panel->showProof(m_proof, key != settingsKey(), project()->recipe().upcycle.method);
        });
}

void UpcyclePage::dryStep() {
    work<engine::DryStep>("dry_step", tr("measuring"),
                          [this](const engine::DryStep& step, const std::string& key) {
                              m_dryStep = step;
                              m_dryKey = key;
                              m_measuredAt = QTime::currentTime().toString(QStringLiteral("HH:mm"));
                              m_panel->showDryStep(m_dryStep, key != settingsKey());
                              Q_EMIT statusChanged();
                          });
}

void UpcyclePage::cancelWork() {
    if (m_workRequest) services().engine->cancel(m_workRequest);
}

bool UpcyclePage::hasData() const {
    return project() && !project()->recipe().data.files.empty();
}

void UpcyclePage::renewWork() {
    const bool free = !services().runs->live().isActive();
    const bool base = project() && !project()->recipe().model.path.empty();
    const bool can = base && services().engine->isUsable() && !m_workRequest && free;
    QString why;
    if (!free)
        why = tr("A run holds the engine; this is done when the new run starts");
    else if (!base)
        why = tr("Choose a base model first");
    m_prove->setEnabled(can);
    m_prove->setToolTip(
        why.isEmpty() ? tr("Compares the logits of the upcycled and the dense model on the real weights")
                      : why);
    const bool offerData = why.isEmpty() && !hasData();
    if (offerData) why = tr("A dry step runs on the longest batch: choose data first");
    m_dry->setEnabled(can && hasData());
    m_dry->setToolTip(why.isEmpty() ? tr("Runs one step on the longest batch and measures memory and time")
                                    : why);
    m_panel->showDryNeed(why.isEmpty() ? why : why + QLatin1Char('.'), offerData);
}

void UpcyclePage::create() {
    if (!project() || m_creating) return;
    m_creating = true;
    validate();
    project()->createRun(this, [this](const engine::Result<QString>& created) {
        m_creating = false;
        validate();
        if (created) Q_EMIT linkActivated(QStringLiteral("data"), {{QStringLiteral("run"), *created}});
    });
}

}  // namespace caravan::ui

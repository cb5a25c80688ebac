// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAction>
#include <QComboBox>
#include <QPushButton>
#include <QStackedWidget>
#include <algorithm>

#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/format/stage_words.h"
#include "ui/format/time_left.h"
#include "ui/pages/tune/live_routing.h"
#include "ui/pages/tune/run_progress.h"
#include "ui/pages/tune/samples_view.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/pages/tune/tune_plots.h"
#include "ui/run_follower.h"
#include "ui/shell/first_focus.h"
#include "ui/shell/pane_header.h"
#include "ui/theme/style.h"
#include "widgets/chip.h"
#include "widgets/curve_plot.h"
#include "widgets/message_bar.h"

namespace caravan::ui {

using engine::RunState;
using widgets::Chip;
using widgets::MessageBar;

namespace {

Chip::Tone toneOf(RunState state) {
    switch (state) {
        case RunState::Loading:
        case RunState::Running:
            return Chip::Tone::Accent;
        case RunState::Finished:
            return Chip::Tone::Ok;
        case RunState::Failed:
        case RunState::Interrupted:
            return Chip::Tone::Error;
        default:
            return Chip::Tone::Plain;
    }
}

QString stageWords(const engine::Progress& stage) {
    QString words = stageText(stage.stage);
    if (!words.isEmpty()) words[0] = words[0].toUpper();
    return stage.total > 0 ? TunePage::tr("%1, %2 of %3")
                                 .arg(words, withThousands(stage.done), withThousands(stage.total))
                           : words;
}

}  // namespace

void TunePage::refresh() {
    m_refresh.stop();
    if (!isActive() || !m_stale) return;
    m_stale = false;
    ++m_refreshes;
    showState();
    if (const QStringList hints = keyHints(); hints != m_hinted) {
        m_hinted = hints;
        Q_EMIT statusChanged();
    }
    if (m_run->id().isEmpty()) return;
    const RunEntry* run = m_run->entry();
    const RunState now = state();
    const bool lives =
        m_run->isHeld() && (now == RunState::Running || now == RunState::Paused || now == RunState::Stopping);
    m_plots->setRun(totalSteps(), run != nullptr ? run->recipe.tune.maxGradientNorm : 0,
                    run != nullptr && run->recipe.upcycle.method == engine::UpcycleMethod::None,
                    memoryHint());
    m_plots->setEmptyText(m_run->isLoading()                  ? tr("Reading the run…")
                          : lives || now == RunState::Loading ? tr("Curves appear after the first step.")
                          : now == RunState::Created || now == RunState::Queued
                              ? tr("Curves appear when the run has started.")
                              : tr("No step was logged."));
    m_plots->setExportName(m_run->id());
    const bool lost = m_run->isHeld() && services().runs->live().engineDied &&
                      !m_run->history().checkpoints().empty() &&
                      m_run->history().checkpoints().back().step < m_run->history().lastStep();
    m_plots->setLostSteps(lost ? std::optional(qMakePair(m_run->history().checkpoints().back().step,
                                                         m_run->history().lastStep()))
                               : std::nullopt);
    m_plots->update(m_run->history(), lives);
    showRouting();
    showSamples();
    focusFirst(*this, m_plots->plot());
}

QString TunePage::memoryHint() const {
    const EngineLink* engine = services().engine;
    if (engine == nullptr || !engine->hasDevice() || engine->device().memoryTotal <= 0) return tr("GiB");
    return tr("of %1 GiB")
        .arg(static_cast<double>(engine->device().memoryTotal) / (1024.0 * 1024.0 * 1024.0), 0, 'f', 1);
}

void TunePage::showState() {
    const bool any = !m_run->id().isEmpty();
    m_center->setCurrentIndex(any ? 1 : 0);
    for (QWidget* widget :
         QList<QWidget*>{m_run->box(), m_tag, m_sampleButton, m_checkpointButton, m_mainButton, m_stopButton,
                         m_progress, m_routingPane, m_samplesPane})
        widget->setVisible(any);
    if (!any) {
        m_stateBar->hide();
        m_alarmBar->hide();
        m_fromButton->hide();
        if (m_from != nullptr) m_from->setEnabled(false);
        return;
    }
    const RunState now = state();
    m_tag->setText(stateText(now));
    m_tag->setTone(toneOf(now));
    const bool usable = services().engine != nullptr && services().engine->isUsable();
    const bool works = usable && m_run->isHeld() && (now == RunState::Running || now == RunState::Paused);
    const bool busy = services().runs != nullptr && services().runs->live().isActive() && !m_run->isHeld();
    struct Main {
        QString text, icon;
        bool enabled;
        QString tip;
    };
    Main main{tr("Pause"), QStringLiteral("pause"), works, tr("Everything stays in memory (Ctrl+P)")};
    switch (now) {
        case RunState::Paused:
            main = {tr("Continue"), QStringLiteral("play"), works, tr("Goes on with the next step (Ctrl+P)")};
            break;
        case RunState::Created:
            if (busy)
                main = {tr("Add to queue"), QStringLiteral("plus"), true,
                        tr("Another run is tuning; this one starts behind those that wait")};
            else
                main = {tr("Start"), QStringLiteral("play"), usable, tr("Starts tuning (Ctrl+R)")};
            break;
        case RunState::Queued: {
            const RunEntry* run = m_run->entry();
            const int before = run != nullptr ? run->queuePlace : 0;
            main = {tr("Start the queue"), QStringLiteral("play"), usable && !busy,
                    before > 0 ? tr("%n run(s) wait before this one", nullptr, before)
                               : tr("This run is the next one")};
            break;
        }
        case RunState::Stopped:
        case RunState::Interrupted:
        case RunState::Failed:
            main = {tr("Resume"), QStringLiteral("play"), usable && !busy,
                    tr("Goes on from the newest verified checkpoint (Ctrl+R)")};
            break;
        case RunState::Finished:
            main.enabled = false;
            break;
        default:
            break;
    }
    if (busy && !main.enabled) main.tip = tr("Another run is tuning. Stop it first.");
    m_mainButton->setText(main.text);
    // while the shell's bar offers to go on after the engine's death, that is what the page is for
    const bool primary = services().runs == nullptr || !services().runs->live().engineDied;
    if (primary != m_mainButton->property("primary").toBool()) setPrimary(m_mainButton, primary);
    const QColor ink = Theme::color(!main.enabled ? Token::Text3 : primary ? Token::OnAccent : Token::Text);
    if (const QString look = main.icon + ink.name();
        look != m_mainLook) {  // icons are drawn from SVG: not ten times a second
        m_mainLook = look;
        m_mainButton->setIcon(widgets::themeIcon(main.icon, ink));
    }
    m_mainButton->setEnabled(main.enabled);
    m_mainButton->setToolTip(main.tip);
    m_mainButton->setVisible(now != RunState::Finished);
    m_main->setText(main.text);
    m_main->setEnabled(main.enabled);
    for (QPushButton* button : {m_sampleButton, m_checkpointButton, m_stopButton}) {
        button->setEnabled(works);
        button->setVisible(now == RunState::Running || now == RunState::Paused || now == RunState::Loading ||
                           now == RunState::Stopping);
    }
    if (const RunEntry* run = m_run->entry(); run != nullptr && run->recipe.tune.samples.empty()) {
        m_sampleButton->setEnabled(false);
        m_sampleButton->setToolTip(tr("The run has no sample prompts."));
    }
    m_command->setText(commandLine());
    m_command->setToolTip(commandLine());
    showResumeMenu();
    showProgress();
    showMessages();
    setWindowTitlePart(m_run->id().isEmpty() ? QString() : tr("Tune"));
}

void TunePage::showProgress() {
    const RunState now = state();
    const std::int64_t total = totalSteps();
    engine::StepIndex step = m_run->history().lastStep();
    if (m_run->isHeld()) step = std::max(step, services().runs->live().step);
    const RunEntry* run = m_run->entry();
    if ((m_run->history().isEmpty() || m_run->isLoading()) && run != nullptr)
        step = std::max(step, run->step);
    RunProgress::Tone tone = RunProgress::Tone::Running;
    if (now == RunState::Finished)
        tone = RunProgress::Tone::Done;
    else if (now == RunState::Failed || now == RunState::Interrupted)
        tone = RunProgress::Tone::Failed;
    else if (now != RunState::Running && now != RunState::Loading)
        tone = RunProgress::Tone::Paused;
    QVector<RunProgress::Fact> facts;
    const LiveRun live = m_run->isHeld() ? services().runs->live() : LiveRun{};
    if (now == RunState::Loading || (live.stage && step == 0)) {
        const engine::Progress stage = live.stage.value_or(engine::Progress{.stage = "loading"});
        m_progress->setProgress(
            stage.total > 0 ? static_cast<double>(stage.done) / static_cast<double>(stage.total) : -1,
            RunProgress::Tone::Paused);
        facts.append({QString(), stageWords(stage)});
        m_progress->setTicks({});
        m_progress->setFacts(facts);
        return;
    }
    m_progress->setProgress(total > 0 ? static_cast<double>(step) / static_cast<double>(total) : -1, tone);
    facts.append({tr("Step"), total > 0 ? tr("%1 of %2").arg(withThousands(step), withThousands(total))
                                        : withThousands(step)});
    if (!m_run->history().steps().empty()) {
        const StepRow last = m_run->history().steps().back();
        facts.append({tr("Elapsed"), durationText(last.seconds)});
        if (now == RunState::Running) {
            const double left = live.secondsLeft >= 0 ? live.secondsLeft
                                : total > step
                                    ? m_run->history().secondsPerStep() * static_cast<double>(total - step)
                                    : -1;
            if (left > 0) facts.append({tr("Left"), tr("about %1").arg(durationText(roundedTimeLeft(left)))});
        }
        QString tokens = parameterCount(std::llround(last.tokens));
        if (total > 0 && step > 0 && now != RunState::Finished)
            tokens = tr("%1 of %2")
                         .arg(tokens, parameterCount(std::llround(last.tokens * static_cast<double>(total) /
                                                                  static_cast<double>(step))));
        facts.append({tr("Tokens seen"), tokens});
    }
    const engine::StepIndex checkpoint =
        std::max(m_run->history().checkpoints().empty() ? -1 : m_run->history().checkpoints().back().step,
                 live.lastCheckpoint);
    facts.append({tr("Last checkpoint"),
                  checkpoint >= 0 ? tr("step %1, verified").arg(withThousands(checkpoint)) : tr("none")});
    if (live.stage) facts.append({QString(), stageWords(*live.stage)});
    if (m_run->isLoading() && m_run->loadedShare() > 0)
        facts.append({tr("Reading"), tr("%1 % of its steps").arg(std::lround(100 * m_run->loadedShare()))});
    m_progress->setFacts(facts);
    QVector<double> ticks;
    if (total > 0)
        for (const engine::CheckpointInfo& info : m_run->history().checkpoints())
            ticks.append(static_cast<double>(info.step) / static_cast<double>(total));
    m_progress->setTicks(ticks);
}

void TunePage::showMessages() {
    const RunState now = state();
    const LiveRun live = m_run->isHeld() ? services().runs->live() : LiveRun{};
    const RunEntry* run = m_run->entry();
    const std::optional<engine::Error> reason = live.reason      ? live.reason
                                                : run != nullptr ? run->reason
                                                                 : std::nullopt;
    engine::StepIndex step = std::max(m_run->history().lastStep(), live.step);
    if (m_run->isLoading() && run != nullptr) step = std::max(step, run->step);
    const auto message = [this](MessageBar::Kind kind, const QString& title, const QString& text) {
        if (!m_stateBar->isHidden() && m_stateBar->kind() == kind && m_stateBar->title() == title &&
            m_stateBar->text() == text)
            return false;
        m_stateBar->showMessage(kind, title, text);
        return true;
    };
    switch (now) {
        case RunState::Paused:
            showPaused(reason, step);
            break;
        case RunState::Stopping:
            message(MessageBar::Kind::Information, tr("Stopping."),
                    tr("The checkpoint of step %1 is being written and read back.").arg(withThousands(step)));
            break;
        case RunState::Stopped:
            message(MessageBar::Kind::Information, tr("Stopped at step %1.").arg(withThousands(step)),
                    tr("It is saved; Resume goes on with exactly the next step."));
            break;
        case RunState::Finished: {
            const engine::Evaluation* best = m_run->history().bestEvaluation();
            const bool early = run != nullptr && run->recipe.tune.earlyStop > 0 && step < totalSteps();
            const bool told =
                message(MessageBar::Kind::Success,
                        early ? tr("Stopped early after %1 of %2 steps: the held-out loss got no better.")
                                    .arg(withThousands(step), withThousands(totalSteps()))
                              : tr("Finished after %1 steps.").arg(withThousands(step)),
                        best != nullptr ? tr("★ Best held-out loss %1 at step %2, mean over domains.")
                                              .arg(realText(best->mean), withThousands(best->step))
                                        : tr("The run has no held-out data."));
            if (told)
                connect(m_stateBar->addButton(tr("Chat")), &QPushButton::clicked, this, [this] {
                    Q_EMIT linkActivated(QStringLiteral("chat"), {{QStringLiteral("run"), m_run->id()}});
                });
            break;
        }
        case RunState::Failed:
        case RunState::Interrupted: {
            if (live.engineDied) {  // the shell's own bar tells it
                m_stateBar->hide();
                break;
            }
            const QString title = now == RunState::Failed
                                      ? tr("The run failed at step %1.").arg(withThousands(step))
                                      : tr("The run was interrupted at step %1.").arg(withThousands(step));
            const engine::StepIndex checkpoint =
                m_run->history().checkpoints().empty() ? -1 : m_run->history().checkpoints().back().step;
            const QString from =
                checkpoint >= 0
                    ? tr("Step %1 is verified; Resume goes on from there.").arg(withThousands(checkpoint))
                    : tr("No checkpoint was written.");
            // "from" says what to do, so the reason's own advice stays away where a checkpoint waits.
            ErrorWords why = reason ? words(*reason) : ErrorWords();
            if (checkpoint >= 0 && reason && reason->code == engine::ErrorCode::EngineGone) why.todo.clear();
            const QString said = why.oneLine();
            message(MessageBar::Kind::Error, title, said.isEmpty() ? from : said + QLatin1Char(' ') + from);
            break;
        }
        default:
            m_stateBar->hide();
    }
    showAlarm();
}

void TunePage::showRouting() {
    if (!isActive()) {
        m_stale = true;
        return;
    }
    const RunEntry* run = m_run->entry();
    if (run != nullptr && run->recipe.upcycle.method == engine::UpcycleMethod::None) {
        m_routing->clear(tr("This run has no experts."));
        m_routingPane->header()->setContext({});
        return;
    }
    const auto& latest = m_run->history().latest();
    const engine::RoutingRecord* record = m_record  ? m_record.get()
                                          : m_brush ? nullptr
                                          : m_run->history().latestRouting()
                                              ? &*m_run->history().latestRouting()
                                              : nullptr;
    // A step's loads may be newer than the newest record.
    if (record != nullptr && !m_brush && latest && !latest->expertLoad.empty() &&
        latest->step > record->step && m_run->isHeld()) {
        m_routing->show(viewOf(latest->expertLoad, record->layers), m_run->modelLayers());
        m_routingPane->header()->setContext(
            tr("step %1, all domains, both choices").arg(withThousands(latest->step)));
        return;
    }
    if (record != nullptr) {
        m_routing->show(viewOf(*record, {}), m_run->modelLayers());
        const QString when =
            record->firstStep < record->step
                ? tr("steps %1 to %2").arg(withThousands(record->firstStep), withThousands(record->step))
                : tr("step %1").arg(withThousands(record->step));
        m_routingPane->header()->setContext(tr("%1, all domains, both choices").arg(when));
    } else if (latest && !latest->expertLoad.empty()) {
        m_routing->show(viewOf(latest->expertLoad, {}), m_run->modelLayers());
        m_routingPane->header()->setContext(
            tr("step %1, all domains, both choices").arg(withThousands(latest->step)));
    } else {
        m_routing->clear(m_brush ? tr("No routing was logged in these steps.")
                                 : tr("Routing appears after the first logged step."));
        m_routingPane->header()->setContext({});
    }
}

void TunePage::showSamples() {
    m_samples->setSamples(m_run->history().samples());
}

}  // namespace caravan::ui

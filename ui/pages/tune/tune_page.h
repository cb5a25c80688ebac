// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <memory>

#include "engine/api/alarm_text.h"
#include "ui/bridge/engine_link.h"
#include "ui/page.h"
#include "ui/project_context.h"
#include "ui/run_follower.h"

class QMenu;
class QStackedWidget;
class QToolButton;

namespace caravan::widgets {
class Chip;
class MessageBar;
}  // namespace caravan::widgets

namespace caravan::ui {

class LiveRouting;
class Pane;
class RoutingSource;
class RunProgress;
class SamplesView;
class ThemedLabel;
class TunePlots;

// A run while it learns, or any earlier one: curves, lanes, routing map, samples, its state and what can be
// done.
class TunePage : public Page {
    Q_OBJECT
  public:
    explicit TunePage(const Services& services, QWidget* parent = nullptr);
    ~TunePage() override;

    void setProject(ProjectContext* project) override;
    void showRun(const QString& runId) override;
    void openLink(const QVariantMap& arguments) override;
    void setActive(bool active) override;
    [[nodiscard]] QAction* mainAction() const override { return m_main; }
    [[nodiscard]] QStringList keyHints() const override;

    // For tests and the journey.
    [[nodiscard]] QString shownRun() const { return m_run->id(); }
    [[nodiscard]] const RunHistory& history() const { return m_run->history(); }
    [[nodiscard]] TunePlots* plots() const { return m_plots; }
    [[nodiscard]] LiveRouting* liveRouting() const { return m_routing; }
    [[nodiscard]] SamplesView* samples() const { return m_samples; }
    [[nodiscard]] QStringList overlaid() const { return m_overlaid; }
    [[nodiscard]] RunProgress* progress() const { return m_progress; }
    [[nodiscard]] widgets::MessageBar* stateBar() const { return m_stateBar; }
    [[nodiscard]] widgets::MessageBar* alarmBar() const { return m_alarmBar; }
    [[nodiscard]] QString stateTag() const;
    [[nodiscard]] QString commandLine() const;
    [[nodiscard]] int refreshCount() const { return m_refreshes; }

  private:
    void makeHeader();
    void makeCenter();
    void makeDocks();
    void connectServices();
    void runChosen();
    void renew();      // all of it is stale: now if the page is shown
    void renewSoon();  // with what else comes within a tenth of a second
    void refresh();    // everything that is stale, if the page is shown
    void showState();
    void showProgress();
    void showMessages();
    void showPaused(const std::optional<engine::Error>& reason, engine::StepIndex step);
    void showAlarm();
    struct Remedy {
        std::string key;
        double value;
        QString words;
        bool proceeds;
    };
    [[nodiscard]] engine::AlarmFacts factsOf(const engine::Alarm& alarm) const;
    [[nodiscard]] std::optional<Remedy> remedyOf(const engine::Alarm& alarm) const;
    void addRemedies(const engine::Alarm& alarm, const engine::AlarmFacts& facts);
    void showRouting();
    void showSamples();
    void actMain();
    void makeBatchActions();
    void makeResumeMenu();
    void showResumeMenu();
    void fillResumeMenu(QMenu* menu);
    void resumeFrom(engine::StepIndex step, engine::StepIndex newest);
    [[nodiscard]] QVector<engine::Evaluation> checkpointsThere() const;
    void readPower();
    void notePower();
    [[nodiscard]] engine::StepIndex stepAtCursor() const;
    void showBatch(engine::StepIndex step);
    void makeOverlayMenu();
    void overlay(const QString& run, bool on);
    void readOverlays();
    [[nodiscard]] QString memoryHint() const;
    [[nodiscard]] engine::RunState state() const;
    [[nodiscard]] std::int64_t totalSteps() const;

    RunFollower* m_run;
    std::shared_ptr<const engine::RoutingRecord> m_record;  // of the brush, or of a run that is not live
    std::optional<QPair<qint64, qint64>> m_brush;
    QStringList m_overlaid;  // runs behind this one's curves
    QString m_closedAlarm, m_alarmText, m_mainLook;
    QStringList m_hinted;  // what the status bar tells of the keys
    bool m_alarmActs = false;                               // a remedy is offered
    bool m_stale = true;
    int m_refreshes = 0;
    QTimer m_refresh;

    widgets::Chip* m_tag = nullptr;
    QAction* m_main = nullptr;
    QAction* m_batch = nullptr;
    QAction* m_from = nullptr;
    QPushButton* m_fromButton = nullptr;
    QPushButton* m_mainButton = nullptr;
    QPushButton* m_sampleButton = nullptr;
    QPushButton* m_checkpointButton = nullptr;
    QPushButton* m_stopButton = nullptr;
    RunProgress* m_progress = nullptr;
    widgets::MessageBar* m_stateBar = nullptr;
    widgets::MessageBar* m_alarmBar = nullptr;
    QStackedWidget* m_center = nullptr;
    ThemedLabel* m_command = nullptr;
    TunePlots* m_plots = nullptr;
    LiveRouting* m_routing = nullptr;
    SamplesView* m_samples = nullptr;
    Pane* m_routingPane = nullptr;
    Pane* m_samplesPane = nullptr;
    RoutingSource* m_source = nullptr;
};

[[nodiscard]] Page* makeTunePage(const Services& services, QWidget* parent);

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <QTimer>
#include <memory>

#include "ui/bridge/engine_link.h"
#include "ui/page.h"
#include "ui/project_context.h"
#include "ui/routing_view.h"
#include "ui/run_follower.h"

class QMenu;
class QSpinBox;
class QStackedWidget;
class QToolButton;

namespace caravan::engine {
struct RoutingAnalysis;
}

namespace caravan::widgets {
class ChartPane;
class Chip;
class ExpertBars;
class ExpertChip;
class FillLegend;
class HeatMap;
class LoadBars;
struct HeatMapData;
class MessageBar;
class TimelineScrubber;
}  // namespace caravan::widgets

namespace caravan::ui {

class AnalysisBar;
class AnalysisPanes;
class AnalysisSource;
class ApproximationDialog;
class CellInspector;
struct CellFacts;
class CompareBar;
class Pane;
class PaneHeader;
class RoutingFilters;
class RoutingSource;
class StatisticTiles;
class ThemedLabel;
class TokenList;

// Which experts the tokens go to: the map at any logged step or live, by domain, choice, role; shares of a
// layer; a cell.
class RoutingPage : public Page {
    Q_OBJECT
  public:
    explicit RoutingPage(const Services& services, QWidget* parent = nullptr);
    ~RoutingPage() override;

    void setProject(ProjectContext* project) override;
    void showRun(const QString& runId) override;
    void openLink(const QVariantMap& arguments) override;  // run, layer, expert, step
    void setActive(bool active) override;
    [[nodiscard]] QStringList keyHints() const override;
    [[nodiscard]] QVector<FoundItem> found() const override;  // experts, those that deviate first

    // For tests and the journey.
    [[nodiscard]] widgets::HeatMap* map() const { return m_map; }
    [[nodiscard]] widgets::ExpertBars* bars() const { return m_bars; }
    [[nodiscard]] widgets::LoadBars* loads() const;
    [[nodiscard]] widgets::TimelineScrubber* timeline() const { return m_timeline; }
    [[nodiscard]] RoutingFilters* filters() const { return m_filters; }
    [[nodiscard]] StatisticTiles* tiles() const { return m_tiles; }
    [[nodiscard]] const RoutingView& view() const { return m_view; }
    [[nodiscard]] bool followsLive() const { return m_follow; }
    [[nodiscard]] engine::StepIndex shownStep() const;
    [[nodiscard]] QString liveTag() const;
    [[nodiscard]] int refreshCount() const { return m_refreshes; }
    [[nodiscard]] AnalysisSource* analysis() const { return m_analysis; }
    [[nodiscard]] AnalysisPanes* analysisPanes() const { return m_panes; }
    [[nodiscard]] AnalysisBar* analysisBar() const { return m_analysisBar; }
    [[nodiscard]] TokenList* tokens() const;
    [[nodiscard]] CellInspector* cell() const { return m_cell; }
    [[nodiscard]] CellInspector* pinned() const { return m_pinned; }  // shows nothing: none is pinned
    [[nodiscard]] widgets::MessageBar* copiesBar() const { return m_copiesBar; }
    void pinCell(bool pinned);
    [[nodiscard]] CompareBar* compareBar() const { return m_compareBar; }
    [[nodiscard]] QPushButton* compareButton() const { return m_compareButton; }
    [[nodiscard]] QMenu* analyseMenu();  // as it would open now
    [[nodiscard]] bool isComparing() const;
    void openApproximation();                                  // how wide adapters would have to be
    [[nodiscard]] ApproximationDialog* approximation() const;  // null: closed
    void setPlaying(bool playing);
    [[nodiscard]] bool isPlaying() const { return m_play.isActive(); }

  private:
    void makeHeader();
    void makeBars();
    void makeCenter();
    void makePanes();
    void makeKeys();
    void connectServices();
    void runChosen();
    void renewSoon();
    void takeRecord(std::shared_ptr<const engine::RoutingRecord> record);
    void goTo(qint64 step);
    void setFollow(bool follow);
    void refresh();
    void showEmpty();
    void showView();
    void showTiles();
    void showTimeline();
    void showLayer();
    void makeCellPanes();
    void showCell();
    [[nodiscard]] CellFacts cellFacts() const;
    void showCopies();
    [[nodiscard]] QString whyNotMeasured() const;
    void makeAnalysis();
    void fillAnalyseMenu();
    void showAnalysisBar();
    void showAnalysis();
    [[nodiscard]] QVector<qint64> checkpoints() const;  // whose files are there
    [[nodiscard]] QString whyNotAnalyse(const QVector<qint64>& steps) const;
    void makeComparison();
    void setComparing(bool comparing);
    [[nodiscard]] widgets::HeatMapData shownMap();
    [[nodiscard]] QString cellTip(int row, int expert) const;
    [[nodiscard]] int selectedLayer() const;  // position in the record; -1 = none

    RunFollower* m_run;
    std::shared_ptr<const engine::RoutingRecord> m_record;
    RoutingView m_view;
    std::int64_t m_allLayers = 0;
    bool m_follow = true, m_stale = true;
    std::optional<QPair<qint64, int>> m_wantedCell;  // layer index, expert: of a link
    int m_refreshes = 0;
    QTimer m_refresh, m_poll, m_play;

    widgets::Chip* m_tag = nullptr;
    QPushButton* m_tableButton = nullptr;
    QPushButton* m_exportButton = nullptr;
    RoutingFilters* m_filters = nullptr;
    StatisticTiles* m_tiles = nullptr;
    QWidget* m_timeBar = nullptr;
    QToolButton* m_playButton = nullptr;
    QSpinBox* m_step = nullptr;
    QPushButton* m_followButton = nullptr;
    widgets::TimelineScrubber* m_timeline = nullptr;
    QStackedWidget* m_center = nullptr;
    ThemedLabel* m_empty = nullptr;
    PaneHeader* m_mapHeader = nullptr;
    widgets::HeatMap* m_map = nullptr;
    widgets::ChartPane* m_mapPane = nullptr;
    ThemedLabel* m_mapNote = nullptr;
    Pane* m_sharesPane = nullptr;
    widgets::FillLegend* m_legend = nullptr;
    widgets::ExpertBars* m_bars = nullptr;
    widgets::ChartPane* m_barsPane = nullptr;
    Pane* m_cellPane = nullptr;
    widgets::ExpertChip* m_chip = nullptr;
    CellInspector* m_cell = nullptr;
    QToolButton* m_pinButton = nullptr;
    Pane* m_pinnedPane = nullptr;
    widgets::ExpertChip* m_pinnedChip = nullptr;
    CellInspector* m_pinned = nullptr;
    RoutingSource* m_source = nullptr;
    AnalysisSource* m_analysis = nullptr;
    AnalysisPanes* m_panes = nullptr;
    AnalysisBar* m_analysisBar = nullptr;
    widgets::MessageBar* m_analysisMessage = nullptr;
    QPushButton* m_analyseButton = nullptr;
    QMenu* m_analyseMenu = nullptr;
    QPointer<ApproximationDialog> m_approximation;
    widgets::MessageBar* m_copiesBar = nullptr;
    std::weak_ptr<const engine::RoutingAnalysis> m_copiesOf;  // what the bar was made for
    RoutingSource* m_other = nullptr;
    std::shared_ptr<const engine::RoutingRecord> m_otherRecord;
    CompareBar* m_compareBar = nullptr;
    QPushButton* m_compareButton = nullptr;
    int m_curve = 0;  // of the tiles: what the timeline draws
};

[[nodiscard]] Page* makeRoutingPage(const Services& services, QWidget* parent);

}  // namespace caravan::ui

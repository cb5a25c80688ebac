// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <optional>

#include "engine/api/data_preview.h"
#include "engine/api/run_events.h"
#include "ui/format/stage_clock.h"
#include "ui/page.h"

class QComboBox;
class QLabel;
class QProgressBar;
class QPushButton;
class QStackedWidget;
class QTableView;

namespace caravan::widgets {
class MessageBar;
class StackBar;
}  // namespace caravan::widgets

namespace caravan::ui {

class BatchView;
class DataFilesModel;
class DataProblemsModel;
class LengthPlot;
class PaneHeader;
class ThemedLabel;

// Files with domain and weight, the mix, rows with problems, row lengths, and the first batch exactly as the
// model sees it. The recipe is the truth; figures come from the engine's `preview` of it.
class DataPage : public Page {
    Q_OBJECT
  public:
    DataPage(const Services& services, QWidget* parent);

    void setProject(ProjectContext* project) override;
    void setActive(bool active) override;
    bool takeDrop(const QStringList& paths) override;
    [[nodiscard]] QAction* mainAction() const override { return m_start; }
    void openLink(const QVariantMap& arguments) override;  // {"setting": "template" or "cut"}
    [[nodiscard]] QStringList keyHints() const override;
    [[nodiscard]] QString statusFact() const override;
    [[nodiscard]] QVector<FoundItem> found() const override;  // the settings that stand here

    void addFiles(const QStringList& paths, bool heldout);
    // Why tuning cannot start, in words; "" = it can.
    [[nodiscard]] QString hindrance() const;

  private:
    QWidget* makeLeft();
    QWidget* makeRight();
    QWidget* makeFiles();
    QWidget* makeMix();
    QWidget* makeProblems();
    QWidget* makeTotals();
    QWidget* makeFooter();
    QWidget* makeEmpty();
    [[nodiscard]] int tableHeight() const;
    [[nodiscard]] QString lossWords() const;
    void openMapping();
    void openSplit();
    void setLongRows(engine::LongRows what);
    void setTemplate(const QString& name);
    [[nodiscard]] int currentFile() const;  // row of the files' table; -1 = none
    void makeActions();
    void removeSelected();
    void renewUse();
    void exportProblems();
    void openRow(const QString& file, qint64 line);
    void recipeChanged();
    void requestPreview();
    void dropRequest();
    void takePreview(const engine::Result<engine::DataPreview>& preview);
    void showPreview();
    void showProgress(const engine::Progress& progress);
    void showState();
    void startTuning();
    void commitData(const engine::Recipe::Data& data, const QString& text, const QString& mergeKey);

    DataFilesModel* m_files;
    DataProblemsModel* m_problems;
    QStackedWidget* m_stack;
    QTableView* m_table = nullptr;
    QTableView* m_problemTable = nullptr;
    QStackedWidget* m_problemStack = nullptr;
    QPushButton* m_exportButton = nullptr;
    PaneHeader* m_mixHeader = nullptr;
    PaneHeader* m_problemHeader = nullptr;
    PaneHeader* m_batchHeader = nullptr;
    ThemedLabel* m_totals[4] = {};  // used, cut, answer tokens lost, held out
    QLabel* m_verdictIcon = nullptr;
    ThemedLabel* m_verdict = nullptr;
    widgets::StackBar* m_byRows = nullptr;
    widgets::StackBar* m_byTokens = nullptr;
    LengthPlot* m_lengths = nullptr;
    BatchView* m_batch = nullptr;
    QProgressBar* m_progress = nullptr;
    QPushButton* m_cancel = nullptr;
    QPushButton* m_addButton = nullptr;
    QPushButton* m_startButton = nullptr;
    widgets::MessageBar* m_message;
    QAction* m_add = nullptr;
    QAction* m_addHeldout = nullptr;
    QAction* m_remove = nullptr;
    QAction* m_mapping = nullptr;
    QAction* m_split = nullptr;
    QAction* m_use = nullptr;
    QComboBox* m_template = nullptr;
    QAction* m_start = nullptr;
    QTimer m_debounce;
    quint64 m_request = 0;  // the preview that is waited for; 0 = none
    StageClock m_clock;
    QString m_reading;    // how far the engine is with it
    bool m_stale = true;  // the recipe changed since the preview
    bool m_starting = false;
    std::string m_shownKey, m_askedKey;  // data, model, length of the shown preview, of the last request
    std::optional<engine::DataPreview> m_preview;
    std::optional<engine::Error> m_error;
};

[[nodiscard]] Page* makeDataPage(const Services& services, QWidget* parent);

}  // namespace caravan::ui

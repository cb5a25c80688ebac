// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>

#include <functional>

#include "ui/page.h"
#include "ui/pages/runs/queue_bar.h"
#include "ui/pages/runs/runs_model.h"

class QCheckBox;
class QLineEdit;
class QStackedWidget;
class QTableView;

namespace caravan::widgets {
class MessageBar;
class Segmented;
}  // namespace caravan::widgets

namespace caravan::ui {

class PaneHeader;
class RunDifferences;
class RunNotifier;
class RunOverlay;
class ThemedLabel;

// All runs of the project: what they are, how they ended, their curves over each other, and only what
// differs.
class RunsPage : public Page {
    Q_OBJECT
  public:
    RunsPage(const Services& services, QWidget* parent);

    void setProject(ProjectContext* project) override;
    void setActive(bool active) override;
    void showRun(const QString& runId) override;
    [[nodiscard]] QAction* mainAction() const override { return m_open; }
    [[nodiscard]] QStringList keyHints() const override;
    [[nodiscard]] QString statusFact() const override;
    bool takeDrop(const QStringList& paths) override;  // run folders

    // For tests and the journey.
    [[nodiscard]] RunsModel* model() const { return m_model; }
    [[nodiscard]] QTableView* table() const { return m_table; }
    [[nodiscard]] RunOverlay* overlay() const { return m_overlay; }
    [[nodiscard]] RunDifferences* differences() const { return m_differences; }
    [[nodiscard]] QueueBar* queueBar() const { return m_queue; }
    [[nodiscard]] RunNotifier* notifier() const { return m_notifier; }
    void exportReport(const QString& path);  // of the current run
    void setEndDelay(int milliseconds) { m_endDelay = milliseconds; }
    // Instead of closing the window or starting a process.
    void setEndHandler(std::function<void(QueueBar::EndAction, const QString&)> handler) {
        m_endHandler = std::move(handler);
    }

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void makeActions();
    void makeHeader();
    [[nodiscard]] QWidget* makeTable();
    [[nodiscard]] QWidget* makeDifferences();
    [[nodiscard]] QWidget* makeEmpty();
    void takeRuns();
    void readFigures();
    void renewKinds();
    void showChecked();
    void currentChanged();
    void duplicate();
    void editNote();
    void moveToTrash();
    // runs_queue.cpp
    void makeQueueActions();
    void showQueue();
    void moveInQueue(int by);
    bool dragQueued(QEvent* event);
    void runStateChanged(engine::RunState state);
    void endWhenDone();
    void endNow();
    void chooseReport();
    void chooseImport();
    [[nodiscard]] QVector<RunEntry> arranged(const QVector<RunEntry>& runs) const;
    void tellError(const engine::Error& error);
    [[nodiscard]] QString currentRun() const;  // id; "" = none

    RunsModel* m_model;
    RunsFilter* m_filter;
    RunDifferences* m_differences;
    RunOverlay* m_overlay = nullptr;
    QTableView* m_table = nullptr;
    QStackedWidget* m_stack = nullptr;
    QLineEdit* m_search = nullptr;
    widgets::Segmented* m_kind = nullptr;
    QPushButton* m_duplicateButton = nullptr;
    QPushButton* m_newButton = nullptr;
    PaneHeader* m_differencesHeader = nullptr;
    ThemedLabel* m_same = nullptr;
    widgets::MessageBar* m_message = nullptr;
    QAction* m_open = nullptr;
    QAction* m_rename = nullptr;
    QAction* m_tags = nullptr;
    QAction* m_note = nullptr;
    QAction* m_duplicate = nullptr;
    QAction* m_delete = nullptr;
    QAction* m_enqueue = nullptr;
    QAction* m_unqueue = nullptr;
    QAction* m_up = nullptr;
    QAction* m_down = nullptr;
    QAction* m_report = nullptr;
    QAction* m_import = nullptr;
    QueueBar* m_queue = nullptr;
    RunNotifier* m_notifier = nullptr;
    QPushButton* m_reportButton = nullptr;
    QString m_dragged;  // a queued run under the pressed mouse
    bool m_someEnded = false;
    int m_endDelay = 10000;  // ms in which an end action can be called off
    QTimer m_endTimer;
    std::function<void(QueueBar::EndAction, const QString&)> m_endHandler;
    QHash<QString, QString> m_read;  // by run: how far it was when its figures were read
    QTimer m_figures;                // of the live run, once a second
    bool m_checkedOnce = false;
    bool m_stale = false;
};

[[nodiscard]] Page* makeRunsPage(const Services& services, QWidget* parent);

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QThreadPool>
#include <QVector>
#include <memory>
#include <optional>

#include "engine/api/routing_analysis.h"
#include "engine/api/saturation_curve.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"  // Error as a queued value

namespace caravan::ui {

// The routing analyses of one run: those that lie in its folder, read on a thread of its own, and new ones,
// asked of the engine one after the other. GUI thread.
class AnalysisSource : public QObject {
    Q_OBJECT

  public:
    explicit AnalysisSource(EngineLink* engine, QObject* parent = nullptr);
    ~AnalysisSource() override;

    void setRun(const QString& runFolder);  // "" = none; forgets what was read, cancels what was asked
    // Steps that were analysed, ascending.
    [[nodiscard]] const QVector<qint64>& steps() const { return m_steps; }
    // The analysed step to show beside a step: the last one up to it, else the first; -1 = there is none.
    [[nodiscard]] qint64 stepFor(qint64 step) const;
    void show(qint64 step);  // -> changed() when it has been read; -1 = none
    [[nodiscard]] std::shared_ptr<const engine::RoutingAnalysis> current() const { return m_current; }

    // Of all analyses together; no points until it has been read.
    [[nodiscard]] const engine::SaturationCurve& saturation() const { return m_saturation; }

    struct Wish {
        qint64 step = 0;        // of a checkpoint
        qint64 reference = -1;  // of the last checkpoint; -1 = none
        QVector<qint64> mute;   // layers
    };
    void ask(const QVector<Wish>& wishes);
    void cancel();
    [[nodiscard]] bool isBusy() const { return m_request != 0; }
    [[nodiscard]] const std::optional<engine::Progress>& progress() const { return m_progress; }
    [[nodiscard]] qint64 busyStep() const { return m_wishes.isEmpty() ? -1 : m_wishes.first().step; }

  Q_SIGNALS:
    void changed();  // steps or current()
    void saturationChanged();
    void busyChanged();  // begun, ended, or come further
    void failed(const caravan::engine::Error& error);

  private:
    void list();
    void readCurve();
    void askNext();
    void finished(const engine::Result<engine::RoutingAnalysis>& result);

    EngineLink* m_engine;
    QThreadPool m_thread;
    QString m_run;
    QVector<qint64> m_steps;
    qint64 m_shown = -1;
    std::shared_ptr<const engine::RoutingAnalysis> m_current;
    engine::SaturationCurve m_saturation;
    QVector<Wish> m_wishes;  // the first is being worked on
    quint64 m_request = 0;
    std::optional<engine::Progress> m_progress;
};

}  // namespace caravan::ui

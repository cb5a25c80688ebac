// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QThreadPool>
#include <QVector>
#include <memory>
#include <optional>

#include "engine/api/routing_file.h"

namespace caravan::ui {

// routing.bin of one run, read on a thread of its own; answers come on the GUI thread, the newest request
// wins.
class RoutingSource : public QObject {
    Q_OBJECT

  public:
    explicit RoutingSource(QObject* parent = nullptr);
    ~RoutingSource() override;

    void setRun(const QString& runFolder);  // "" = none; forgets what was read
    [[nodiscard]] QString run() const { return m_run; }
    // Last steps of the records, ascending.
    [[nodiscard]] const QVector<qint64>& steps() const { return m_steps; }
    [[nodiscard]] const std::optional<engine::RoutingShape>& shape() const { return m_shape; }
    void refresh();             // takes in what was appended
    void request(qint64 step);  // -> recordReady: the newest record at or before the step
    void requestSum(qint64 first, qint64 last);

  Q_SIGNALS:
    void stepsChanged();
    void recordReady(std::shared_ptr<const caravan::engine::RoutingRecord> record);
    void failed(const caravan::engine::Error& error);

  private:
    struct Reader;
    struct Answer;
    void start();

    QThreadPool m_thread;
    std::shared_ptr<Reader> m_reader;
    QString m_run;
    QVector<qint64> m_steps;
    std::optional<engine::RoutingShape> m_shape;
    std::optional<QPair<qint64, qint64>> m_wanted;  // first < 0: a single step
    bool m_busy = false, m_refresh = false;
};

}  // namespace caravan::ui

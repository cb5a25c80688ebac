// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/routing_source.h"

#include <QFileInfo>

#include "ui/bridge/background.h"

namespace caravan::ui {

// Used on the pool's one thread only.
struct RoutingSource::Reader {
    QString path;
    std::optional<engine::RoutingFileReader> file;
};

struct RoutingSource::Answer {
    std::optional<QVector<qint64>> steps;
    std::optional<engine::RoutingShape> shape;
    std::shared_ptr<const engine::RoutingRecord> record;
    std::optional<engine::Error> error;
};

RoutingSource::RoutingSource(QObject* parent) : QObject(parent) {
    m_thread.setMaxThreadCount(1);
}

RoutingSource::~RoutingSource() {
    m_thread.waitForDone();
}

void RoutingSource::setRun(const QString& runFolder) {
    if (runFolder == m_run) return;
    m_run = runFolder;
    m_reader = std::make_shared<Reader>();
    m_reader->path = runFolder + QStringLiteral("/routing.bin");
    m_steps.clear();
    m_shape.reset();
    m_wanted.reset();
    m_busy = false;
    m_refresh = false;
    Q_EMIT stepsChanged();
    if (!runFolder.isEmpty()) refresh();
}

void RoutingSource::refresh() {
    m_refresh = true;
    start();
}

void RoutingSource::request(qint64 step) {
    m_wanted = {-1, step};
    start();
}

void RoutingSource::requestSum(qint64 first, qint64 last) {
    m_wanted = {std::max<qint64>(0, first), last};
    start();
}

void RoutingSource::start() {
    if (m_busy || m_run.isEmpty() || (!m_refresh && !m_wanted)) return;
    m_busy = true;
    const auto wanted = std::exchange(m_wanted, std::nullopt);
    m_refresh = false;
    runInBackground<Answer>(
        &m_thread, this,
        [reader = m_reader, wanted] {
            Answer answer;
            if (!reader->file) {
                if (!QFileInfo::exists(reader->path))
                    return answer;  // no step was logged yet, or the run is dense
                auto opened = engine::RoutingFileReader::open(reader->path.toStdString());
                if (!opened) {
                    answer.error = opened.error();
                    return answer;
                }
                reader->file.emplace(std::move(*opened));
            }
            if (auto taken = reader->file->refresh(); !taken) {
                answer.error = taken.error();
                return answer;
            }
            answer.shape = reader->file->shape();
            answer.steps.emplace();
            for (const auto& entry : reader->file->entries())
                answer.steps->append(entry.step);
            if (!wanted) return answer;
            auto record = wanted->first < 0 ? reader->file->at(wanted->second)
                                            : reader->file->sum(wanted->first, wanted->second);
            if (!record)
                answer.error = record.error();
            else if (*record)
                answer.record = std::make_shared<engine::RoutingRecord>(std::move(**record));
            return answer;
        },
        [this, reader = m_reader](const Answer& answer) {
            if (reader != m_reader) return;  // of another run
            m_busy = false;
            if (answer.shape) m_shape = answer.shape;
            if (answer.steps && *answer.steps != m_steps) {
                m_steps = *answer.steps;
                Q_EMIT stepsChanged();
            }
            if (answer.record) Q_EMIT recordReady(answer.record);
            if (answer.error) Q_EMIT failed(*answer.error);
            start();
        });
}

}  // namespace caravan::ui

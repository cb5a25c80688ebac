// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/analysis_source.h"

#include <QDir>
#include <algorithm>

#include "ui/bridge/background.h"

namespace caravan::ui {
namespace {

constexpr std::int64_t kProbeTokens = 32768, kMuteTokens = 4096;

QVector<qint64> stepsIn(const QString& run) {
    QVector<qint64> steps;
    const QDir folder(run + QStringLiteral("/routing"));
    for (const QString& name : folder.entryList(QDir::Files, QDir::Name))
        if (const auto step = engine::analysisStep(name.toStdString())) steps.append(*step);
    std::sort(steps.begin(), steps.end());
    return steps;
}

}  // namespace

AnalysisSource::AnalysisSource(EngineLink* engine, QObject* parent) : QObject(parent), m_engine(engine) {
    m_thread.setMaxThreadCount(1);
}

AnalysisSource::~AnalysisSource() {
    m_thread.waitForDone();
}

void AnalysisSource::setRun(const QString& runFolder) {
    if (runFolder == m_run) return;
    cancel();
    m_run = runFolder;
    m_steps.clear();
    m_shown = -1;
    m_current.reset();
    m_saturation = {};
    Q_EMIT changed();
    Q_EMIT saturationChanged();
    list();
}

void AnalysisSource::list() {
    if (m_run.isEmpty()) return;
    runInBackground<QVector<qint64>>(
        &m_thread, this, [run = m_run] { return stepsIn(run); },
        [this, run = m_run](const QVector<qint64>& steps) {
            if (run != m_run || steps == m_steps) return;
            m_steps = steps;
            Q_EMIT changed();
            readCurve();
        });
}

void AnalysisSource::readCurve() {
    runInBackground<engine::SaturationCurve>(
        &m_thread, this, [run = m_run] { return engine::readSaturation(run.toStdString()); },
        [this, run = m_run](const engine::SaturationCurve& curve) {
            if (run != m_run) return;
            m_saturation = curve;
            Q_EMIT saturationChanged();
        });
}

qint64 AnalysisSource::stepFor(qint64 step) const {
    if (m_steps.isEmpty()) return -1;
    const auto after = std::upper_bound(m_steps.begin(), m_steps.end(), step);
    return after == m_steps.begin() ? m_steps.first() : *(after - 1);
}

void AnalysisSource::show(qint64 step) {
    if (step == m_shown) return;
    m_shown = step;
    if (step < 0) {
        m_current.reset();
        return;
    }
    using Read = std::shared_ptr<const engine::RoutingAnalysis>;
    const QString path = m_run + QLatin1Char('/') + QString::fromStdString(engine::analysisFile(step));
    runInBackground<Read>(
        &m_thread, this,
        [path]() -> Read {
            auto read = engine::readAnalysis(path.toStdString());
            return read ? std::make_shared<engine::RoutingAnalysis>(std::move(*read)) : nullptr;
        },
        [this, run = m_run, step](const Read& read) {
            if (run != m_run || step != m_shown) return;
            m_current = read;
            Q_EMIT changed();
        });
}

void AnalysisSource::ask(const QVector<Wish>& wishes) {
    if (isBusy() || m_engine == nullptr || m_run.isEmpty()) return;
    m_wishes = wishes;
    askNext();
}

void AnalysisSource::askNext() {
    if (m_wishes.isEmpty()) {
        Q_EMIT busyChanged();
        return;
    }
    const Wish& wish = m_wishes.first();
    const auto checkpoint = [this](qint64 step) {
        return engine::ModelSource{.path = (m_run + QStringLiteral("@%1").arg(step)).toStdString()};
    };
    engine::RoutingAnalysisRequest request;
    request.source = checkpoint(wish.step);
    request.maxTokens = kProbeTokens;
    request.muteTokens = kMuteTokens;
    request.mute.assign(wish.mute.begin(), wish.mute.end());
    if (wish.reference >= 0) request.reference = checkpoint(wish.reference);
    m_progress.reset();
    m_request = m_engine->requestAs<engine::RoutingAnalysis>(
        "routing.analyse", nlohmann::json(request), this,
        [this](const engine::Result<engine::RoutingAnalysis>& result) { finished(result); },
        [this](const engine::Progress& progress) {
            m_progress = progress;
            Q_EMIT busyChanged();
        });
    Q_EMIT busyChanged();
}

void AnalysisSource::finished(const engine::Result<engine::RoutingAnalysis>& result) {
    m_request = 0;
    m_progress.reset();
    if (!result) {
        m_wishes.clear();
        Q_EMIT busyChanged();
        if (result.error().code != engine::ErrorCode::Interrupted) Q_EMIT failed(result.error());
        return;
    }
    const qint64 step = m_wishes.isEmpty() ? result->step : m_wishes.takeFirst().step;
    if (!m_steps.contains(step)) m_steps.insert(std::lower_bound(m_steps.begin(), m_steps.end(), step), step);
    // What was saved may hold more than this request asked for: it is read again.
    m_shown = -1;
    Q_EMIT changed();
    readCurve();
    askNext();
}

void AnalysisSource::cancel() {
    m_wishes.clear();
    if (m_request == 0) return;
    m_engine->cancel(m_request);
}

}  // namespace caravan::ui

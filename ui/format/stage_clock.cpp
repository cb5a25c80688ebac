// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/format/stage_clock.h"

#include <QCoreApplication>

#include "ui/format/format.h"
#include "ui/format/stage_words.h"

namespace caravan::ui {
namespace {
constexpr qint64 kSilentMs = 2000;
constexpr double kShortSeconds = 10;  // as good as done

QString tr(const char* text) {
    return QCoreApplication::translate("StageClock", text);
}
}  // namespace

QString StageClock::left(const engine::Progress& progress, qint64 now) {
    if (progress.stage != m_stage || progress.done < m_first) {
        m_stage = progress.stage;
        m_began = now;
        m_first = progress.done;
    }
    const std::int64_t gone = progress.done - m_first, rest = progress.total - progress.done;
    if (now - m_began < kSilentMs || gone <= 0 || rest <= 0) return {};
    const double seconds =
        static_cast<double>(now - m_began) / 1000 * static_cast<double>(rest) / static_cast<double>(gone);
    return seconds < kShortSeconds ? QString() : timeLeftText(seconds);
}

QString StageClock::words(const engine::Progress& progress, qint64 now) {
    const QString left = this->left(progress, now);
    QString text = stageText(progress.stage);
    if (progress.total <= 0) return text;
    text += tr(", %1 of %2").arg(withThousands(progress.done), withThousands(progress.total));
    return left.isEmpty() ? text : text + QStringLiteral(" · ") + left;
}

QString StageClock::words(const engine::Progress& progress) {
    if (!m_clock.isValid()) m_clock.start();
    return words(progress, m_clock.elapsed());
}

QString StageClock::left(const engine::Progress& progress) {
    if (!m_clock.isValid()) m_clock.start();
    return left(progress, m_clock.elapsed());
}

}  // namespace caravan::ui

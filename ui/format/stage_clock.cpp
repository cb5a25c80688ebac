// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/format/stage_clock.h"

#include <QCoreApplication>

#include "ui/format/format.h"

namespace caravan::ui {
namespace {
constexpr qint64 kSilentMs = 2000;
constexpr double kShortSeconds = 10;  // as good as done

QString tr(const char* text) {
    return QCoreApplication::translate("StageClock", text);
}
}  // namespace

QString StageClock::words(const engine::Progress& progress, qint64 now) {
    if (progress.stage != m_stage || progress.done < m_first) {
        m_stage = progress.stage;
        m_began = now;
        m_first = progress.done;
    }
    QString text = QString::fromStdString(progress.stage);
    if (progress.total <= 0) return text;
    text += tr(", %1 of %2").arg(withThousands(progress.done), withThousands(progress.total));
    const std::int64_t gone = progress.done - m_first, left = progress.total - progress.done;
    if (now - m_began < kSilentMs || gone <= 0 || left <= 0) return text;
    const double seconds =
        static_cast<double>(now - m_began) / 1000 * static_cast<double>(left) / static_cast<double>(gone);
    return seconds < kShortSeconds ? text : text + QStringLiteral(" · ") + timeLeftText(seconds);
}

QString StageClock::words(const engine::Progress& progress) {
    if (!m_clock.isValid()) m_clock.start();
    return words(progress, m_clock.elapsed());
}

}  // namespace caravan::ui

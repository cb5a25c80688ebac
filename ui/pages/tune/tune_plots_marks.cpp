// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What stands beside the curves: alarms, the line of now, lost steps, the newest values of the lanes.
#include <cmath>

#include "ui/format/format.h"
#include "ui/pages/tune/tune_plots.h"
#include "widgets/curve_plot.h"

namespace caravan::ui {

void TunePlots::showMarks() {
    if (m_history->alarms().size() != m_alarms) {
        m_alarms = m_history->alarms().size();
        std::vector<widgets::CurvePlot::Mark> marks;
        for (const engine::Alarm& alarm : m_history->alarms())
            marks.push_back({xAt(alarm.step), tr("%1: alarm").arg(withThousands(alarm.step)), true});
        m_plot->setMarks(marks);
    }
    // Where tokens and time will end is not known: only steps are planned.
    m_plot->setPlannedEnd(m_axis == XAxis::Step ? static_cast<double>(m_total) : 0);
    m_plot->setNow(m_live && !m_history->steps().empty() ? std::optional(xOf(m_history->steps().back()))
                                                         : std::nullopt);
    if (m_lost)
        m_plot->setShade(qMakePair(xAt(m_lost->first), xAt(m_lost->second)));
    else
        m_plot->setShade(std::nullopt);
}

void TunePlots::showValues() {
    if (m_history->steps().empty()) return;
    const StepRow last = m_history->steps().back();
    const auto text = [](double value, const QString& words) {
        return std::isfinite(value) ? words : QStringLiteral("–");
    };
    m_plot->setLaneValue(Balance, text(last.balance, QString::number(last.balance, 'f', 3)));
    m_plot->setLaneValue(LearningRate, shortReal(last.learningRate));
    m_plot->setLaneValue(GradientNorm, text(last.gradientNorm, QString::number(last.gradientNorm, 'f', 3)));
    m_plot->setLaneValue(
        TokensPerSecond,
        text(last.tokensPerSecond,
             withThousands(std::llround(std::isfinite(last.tokensPerSecond) ? last.tokensPerSecond : 0))));
    m_plot->setLaneValue(
        Memory, text(last.memoryGiB, QString::number(last.memoryGiB, 'f', last.memoryGiB < 10 ? 2 : 1)));
}

}  // namespace caravan::ui

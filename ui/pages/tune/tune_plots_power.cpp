// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The lane of the device's power, which comes and goes with what is known of it.
#include "ui/format/format.h"
#include "ui/pages/tune/tune_plots.h"
#include "widgets/curve_plot.h"

namespace caravan::ui {
namespace {
QString wattsText(double watts) {
    return QString::number(watts, 'f', watts < 10 ? 1 : 0) + kThinSpace + QLatin1Char('W');
}
}  // namespace

bool TunePlots::hasPower() const {
    return m_plot->laneCount() > Power;
}

// Its curve stands before those held out, as those of the other lanes.
void TunePlots::makePower(bool shown) {
    if (shown == hasPower()) return;
    m_plot->removeCurves(Power);
    if (shown) {
        widgets::LaneStyle lane;
        lane.name = tr("Power");
        lane.hint = tr("W");
        lane.fromZero = true;
        lane.format = [](double watts) {
            return QString::number(watts, 'f', watts > 0 && watts < 10 ? 1 : 0);
        };
        m_plot->addLane(lane);
        widgets::CurveStyle area;
        area.ink = widgets::CurveInk::Text;
        area.area = area.step = true;
        m_plot->addCurve(Power, tr("Power"), area);
    } else {
        m_plot->removeLanes(Power);
    }
    m_firstHeldOut = m_plot->curveCount();
    if (m_history != nullptr)
        refill();
    else
        makeHeldOut(m_domains);
}

void TunePlots::setPower(const std::vector<projects::PowerSample>& samples) {
    m_power = samples;
    if (m_power.empty() == hasPower())
        makePower(!m_power.empty());
    else if (hasPower() && m_history != nullptr)
        refill();
}

void TunePlots::addPower(const projects::PowerSample& sample) {
    if (sample.step < 1) return;
    const bool back = !m_power.empty() && m_power.back().step > sample.step,
               next = !m_power.empty() && m_power.back().step < sample.step;
    // A step's mean is drawn when the next one begins.
    if (next && hasPower() && m_history != nullptr && m_power.back().step > m_powerDrawn)
        drawPower(m_power.back());
    projects::addPower(m_power, sample);
    if (!hasPower())
        makePower(true);
    else if (back && m_history != nullptr)
        refill();
    m_plot->setLaneValue(Power, wattsText(sample.watts));
}

void TunePlots::drawPower(const projects::PowerSample& sample) {
    m_plot->append(Power, xAt(sample.step), sample.watts);
    m_powerDrawn = sample.step;
}

void TunePlots::redrawPower() {
    m_powerDrawn = 0;
    if (!hasPower()) return;
    for (const projects::PowerSample& sample : m_power)
        drawPower(sample);
    if (!m_power.empty()) m_plot->setLaneValue(Power, wattsText(m_power.back().watts));
}

}  // namespace caravan::ui

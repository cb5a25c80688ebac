// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The lanes of the device, its power and its temperature, which come and go with what is known of it.
#include <algorithm>

#include "ui/format/format.h"
#include "ui/pages/tune/tune_plots.h"
#include "widgets/curve_plot.h"

namespace caravan::ui {
namespace {

using projects::PowerSample;

QString wattsText(double watts) {
    return QString::number(watts, 'f', watts > 0 && watts < 10 ? 1 : 0);
}
QString celsiusText(double celsius) {
    return QString::number(celsius, 'f', 0);
}

// What may have a lane, top to bottom.
struct Told {
    const char *name, *unit;
    double PowerSample::*value;
    QString (*text)(double);
};
constexpr Told kTold[] = {
    {QT_TRANSLATE_NOOP("caravan::ui::TunePlots", "Power"), QT_TRANSLATE_NOOP("caravan::ui::TunePlots", "W"),
     &PowerSample::watts, wattsText},
    {QT_TRANSLATE_NOOP("caravan::ui::TunePlots", "Temperature"),
     QT_TRANSLATE_NOOP("caravan::ui::TunePlots", "°C"), &PowerSample::celsius, celsiusText}};

}  // namespace

void TunePlots::noteTold(const PowerSample& sample) {
    for (std::size_t i = 0; i < m_told.size(); ++i)
        m_told[i] = m_told[i] || sample.*kTold[i].value >= 0;
}

// Its curves stand before those held out, as those of the other lanes.
void TunePlots::makeDeviceLanes() {
    if (m_told == m_toldLanes) return;
    m_toldLanes = m_told;
    m_plot->removeCurves(Device);
    if (m_plot->laneCount() > Device) m_plot->removeLanes(Device);
    for (std::size_t i = 0; i < m_told.size(); ++i) {
        if (!m_told[i]) continue;
        widgets::LaneStyle lane;
        lane.name = tr(kTold[i].name);
        lane.hint = tr(kTold[i].unit);
        lane.fromZero = true;
        lane.format = kTold[i].text;
        const int at = m_plot->addLane(lane);
        widgets::CurveStyle area;
        area.ink = widgets::CurveInk::Text;
        area.area = area.step = true;
        m_plot->addCurve(at, lane.name, area);
    }
    m_firstHeldOut = m_plot->curveCount();
    if (m_history != nullptr)
        refill();
    else
        makeHeldOut(m_domains);
}

void TunePlots::setPower(const std::vector<PowerSample>& samples) {
    m_power = samples;
    m_told = {};
    for (const PowerSample& sample : m_power)
        noteTold(sample);
    if (m_told != m_toldLanes)
        makeDeviceLanes();
    else if (m_told != decltype(m_told){} && m_history != nullptr)
        refill();
}

void TunePlots::addPower(const PowerSample& sample) {
    if (sample.step < 1) return;
    const bool back = !m_power.empty() && m_power.back().step > sample.step,
               next = !m_power.empty() && m_power.back().step < sample.step;
    // A step's mean is drawn when the next one begins.
    if (next && m_history != nullptr && m_power.back().step > m_powerDrawn) drawPower(m_power.back());
    projects::addPower(m_power, sample);
    noteTold(sample);
    if (m_told != m_toldLanes)
        makeDeviceLanes();
    else if (back && m_history != nullptr)
        refill();
    showPower(sample);
}

void TunePlots::drawPower(const PowerSample& sample) {
    int lane = Device;
    for (std::size_t i = 0; i < m_toldLanes.size(); ++i) {
        if (!m_toldLanes[i]) continue;
        if (sample.*kTold[i].value >= 0) m_plot->append(lane, xAt(sample.step), sample.*kTold[i].value);
        ++lane;
    }
    m_powerDrawn = sample.step;
}

void TunePlots::showPower(const PowerSample& sample) {
    int lane = Device;
    for (std::size_t i = 0; i < m_toldLanes.size(); ++i) {
        if (!m_toldLanes[i]) continue;
        const double value = sample.*kTold[i].value;
        if (value >= 0) m_plot->setLaneValue(lane, kTold[i].text(value) + kThinSpace + tr(kTold[i].unit));
        ++lane;
    }
}

void TunePlots::redrawPower() {
    m_powerDrawn = 0;
    for (const PowerSample& sample : m_power)
        drawPower(sample);
    if (!m_power.empty()) showPower(m_power.back());
}

}  // namespace caravan::ui

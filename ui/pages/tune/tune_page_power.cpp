// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What the device takes and how warm it is: read from the run's folder, then as the engine tells it, once a
// second.
#include <QThreadPool>

#include "projects/power_file.h"
#include "ui/bridge/background.h"
#include "ui/bridge/engine_link.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/pages/tune/tune_plots.h"

namespace caravan::ui {

void TunePage::readPower() {
    using Samples = std::vector<projects::PowerSample>;
    if (m_run->folder().isEmpty()) return;
    runInBackground<Samples>(
        QThreadPool::globalInstance(), this,
        [folder = m_run->folder()] { return projects::readPower(folder.toStdString()); },
        [this, folder = m_run->folder()](const Samples& samples) {
            if (folder == m_run->folder() && !samples.empty()) m_plots->setPower(samples);
        });
}

// The engine writes the same into the run's folder.
void TunePage::notePower() {
    const engine::DeviceStatus& device = services().engine->device();
    const projects::PowerSample sample{
        .step = m_run->history().lastStep(), .watts = device.powerWatts, .celsius = device.celsius};
    if (!sample.tells() || !m_run->isLive() || m_run->isLoading() || state() != engine::RunState::Running)
        return;
    m_plots->addPower(sample);
}

}  // namespace caravan::ui

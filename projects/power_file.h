// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <vector>

#include "engine/api/ids.h"

namespace caravan::projects {

// What the device took while a run was at a step, and how warm it was: means of what its driver told, about
// once a second; -1 = it did not tell.
struct PowerSample {
    engine::StepIndex step = 0;
    double watts = -1;
    std::int64_t readings = 1;
    double celsius = -1;
    [[nodiscard]] bool tells() const { return watts >= 0 || celsius >= 0; }
    friend bool operator==(const PowerSample&, const PowerSample&) = default;
};

// Adds a reading, in the order of time. When a step comes again after later ones (a resumed run) those are
// dropped.
void addPower(std::vector<PowerSample>& samples, const PowerSample& sample);

// power.jsonl of a run's folder, one reading a line. Not a record of the run: nothing follows from it, and a
// run on a device that tells nothing has none. False: it could not be written.
[[nodiscard]] bool appendPower(const std::filesystem::path& runFolder, const PowerSample& sample);
// By step, ascending. Lines that are no reading are passed over. Blocks on the disk.
[[nodiscard]] std::vector<PowerSample> readPower(const std::filesystem::path& runFolder);

}  // namespace caravan::projects

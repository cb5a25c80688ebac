// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// fits: what could be tuned on this machine.
#include "engine/plan/fits.h"

#include <fmt/format.h>

#include "app/cli/command.h"

namespace caravan::cli {
namespace {

struct Options {
    double memory = 0;  // GiB; 0 = the device's
};

std::string table(const engine::FitTable& fits) {
    std::string text = fmt::format("{}, {} ({} free); rows of {} tokens; ! = does not fit\n{:<16}{:>9}",
                                   fits.device, bytesText(fits.memory), bytesText(fits.memoryFree),
                                   countText(fits.sequenceLength), "", "size");
    for (const auto& setting : fits.settings)
        text += fmt::format("{:>25}", setting.name);
    text += '\n';
    for (const engine::FitRow& row : fits.rows) {
        text += fmt::format("{:<16}{:>7.1f} B", row.model, static_cast<double>(row.parameters) / 1e9);
        for (const engine::Bytes needed : row.needed)
            text += fmt::format("{:>23} {}", bytesText(needed), needed <= fits.memory ? ' ' : '!');
        text += '\n';
    }
    return text;
}

int fits(Context& context, const Options& options) {
    const auto opened = context.openEngine();
    if (!opened) return context.fail(opened.error());
    engine::DeviceStatus device = (*opened)->device();
    if (options.memory > 0) {
        device.memoryTotal = static_cast<engine::Bytes>(options.memory * (1 << 30));
        device.memoryUsed = 0;
    }
    const auto fits = engine::fitTable(device);
    if (!fits) return context.fail(fits.error());
    context.emit(*fits);
    context.print(table(*fits));
    return 0;
}

const Registration kFits{
    "fits", "What could be tuned on this machine: common models, settings, memory planned", 21,
    [](CLI::App& app, Context& context) -> Action {
        auto options = std::make_shared<Options>();
        app.add_option("--memory", options->memory, "Of a device with so much memory instead, in GiB")
            ->type_name("X")
            ->check(CLI::Range(0.001, 1e6));
        return [options, &context] { return fits(context, *options); };
    }};

}  // namespace
}  // namespace caravan::cli

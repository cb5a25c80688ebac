// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/device_choice.h"

#include <charconv>

#include "engine/ops/cuda_plugin.h"
#include "engine/ops/parallel.h"
#include "engine/session/card_meter.h"
#include "engine/session/host_status.h"

namespace caravan::engine {

DeviceChoice chooseDevice(const EngineOptions& options) {
    DeviceChoice choice;
    if (options.device == "cpu") {
        choice.note = "The CPU was asked for.";
        return choice;
    }
    const auto refuse = [&](ErrorCode code, Parameters parameters) {
        choice.refused = Error{code, std::move(parameters)};
        return choice;
    };
    int index = 0;
    if (options.device.starts_with("cuda:")) {
        const char* last = options.device.data() + options.device.size();
        const auto parsed = std::from_chars(options.device.data() + 5, last, index);
        if (parsed.ec != std::errc() || parsed.ptr != last) index = -1;
    } else if (!options.device.empty() && options.device != "cuda") {
        index = -1;
    }
    if (index < 0)
        return refuse(ErrorCode::BadOption,
                      {{"key", "device"}, {"value", options.device}, {"range", "cpu, cuda or cuda:N"}});
    const auto& cuda = ops::openCuda(options.pluginPath);
    choice.note = cuda.note;
    if (!cuda.table || cuda.devices == 0) {
        if (options.device.empty()) return choice;
        return refuse(ErrorCode::DeviceUnavailable, {{"device", options.device}, {"detail", cuda.note}});
    }
    if (index >= cuda.devices)
        return refuse(ErrorCode::DeviceUnavailable, {{"device", options.device},
                                                     {"detail", "there are " + std::to_string(cuda.devices) +
                                                                    " CUDA devices, counted from 0"}});
    choice.device = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
    return choice;
}

DeviceStatus deviceStatus(const DeviceChoice& choice) {
    DeviceStatus status{.note = choice.note};
    if (choice.device.is_cuda()) {
        const auto memory = ops::cudaMemory(choice.device.index());
        status.name = ops::cudaDeviceName(choice.device.index());
        status.cuda = true;
        status.memoryUsed = static_cast<Bytes>(memory.total - memory.free);
        status.memoryTotal = static_cast<Bytes>(memory.total);
        static CardMeter meter;
        const CardReading card = meter.read(ops::cudaBusId(choice.device.index()));
        status.powerWatts = card.watts;
        status.celsius = card.celsius;
        status.busy = card.busy;
        return status;
    }
    static const std::string name = processorName() + ", " + std::to_string(ops::physicalCores()) +
                                    (ops::physicalCores() == 1 ? " core" : " cores");
    const HostMemory memory = hostMemory();
    status.name = name;
    status.memoryUsed = memory.used;
    status.memoryTotal = memory.total;
    return status;
}

}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What comes over the socket, and routing.bin.
#include "engine/api/event_json.h"
#include "engine/api/routing_file.h"
#include "engine/api/wire.h"
#include "tests/fuzz/target.h"

namespace caravan::fuzz {
namespace {

using namespace engine;

std::string text(const std::vector<std::uint8_t>& bytes) {
    return {bytes.begin(), bytes.end()};
}

// Frames in pieces of odd sizes; bodies of runs and of requests are read as their receivers read them.
void readFrames(std::string_view bytes) {
    wire::Decoder decoder;
    std::size_t at = 0, piece = 1;
    while (at < bytes.size()) {
        const std::string_view part = bytes.substr(at, piece);
        decoder.feed({reinterpret_cast<const std::uint8_t*>(part.data()), part.size()});
        at += part.size();
        piece = piece * 3 + 1;
        wire::Frame frame;
        auto taken = decoder.take(frame);
        for (; taken && *taken; taken = decoder.take(frame)) {
            if (!frame.body.is_object()) continue;
            (void)runEventFromJson(frame.body.value("event", nlohmann::json()));
            (void)errorFromJson(frame.body);
            try {
                (void)frame.body.get<ModelSource>();
                (void)frame.body.get<GenerateOptions>();
            } catch (const nlohmann::json::exception&) {  // wrong types: the host answers with an error
            }
        }
        if (!taken) return;
    }
}
std::vector<std::string> frameSeeds() {
    RoutingRecord record{
        .step = 3, .firstStep = 2, .layers = {0, 2}, .experts = 2, .topK = 1, .domains = {"d"}};
    record.values.assign(32, 0.5f);
    nlohmann::json event = toJson(RunEvent(record));
    event["values"] = wire::packFloats(record.values);
    StepMetrics metrics{.step = 4, .loss = 1.5};
    metrics.expertLoad = {{0.5f, 0.5f}};
    return {text(wire::encode({"hello", 1, {{"protocol", wire::kProtocol}, {"version", "0"}, {"pid", 7}}})),
            text(wire::encode({"run", 0, {{"run", "/r"}, {"event", event}}})),
            text(wire::encode({"run", 0, {{"run", "/r"}, {"event", toJson(RunEvent(metrics))}}})) +
                text(wire::encode({"generate", 2, {{"path", "m"}, {"live", false}, {"max_tokens", 3}}}))};
}
const Register kFrames{"wire", readFrames, frameSeeds};

void readRouting(std::string_view bytes) {
    auto reader = RoutingFileReader::open(asFile("routing.bin", bytes).string());
    if (!reader) return;
    for (const auto& entry : reader->entries())
        (void)reader->read(entry);
    (void)reader->at(5);
    (void)reader->sum(0, 1 << 20);
    const RoutingShape shape = reader->shape();
    // The run that goes on with it: cuts a torn tail and appends.
    auto writer = RoutingFileWriter::open(asFile("routing.bin", bytes).string(), shape);
    if (!writer || shape.valueCount() > 4096) return;
    RoutingRecord record{.step = 9,
                         .firstStep = 9,
                         .layers = shape.layers,
                         .experts = shape.experts,
                         .topK = shape.topK,
                         .domains = shape.domains};
    record.values.assign(shape.valueCount(), 1.0f);
    (void)writer->append(record);
}
std::vector<std::string> routingSeeds() {
    const RoutingShape shape{{0, 1}, 2, 1, {"general"}};
    const auto path = asFile("seed/routing.bin", "");
    std::filesystem::remove(path);
    {
        auto writer = unwrap(RoutingFileWriter::open(path.string(), shape));
        for (StepIndex step = 1; step <= 2; ++step) {
            RoutingRecord record{.step = step,
                                 .firstStep = step,
                                 .layers = shape.layers,
                                 .experts = shape.experts,
                                 .topK = shape.topK,
                                 .domains = shape.domains};
            record.values.assign(shape.valueCount(), static_cast<float>(step));
            unwrap(writer.append(record));
        }
    }
    std::string bytes;
    {
        FILE* file = std::fopen(path.c_str(), "rb");
        char buffer[4096];
        for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;)
            bytes.append(buffer, n);
        std::fclose(file);
    }
    return {bytes};
}
const Register kRouting{"routing", readRouting, routingSeeds};

}  // namespace
}  // namespace caravan::fuzz

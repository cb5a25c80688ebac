// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/api/result.h"

namespace caravan::engine::wire {

// One frame: 4-byte little-endian length N (<= kMaxFrame), then N bytes of CBOR: {"t": type, "id": number,
// "b": body}. Requests carry an id > 0 chosen by the client; the answer is any number of "progress" and
// "token" frames and exactly one "result" or "error" frame with that id. Frames with id 0 are events.
//
// clang-format off
// Requests (body -> result body); RECIPE = recipe, folder. Long ones send progress and end with cancel {id}.
//   hello {protocol, version, pid} -> {protocol, version, pid, capabilities[]}; the first of a connection
//   device {} -> DeviceStatus
//   inspect {path} -> ModelInspection
//   plan {RECIPE} -> {plan: RunPlan, problems: [{key, error, warning, nearest}]}
//   fits {} -> FitTable (fit_table.h)
//   preview {RECIPE} -> DataPreview; long
//   step_batch {RECIPE, step} -> StepBatch (step_batch.h); long
//   tokenize {path, text} -> {ids: [], pieces: []}
//   proof {RECIPE} -> StepZeroProof; long
//   dry_step {RECIPE} -> DryStep; long
//   run.start {RECIPE, run, stop_after?} -> {run}; run = absolute run folder
//   run.resume {run, step?, stop_after?} -> {run}
//   run.attach {run?} -> {runs: [{run, state, step}]}; subscribes this connection to run events
//   run.pause | run.continue | run.stop | run.checkpoint | run.sample | run.cancel {run} -> {}
//   run.change {run, key, value} -> {}
//   generate {source: ModelSource, messages: [ChatMessage], options: GenerateOptions} -> GenerateSummary;
//            long, with token frames
//   score: ScoreRequest -> AnswerScore (answer_score.h); long
//   evaluate {source, files: [{path, name}]} -> EvaluateOutcome; long
//   routing {source, files} -> RoutingStatistics; long
//   routing.analyse: RoutingAnalysisRequest -> RoutingAnalysis (routing_analysis.h); long
//   export {source, folder, format?} -> ExportOutcome; long. format: "camelidae" if not said; what import does
//   cancel {id} -> {}; ends that request with error interrupted
//   unload {} -> {}
//   quit {} -> {}; refused (run_busy) while a run is live unless {force: true}
// Events (id 0):
//   run {run, event: run event JSON}; of a run's end only when the next one may start
//   device: DeviceStatus (1 Hz)
//   log {level, text}
//   heartbeat {} (1 Hz)
// clang-format on
inline constexpr int kProtocol = 1;
inline constexpr std::uint32_t kMaxFrame = 256u << 20;

struct Frame {
    std::string type;
    std::uint64_t id = 0;
    nlohmann::json body;
};

[[nodiscard]] std::vector<std::uint8_t> encode(const Frame& frame);
// Feeds bytes; take() gives complete frames in order. A bad frame is an error and the connection must be
// closed.
class Decoder {
  public:
    void feed(std::span<const std::uint8_t> bytes);
    [[nodiscard]] Result<bool> take(Frame& frame);  // true: a frame was taken; false: more bytes needed

  private:
    std::vector<std::uint8_t> m_buffer;
    std::size_t m_start = 0;
};

// Typed byte strings (RFC 8746: tag 85 = little-endian float32): a CBOR byte string with subtype 85.
[[nodiscard]] nlohmann::json packFloats(std::span<const float> values);
[[nodiscard]] Result<std::vector<float>> unpackFloats(const nlohmann::json& json);

// The engine's socket: $XDG_RUNTIME_DIR/caravan/engine.sock, else /tmp/caravan-UID/engine.sock;
// CARAVAN_SOCKET overrides.
[[nodiscard]] std::string socketPath();

}  // namespace caravan::engine::wire

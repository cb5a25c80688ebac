// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include "engine/api/data_preview.h"
#include "engine/api/engine.h"
#include "engine/api/inspection.h"
#include "engine/api/run_events.h"
#include "engine/api/run_plan.h"

namespace caravan::engine {

// JSON of every api value, one spelling for the wire, metrics.jsonl and --json. Keys are those of cli.md
// where it names them (snake_case). Large arrays become typed byte strings only on the wire (wire.h). Run
// events carry {"type": "step" | "evaluation" | "sample" | "checkpoint" | "alarm" | "state" | "progress" |
// "routing" | "log" | "result"}.
[[nodiscard]] nlohmann::json toJson(const RunEvent& event);
[[nodiscard]] Result<RunEvent> runEventFromJson(const nlohmann::json& json);
// {"type":"error","code","what","where","why","do","parameters"}
[[nodiscard]] nlohmann::json toJson(const Error& error);
[[nodiscard]] Error errorFromJson(const nlohmann::json& json);

// to_json / from_json (found by argument-dependent lookup) exist for: ModelConfig, ModelInspection, RunPlan,
// DataPreview, StepZeroProof, DryStep, DeviceStatus, UpcycleOutcome, ModelSource, ChatMessage,
// GenerateOptions, TokenEvent, GenerateSummary, EvaluateOutcome, RoutingStatistics, RoutingRecord,
// ExportOutcome.
#define CARAVAN_JSON(T)                                 \
    void to_json(nlohmann::json& json, const T& value); \
    void from_json(const nlohmann::json& json, T& value);
CARAVAN_JSON(ModelConfig)
CARAVAN_JSON(ModelInspection)
CARAVAN_JSON(RunPlan)
CARAVAN_JSON(DataPreview)
CARAVAN_JSON(StepZeroProof)
CARAVAN_JSON(DryStep)
CARAVAN_JSON(DeviceStatus)
CARAVAN_JSON(UpcycleOutcome)
CARAVAN_JSON(ModelSource)
CARAVAN_JSON(ChatMessage)
CARAVAN_JSON(GenerateOptions)
CARAVAN_JSON(TokenEvent)
CARAVAN_JSON(GenerateSummary)
CARAVAN_JSON(EvaluateOutcome)
CARAVAN_JSON(RoutingStatistics)
CARAVAN_JSON(RoutingRecord)
CARAVAN_JSON(ExportOutcome)
#undef CARAVAN_JSON

}  // namespace caravan::engine

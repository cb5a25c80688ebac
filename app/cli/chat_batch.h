// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "app/cli/command.h"
#include "engine/api/answer_batch.h"

namespace caravan::cli {

// A prompt of --prompts; what is not said is as the options have it.
struct PromptRow {
    std::string prompt;
    std::optional<std::string> system;
    std::optional<std::uint64_t> seed;
    std::optional<std::int64_t> maxTokens;
    std::optional<double> temperature;
    std::optional<std::vector<std::string>> stop;
};
// X.jsonl: one object per line; any other file: one prompt per line. Empty lines are left out. At least one,
// or FileMissing, FileBad, RowBad.
[[nodiscard]] engine::Result<std::vector<PromptRow>> readPrompts(const std::string& file);

// n answers to a prompt, with its seed and the next ones.
void addAnswers(const PromptRow& row, const std::string& system, const engine::GenerateOptions& options,
                std::int64_t n, engine::BatchRequest& request);

struct BatchOutput {
    bool routing = false;  // experts of each token after its answer
    bool prompts = false;  // name each answer's prompt
};
// Writes them all; the exit code. The texts in the order asked for, when all have ended; with --json
// each token as it comes, "answer" = its number from 0.
[[nodiscard]] int writeBatch(Context& context, const engine::BatchRequest& request,
                             const BatchOutput& output);

}  // namespace caravan::cli

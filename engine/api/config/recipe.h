// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace caravan::engine {

// One JSON file decides a run (cli.md, "A recipe"). Every field has a descriptor (descriptors.h) with its
// key, range, default, unit and help; the defaults here are the paper column of methods.md section 1.
enum class Quantization { None, Nf4 };
enum class UpcycleMethod { None, Pesc };
enum class Schedule { Constant, Linear, Cosine };  // after the linear warm-up
enum class OptimizerKind { AdamW, AdamW8bit };
enum class TrainedValues { Fp32, Bf16 };  // Bf16: bf16 alone, gradients too
enum class BalanceScope { Micro, Batch };
enum class Recompute { None, Rows, GateUp, All };  // Rows: the experts' gathered inputs; GateUp: they too
// Frozen weights in a step: NF4 widened for every use, or once and kept; or turned to e4m3 once and kept,
// with their products in fp8.
enum class Dequantization { Stream, Cache, Fp8 };
enum class Repeatability { Exact, Fast };  // Fast: sums of attention's backward in any order
enum class StepGraph { Auto, Off };        // Auto: short micro-batches on a GPU as one CUDA graph
enum class Keeping { Newest, Best };       // Best: also a checkpoint at each best held-out mean
enum class Compute { Auto, Fp32, Bf16 };   // Auto: fp32 on the CPU, bf16 on CUDA
enum class Packing { Packed, Padded };     // Packed: rows behind each other, no attention across rows

enum class FileFormat { Auto, JsonLines, Json, Csv, Tsv, Text };  // Auto: by content, then by file name
enum class RowShape { Auto, Pesc, Alpaca, ShareGpt, Messages, Completion };
enum class LongRows { Cut, Turns, Drop };  // cut the end; leave out whole turns; leave out the row

// How a file's rows become conversations. An empty name: the column is recognised by itself.
struct ColumnMapping {
    FileFormat format = FileFormat::Auto;
    RowShape shape = RowShape::Auto;
    std::string system, prompt, input, answer;  // columns; of PESC rows prompt and answer are those of a turn
    std::string messages, role, content;        // the column with the list, and the keys of its entries
    [[nodiscard]] bool isAutomatic() const { return *this == ColumnMapping{}; }
    friend bool operator==(const ColumnMapping&, const ColumnMapping&) = default;
};

struct DataFile {
    std::string path;     // relative to the recipe file
    std::string name;     // domain; empty = file name up to its first dot
    double weight = 1.0;  // times used per epoch
    ColumnMapping columns;
    friend bool operator==(const DataFile&, const DataFile&) = default;
};

struct Recipe {
    struct Model {
        std::string path;
        Quantization quantization = Quantization::Nf4;
        friend bool operator==(const Model&, const Model&) = default;
    } model;
    struct Upcycle {
        UpcycleMethod method = UpcycleMethod::Pesc;
        std::int64_t experts = 8;
        std::int64_t topK = 2;
        std::int64_t adapterSize = 512;
        double scaling = 0.25;
        std::string layers = "all";  // "all", or e.g. "0-3,7"
        friend bool operator==(const Upcycle&, const Upcycle&) = default;
    } upcycle;
    struct Data {
        std::vector<DataFile> files;
        std::vector<DataFile> heldout;      // weight unused
        std::string templateName = "pesc";  // key data.template; one of kTemplateNames (descriptors.h)
        Packing packing = Packing::Packed;
        double heldoutFraction = 0.0;       // of each file's rows, where no held-out file is given
        LongRows longRows = LongRows::Cut;  // what happens to rows over the sequence length
        friend bool operator==(const Data&, const Data&) = default;
    } data;
    struct Tune {
        std::optional<std::int64_t> steps;  // else epochs
        double epochs = 1.0;
        std::int64_t batchRows = 32;                   // data rows per optimizer step
        std::optional<std::int64_t> batchSequences;    // instead: packed sequences per step
        std::optional<std::int64_t> microBatchTokens;  // default: chosen by the memory plan
        std::optional<std::int64_t> sequenceLength;    // default: min(2048, the model's)
        double learningRate = 2e-4;
        Schedule schedule = Schedule::Constant;
        double warmupRatio = 0.03;
        double maxGradientNorm = 0.3;  // 0 = no clipping
        OptimizerKind optimizer = OptimizerKind::AdamW;
        TrainedValues trained = TrainedValues::Fp32;
        double beta1 = 0.9, beta2 = 0.999;  // key tune.betas [b1, b2]
        double eps = 1e-8;
        double weightDecay = 0.0;
        std::int64_t loraRank = 64;  // 0 = no LoRA
        double loraAlpha = 16.0;
        double loraDropout = 0.1;
        std::vector<std::string> loraTargets{"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                             "gate_proj", "up_proj", "down_proj"};
        double adapterDropout = 0.1;
        double balance = 1e-2;  // alpha per sparse layer; 0 = off
        BalanceScope balanceScope = BalanceScope::Micro;
        Recompute recompute = Recompute::Rows;
        Compute compute = Compute::Auto;
        Dequantization dequantization = Dequantization::Stream;
        Repeatability repeatability = Repeatability::Exact;
        StepGraph graph = StepGraph::Auto;
        std::int64_t checkpointEvery = 0;  // steps; 0 = at the end only
        std::int64_t evaluateEvery = 0;    // steps; 0 = before the first step and at the end
        std::int64_t sampleEvery = 0;      // steps; 0 = never
        std::vector<std::string> samples;  // fixed prompts
        Keeping keep = Keeping::Newest;
        std::int64_t earlyStop = 0;  // evaluations in a row without a better mean; 0 = never
        friend bool operator==(const Tune&, const Tune&) = default;
    } tune;
    std::uint64_t seed = 0;
    friend bool operator==(const Recipe&, const Recipe&) = default;
};

// Not kept in the run's recipe: absolute step at which to save and stop with exit 5 (key tune.stop_after).
struct RunLimits {
    std::optional<std::int64_t> stopAfter;
};

}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/api/ids.h"
#include "engine/api/model_config.h"
#include "engine/api/result.h"
#include "engine/api/run_events.h"
#include "engine/checkpoint/file_io.h"

// Checkpoints of a run (reliability.md): RUN/checkpoints/step-000030/ with trainable.safetensors,
// optimizer.safetensors, state.json and manifest.json. A folder of that name is complete or damaged, never
// half written. No torch in here: tensors are spans of host memory. Errors are EngineException: WriteFailed,
// DiskShort, CheckpointDamaged, NotFound.
namespace caravan::engine::checkpoint {

// A tensor to write: host memory, contiguous, row-major; must live until save() returns.
struct TensorView {
    std::string key;
    DType dtype = DType::F32;
    std::vector<std::int64_t> shape;
    std::span<const std::byte> bytes;
};
struct HostTensor {
    std::string key;
    DType dtype = DType::F32;
    std::vector<std::int64_t> shape;
    std::vector<std::byte> bytes;
};

// What resume needs beside the tensors (state.json).
struct CheckpointState {
    StepIndex step = 0;
    std::int64_t epoch = 0;
    std::int64_t batch = 0;  // optimizer steps done in this epoch
    std::uint64_t seed = 0;
    int threads = 0;                // bitwise resume holds for the same count
    std::string device;             // kind: "cpu", "cuda"
    std::int64_t skippedSteps = 0;  // not finite, counted
    std::int64_t tokens = 0, answerTokens = 0;
    nlohmann::json session =
        nlohmann::json::object();  // the session's own (guards, changes, best); kept as it is
};
struct CheckpointContent {
    CheckpointState state;
    std::vector<TensorView> trainable;  // any order: the file is sorted by key
    std::vector<TensorView> optimizer;
};
struct LoadedCheckpoint {
    std::filesystem::path folder;
    CheckpointState state;
    std::vector<HostTensor> trainable;  // ascending key
    std::vector<HostTensor> optimizer;
};

struct Retention {
    int last = 3;
    std::optional<StepIndex> best;  // kept as long as it is the best
    std::int64_t every = 0;         // multiples of it are kept for good; 0 = none
};

[[nodiscard]] std::filesystem::path checkpointFolder(const std::filesystem::path& runFolder, StepIndex step);

// One writer per run; blocks on the disk.
class CheckpointStore {
  public:
    explicit CheckpointStore(std::filesystem::path runFolder, FileIo& io = systemIo());
    // Throws DiskShort unless 2 x bytes are free (before a run starts).
    void requireSpace(Bytes bytes);
    // Atomic: afterwards either the new checkpoint is there, synced and read back, or the ones before are as
    // they were. Older ones go only after the new one was verified. The same step again replaces its
    // checkpoint.
    CheckpointInfo save(const CheckpointContent& content, const Retention& retention);
    // Leftovers of a writer that died: .tmp folders. Called by the owner before the first save.
    void removeLeftovers();
    // Checkpoints after step (resume from an older one starts a new branch).
    void discardAfter(StepIndex step);

  private:
    std::filesystem::path m_run;
    FileIo* m_io;
};

// Steps with a folder, ascending, verified or not.
[[nodiscard]] std::vector<StepIndex> listCheckpoints(const std::filesystem::path& runFolder);
// CheckpointDamaged names the file and what differs.
[[nodiscard]] Result<void> verify(const std::filesystem::path& folder, FileIo& io = systemIo());
// Newest folder that verifies; a line per damaged one in notes. NotFound if there is none.
[[nodiscard]] Result<std::filesystem::path> latestVerified(const std::filesystem::path& runFolder,
                                                           std::vector<std::string>* notes = nullptr,
                                                           FileIo& io = systemIo());
// Verifies and reads. withOptimizer false: the adapters only (chat, export).
[[nodiscard]] Result<LoadedCheckpoint> load(const std::filesystem::path& folder, bool withOptimizer = true,
                                            FileIo& io = systemIo());
// The adapters' SHA-256 is taken over the bytes of kTrainableFile: equal tensors give equal bytes.
inline constexpr const char* kTrainableFile = "trainable.safetensors";
inline constexpr const char* kOptimizerFile = "optimizer.safetensors";
inline constexpr const char* kStateFile = "state.json";
inline constexpr const char* kManifestFile = "manifest.json";

}  // namespace caravan::engine::checkpoint

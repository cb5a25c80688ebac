// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Manifests of checkpoints, and state.json under a manifest that fits.
#include "engine/checkpoint/checkpoint_store.h"
#include "engine/checkpoint/manifest.h"
#include "tests/fuzz/target.h"

namespace caravan::fuzz {
namespace {

using namespace engine;
using namespace engine::checkpoint;

void readManifest(std::string_view bytes) {
    const std::string text(bytes);
    const auto manifest = parseManifest(text, "manifest.json");
    if (manifest && manifestText(*manifest) != text)
        throw std::logic_error("a manifest in another spelling was accepted");
    (void)verify(asFile("step-000001/manifest.json", bytes).parent_path());
}
std::vector<std::string> manifestSeeds() {
    return {manifestText({3,
                          {{"state.json", {12, std::string(32, 'a')}},
                           {"trainable.safetensors", {9, std::string(32, '0')}}}})};
}
const Register kManifest{"manifest", readManifest, manifestSeeds};

// Every file but state.json is empty of tensors; the manifest is written for the bytes given.
void readState(std::string_view bytes) {
    static const std::string kEmpty = std::string("\x02\0\0\0\0\0\0\0{}", 10);
    const auto folder = asFile("step-000007/state.json", bytes).parent_path();
    Manifest manifest{7, {}};
    for (const char* name : {kTrainableFile, kOptimizerFile})
        (void)asFile("step-000007/" + std::string(name), kEmpty);
    for (const char* name : {kTrainableFile, kOptimizerFile, kStateFile})
        manifest.files[name] = digestFile(systemIo(), (folder / name).string());
    (void)asFile("step-000007/manifest.json", manifestText(manifest));
    (void)load(folder);
}
std::vector<std::string> stateSeeds() {
    const auto folder = asFile("seed/runs/x", "").parent_path();
    CheckpointStore store(folder);
    CheckpointContent content;
    content.state.step = 7;
    content.state.device = "cpu";
    content.state.session["best_step"] = 3;
    (void)store.save(content, {});
    FILE* file = std::fopen((checkpointFolder(folder, 7) / kStateFile).c_str(), "rb");
    char buffer[4096];
    const std::size_t n = std::fread(buffer, 1, sizeof buffer, file);
    std::fclose(file);
    return {std::string(buffer, n)};
}
const Register kState{"checkpoint_state", readState, stateSeeds};

}  // namespace
}  // namespace caravan::fuzz

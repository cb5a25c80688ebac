// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/checkpoint/checkpoint_store.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "engine/checkpoint/durable_file.h"
#include "engine/checkpoint/manifest.h"
#include "engine/checkpoint/tensor_stream.h"
#include "engine/formats/bounded_json.h"

namespace caravan::engine::checkpoint {
namespace fs = std::filesystem;
namespace {

constexpr const char* kPrefix = "step-";

nlohmann::ordered_json stateJson(const CheckpointState& state) {
    return {{"version", 1},
            {"step", state.step},
            {"epoch", state.epoch},
            {"batch", state.batch},
            {"seed", state.seed},
            {"threads", state.threads},
            {"device", state.device},
            {"skipped_steps", state.skippedSteps},
            {"tokens", state.tokens},
            {"answer_tokens", state.answerTokens},
            {"session", nlohmann::ordered_json::parse(state.session.dump())}};
}

CheckpointState stateFromJson(const nlohmann::json& json) {
    CheckpointState state;
    state.step = json.at("step").get<StepIndex>();
    state.epoch = json.at("epoch").get<std::int64_t>();
    state.batch = json.at("batch").get<std::int64_t>();
    state.seed = json.at("seed").get<std::uint64_t>();
    state.threads = json.at("threads").get<int>();
    state.device = json.at("device").get<std::string>();
    state.skippedSteps = json.at("skipped_steps").get<std::int64_t>();
    state.tokens = json.at("tokens").get<std::int64_t>();
    state.answerTokens = json.at("answer_tokens").get<std::int64_t>();
    state.session = json.at("session");
    return state;
}

ByteSource textSource(const std::string& text) {
    return [&text](const ByteSink& sink) { sink(std::as_bytes(std::span(text.data(), text.size()))); };
}

void makeFolder(FileIo& io, const std::string& path) {
    int status = io.makeFolder(path);
    for (int tries = 0; status == -EINTR && tries < 1000; ++tries)
        status = io.makeFolder(path);
    if (status < 0 && status != -EEXIST)
        throw EngineException(ErrorCode::WriteFailed,
                              {{"path", path}, {"bytes", "0"}, {"detail", std::strerror(-status)}});
}

// The finished folder takes its name; an older one of the same name leaves in the same moment (temporary then
// holds it).
void publish(FileIo& io, const std::string& temporary, const std::string& final) {
    int status = io.rename(temporary, final);
    for (int tries = 0; status == -EINTR && tries < 1000; ++tries)
        status = io.rename(temporary, final);
    if (status == -ENOTEMPTY || status == -EEXIST) {
        status = io.exchange(temporary, final);
        if (status == -EINVAL || status == -ENOSYS) {  // not atomic here: older checkpoints bridge the gap
            removeTree(io, final);
            status = io.rename(temporary, final);
        }
    }
    if (status < 0)
        throw EngineException(ErrorCode::WriteFailed,
                              {{"path", final}, {"bytes", "0"}, {"detail", std::strerror(-status)}});
}

Bytes writeFiles(FileIo& io, const fs::path& folder, const CheckpointContent& content) {
    const TensorStream trainable(content.trainable), optimizer(content.optimizer);
    const std::string state = stateJson(content.state).dump(2) + "\n";
    Manifest manifest{.step = content.state.step};
    const auto put = [&](const char* name, Bytes bytes, const ByteSource& source) {
        manifest.files[name] = writeDurableFile(io, (folder / name).string(), bytes, source);
    };
    put(kTrainableFile, trainable.bytes(), std::cref(trainable));
    put(kOptimizerFile, optimizer.bytes(), std::cref(optimizer));
    put(kStateFile, static_cast<Bytes>(state.size()), textSource(state));
    const std::string text = manifestText(manifest);
    writeDurableFile(io, (folder / kManifestFile).string(), static_cast<Bytes>(text.size()),
                     textSource(text));
    Bytes total = static_cast<Bytes>(text.size());
    for (const auto& [name, digest] : manifest.files)
        total += digest.bytes;
    return total;
}

void retain(FileIo& io, const fs::path& run, StepIndex newest, const Retention& retention) {
    const auto steps = listCheckpoints(run);
    std::vector<StepIndex> older;
    for (const auto step : steps)
        if (step <= newest) older.push_back(step);
    const std::size_t keep = static_cast<std::size_t>(std::max(1, retention.last));
    for (std::size_t i = 0; i + keep < older.size(); ++i) {
        const StepIndex step = older[i];
        if (retention.best == step || (retention.every > 0 && step % retention.every == 0)) continue;
        // Under the leftover name first: half a deletion must not look like a damaged checkpoint.
        const fs::path folder = checkpointFolder(run, step);
        const fs::path dying = folder.string() + ".tmp";
        removeTree(io, dying);
        removeTree(io, io.rename(folder.string(), dying.string()) < 0 ? folder : dying);
    }
}

}  // namespace

fs::path checkpointFolder(const fs::path& runFolder, StepIndex step) {
    std::string digits = std::to_string(step);
    if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
    return runFolder / "checkpoints" / (kPrefix + digits);
}

CheckpointStore::CheckpointStore(fs::path runFolder, FileIo& io) : m_run(std::move(runFolder)), m_io(&io) {}

void CheckpointStore::requireSpace(Bytes bytes) {
    const std::int64_t available = m_io->freeBytes(m_run.string());
    if (available >= 0 && available < 2 * bytes)
        throw EngineException(ErrorCode::DiskShort, {{"path", m_run.string()},
                                                     {"needed", std::to_string(2 * bytes)},
                                                     {"available", std::to_string(available)}});
}

CheckpointInfo CheckpointStore::save(const CheckpointContent& content, const Retention& retention) {
    const fs::path parent = m_run / "checkpoints";
    const fs::path final = checkpointFolder(m_run, content.state.step);
    const std::string temporary = final.string() + ".tmp";
    const bool fresh = !fs::exists(parent);
    makeFolder(*m_io, parent.string());
    if (fresh) syncFolder(*m_io, m_run.string());
    removeTree(*m_io, temporary);
    CheckpointInfo info{.step = content.state.step, .path = fs::absolute(final).string()};
    try {
        makeFolder(*m_io, temporary);
        info.bytes = writeFiles(*m_io, temporary, content);
        syncFolder(*m_io, temporary);
        publish(*m_io, temporary, final.string());
    } catch (...) {
        removeTree(*m_io, temporary);
        throw;
    }
    syncFolder(*m_io, parent.string());
    unwrap(verify(final, *m_io));
    removeTree(*m_io, temporary);  // the replaced one, if there was one
    retain(*m_io, m_run, content.state.step, retention);
    return info;
}

void CheckpointStore::removeLeftovers() {
    std::error_code error;
    std::vector<fs::path> leftovers;
    for (fs::directory_iterator it(m_run / "checkpoints", error), end; !error && it != end;
         it.increment(error))
        if (it->path().extension() == ".tmp") leftovers.push_back(it->path());
    for (const auto& folder : leftovers)
        removeTree(*m_io, folder);
}

void CheckpointStore::discardAfter(StepIndex step) {
    for (const auto other : listCheckpoints(m_run))
        if (other > step) removeTree(*m_io, checkpointFolder(m_run, other));
}

std::vector<StepIndex> listCheckpoints(const fs::path& runFolder) {
    std::vector<StepIndex> steps;
    std::error_code error;
    for (fs::directory_iterator it(runFolder / "checkpoints", error), end; !error && it != end;
         it.increment(error)) {
        const std::string name = it->path().filename().string();
        StepIndex step = 0;
        if (!name.starts_with(kPrefix)) continue;
        const char* last = name.data() + name.size();
        const auto parsed = std::from_chars(name.data() + std::strlen(kPrefix), last, step);
        if (parsed.ec == std::errc() && parsed.ptr == last &&
            checkpointFolder(runFolder, step).filename() == name)
            steps.push_back(step);
    }
    std::sort(steps.begin(), steps.end());
    return steps;
}

Result<void> verify(const fs::path& folder, FileIo& io) {
    const auto damaged = [](const fs::path& path, const std::string& detail) {
        return fail(ErrorCode::CheckpointDamaged, {{"path", path.string()}, {"detail", detail}});
    };
    try {
        const fs::path path = folder / kManifestFile;
        const auto manifest = parseManifest(readWholeFile(io, path.string(), 1u << 20), path.string());
        if (!manifest) return tl::unexpected(manifest.error());
        std::string name = folder.filename().string();
        if (name.ends_with(".tmp")) name.resize(name.size() - 4);
        if (checkpointFolder({}, manifest->step).filename() != name)
            return damaged(path, "the manifest is of step " + std::to_string(manifest->step));
        for (const char* required : {kTrainableFile, kOptimizerFile, kStateFile})
            if (!manifest->files.contains(required))
                return damaged(path, std::string(required) + " is not listed");
        for (const auto& [file, expected] : manifest->files) {
            const FileDigest found = digestFile(io, (folder / file).string());
            if (found.bytes != expected.bytes)
                return damaged(folder / file, std::to_string(found.bytes) + " bytes instead of " +
                                                  std::to_string(expected.bytes));
            if (found.hash != expected.hash)
                return damaged(folder / file, "XXH3-128 is " + found.hash + " instead of " + expected.hash);
        }
        return {};
    } catch (const EngineException& exception) {
        return damaged(folder, std::string(exception.error().parameter("file")) + ": " +
                                   std::string(exception.error().parameter("detail")));
    }
}

Result<fs::path> latestVerified(const fs::path& runFolder, std::vector<std::string>* notes, FileIo& io) {
    auto steps = listCheckpoints(runFolder);
    std::reverse(steps.begin(), steps.end());
    for (const auto step : steps) {
        const fs::path folder = checkpointFolder(runFolder, step);
        const auto verified = verify(folder, io);
        if (verified) return folder;
        if (notes)
            notes->push_back("checkpoint " + folder.string() + " is damaged and was skipped: " +
                             std::string(verified.error().parameter("path")) + ": " +
                             std::string(verified.error().parameter("detail")));
    }
    return fail(ErrorCode::NotFound, {{"what", "checkpoint"}, {"name", runFolder.string()}});
}

Result<LoadedCheckpoint> load(const fs::path& folder, bool withOptimizer, FileIo& io) {
    if (auto verified = verify(folder, io); !verified) return tl::unexpected(verified.error());
    try {
        LoadedCheckpoint loaded{.folder = folder};
        loaded.state = stateFromJson(unwrap(readJsonFile(folder / kStateFile)));
        loaded.trainable = readTensors(folder / kTrainableFile);
        if (withOptimizer) loaded.optimizer = readTensors(folder / kOptimizerFile);
        return loaded;
    } catch (const EngineException& exception) {
        return tl::unexpected(exception.error());
    } catch (const nlohmann::json::exception&) {
        return fail(ErrorCode::CheckpointDamaged,
                    {{"path", (folder / kStateFile).string()}, {"detail", "a key is missing or wrong"}});
    }
}

}  // namespace caravan::engine::checkpoint

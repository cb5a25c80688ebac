// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/saved_file.h"

#include <cstring>

#include "engine/checkpoint/durable_file.h"

namespace caravan::engine::routing {

void saveJson(const nlohmann::json& json, const std::filesystem::path& file) {
    std::error_code ignored;
    std::filesystem::create_directories(file.parent_path(), ignored);
    const std::string text = json.dump() + "\n";
    const std::string beside = file.string() + ".new";
    auto& io = checkpoint::systemIo();
    io.removeFile(beside);  // of a process that died here
    checkpoint::writeDurableFile(
        io, beside, static_cast<Bytes>(text.size()),
        [&](const checkpoint::ByteSink& sink) { sink(std::as_bytes(std::span(text))); });
    if (const int done = io.rename(beside, file.string()); done < 0)
        throw EngineException(ErrorCode::WriteFailed, {{"path", file.string()},
                                                       {"bytes", std::to_string(text.size())},
                                                       {"detail", std::strerror(-done)}});
    checkpoint::syncFolder(io, file.parent_path().string());
}

}  // namespace caravan::engine::routing

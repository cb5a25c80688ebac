// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/checkpoint/manifest.h"

#include <nlohmann/json.hpp>

#include "engine/formats/bounded_json.h"

namespace caravan::engine::checkpoint {

std::string manifestText(const Manifest& manifest) {
    nlohmann::ordered_json json;
    json["version"] = 1;
    json["step"] = manifest.step;
    json["files"] = nlohmann::ordered_json::object();
    for (const auto& [name, digest] : manifest.files)
        json["files"][name] = {{"bytes", digest.bytes}, {"xxh3_128", digest.hash}};
    return json.dump(2) + "\n";
}

Result<Manifest> parseManifest(const std::string& text, const std::string& path) {
    const auto damaged = [&](const std::string& detail) {
        return fail(ErrorCode::CheckpointDamaged, {{"path", path}, {"detail", detail}});
    };
    const auto json =
        parseJson(text, path, {.bytes = 1u << 20, .depth = 8, .nodes = 10'000, .stringLength = 4096});
    if (!json) return damaged(std::string(json.error().parameter("detail")));
    Manifest manifest;
    try {
        manifest.step = json->at("step").get<StepIndex>();
        for (const auto& [name, entry] : json->at("files").items()) {
            if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
                return damaged("bad file name");
            manifest.files[name] = {entry.at("bytes").get<Bytes>(), entry.at("xxh3_128").get<std::string>()};
        }
        if (manifestText(manifest) != text)
            return damaged("the manifest differs from the spelling that was written");
    } catch (const nlohmann::json::exception&) {
        return damaged("a key of the manifest is missing or wrong");
    }
    return manifest;
}

}  // namespace caravan::engine::checkpoint

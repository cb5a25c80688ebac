// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace caravan::engine {

// The "decoder" of tokenizer.json: vocabulary entries back to text. ByteLevel, ByteFallback, Fuse, Replace,
// Strip, Metaspace, BPEDecoder, Sequence.
class TokenDecoder {
  public:
    // Without a decoder entries are joined with spaces. Throws EngineException (FileBad). json may be null.
    [[nodiscard]] static TokenDecoder fromJson(const nlohmann::json& json, const std::string& place);

    [[nodiscard]] std::string decode(std::vector<std::string> entries) const;
    // The bytes of one entry inside running text (not at the start, not at the end); may be part of a
    // character.
    [[nodiscard]] std::string runningPiece(const std::string& entry) const;

  private:
    struct Step {
        std::function<std::vector<std::string>(std::vector<std::string>)> whole;
        std::function<std::string(std::string)> running;  // empty: leaves the entry as it is
        bool ends = false;                                // running text is final after this step
    };
    static Step byteLevel();
    static Step byteFallback();
    static Step strip(const nlohmann::json& json, const std::string& place, bool afterFuse);
    static Step metaspace(const nlohmann::json& json, const std::string& place);
    static void add(std::vector<Step>& steps, const nlohmann::json& json, const std::string& place);
    static void addStep(std::vector<Step>& steps, const std::string& type, const nlohmann::json& json,
                        const std::string& place);

    std::vector<Step> m_steps;
    bool m_joinWithSpaces = false;
};

}  // namespace caravan::engine

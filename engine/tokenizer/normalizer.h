// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace caravan::engine {

// The "normalizer" of tokenizer.json: NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip, StripAccents,
// ByteLevel, Sequence.
class Normalizer {
  public:
    Normalizer() = default;  // changes nothing
    // Throws EngineException (FileBad) naming what is not supported. json may be null.
    [[nodiscard]] static Normalizer fromJson(const nlohmann::json& json, const std::string& place);

    [[nodiscard]] std::string apply(std::string text) const;  // valid UTF-8 in and out
    [[nodiscard]] bool changesNothing() const { return m_steps.empty(); }

  private:
    using Step = std::function<std::string(std::string)>;
    std::vector<Step> m_steps;
};

}  // namespace caravan::engine

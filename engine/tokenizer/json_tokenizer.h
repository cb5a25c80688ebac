// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>

#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine {

// tokenizer.json with a BPE model. Throws EngineException (FileMissing, FileBad with the key, Unsupported).
[[nodiscard]] std::unique_ptr<Tokenizer> loadJsonTokenizer(const std::filesystem::path& file);

// vocab.json and merges.txt of a byte-level BPE; tokenizer_config.json beside them names the family (Qwen2
// splits differently from GPT-2) and the added tokens.
[[nodiscard]] std::unique_ptr<Tokenizer> loadVocabularyAndMerges(const std::filesystem::path& folder);

}  // namespace caravan::engine

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>

#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine {

// A SentencePiece model file (BPE, unigram, word, char), by SentencePiece itself. Special tokens come from
// the model and from the files beside it. Throws EngineException (FileMissing, FileBad).
[[nodiscard]] std::unique_ptr<Tokenizer> loadSentencePiece(const std::filesystem::path& file);

}  // namespace caravan::engine

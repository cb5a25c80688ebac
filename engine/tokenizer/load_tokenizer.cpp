// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include <new>

#include "engine/tokenizer/json_tokenizer.h"
#include "engine/tokenizer/sentencepiece_tokenizer.h"
#include "engine/tokenizer/tokenizer.h"

namespace caravan::engine {
namespace {

namespace fs = std::filesystem;

bool isFile(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

std::unique_ptr<Tokenizer> loadFolder(const fs::path& folder) {
    if (isFile(folder / "tokenizer.json")) return loadJsonTokenizer(folder / "tokenizer.json");
    for (const char* name :
         {"tokenizer.model", "sentencepiece.model", "spiece.model", "sentencepiece.bpe.model"})
        if (isFile(folder / name)) return loadSentencePiece(folder / name);
    if (isFile(folder / "vocab.json") && isFile(folder / "merges.txt"))
        return loadVocabularyAndMerges(folder);
    throw EngineException(ErrorCode::FileMissing, {{"file", (folder / "tokenizer.json").string()}});
}

std::unique_ptr<Tokenizer> load(const fs::path& path) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) return loadFolder(path);
    if (!isFile(path)) throw EngineException(ErrorCode::FileMissing, {{"file", path.string()}});
    if (path.filename() == "vocab.json" || path.filename() == "merges.txt")
        return loadVocabularyAndMerges(path.parent_path());
    if (path.extension() == ".json") return loadJsonTokenizer(path);
    return loadSentencePiece(path);
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> loadTokenizer(const fs::path& path) {
    try {
        return load(path);
    } catch (const EngineException& e) {
        return tl::unexpected(e.error());
    } catch (const std::bad_alloc&) {
        return fail(ErrorCode::FileTooLarge, {{"file", path.string()}, {"place", "tokenizer"}});
    } catch (const std::exception& e) {
        return fail(ErrorCode::FileBad,
                    {{"file", path.string()}, {"place", "tokenizer"}, {"detail", e.what()}});
    }
}

}  // namespace caravan::engine

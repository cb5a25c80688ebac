// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/data_set.h"

#include <algorithm>

#include "engine/formats/peft.h"

namespace caravan::engine {

namespace fs = std::filesystem;

std::string domainName(const DataFile& file) {
    if (!file.name.empty()) return file.name;
    const std::string name = fs::path(file.path).filename().string();
    return name.substr(0, name.find('.', 1));
}

std::int64_t sequenceLengthOf(const Recipe& recipe, std::int64_t modelMaxPositions) {
    return recipe.tune.sequenceLength.value_or(std::min<std::int64_t>(2048, modelMaxPositions));
}

Result<ChatTemplate> chatTemplateOf(const Recipe& recipe, const fs::path& folder,
                                    const Tokenizer& tokenizer) {
    fs::path model = folder / recipe.model.path;
    if (recipe.data.templateName == "model" && isPeftFolder(model)) {
        const auto config = readPeftConfig(model);
        if (!config) return tl::unexpected(config.error());
        model = peftBase(*config, model);
    }
    return ChatTemplate::named(recipe.data.templateName, model, tokenizer);
}

RowStore::Row RowStore::row(std::int64_t index) const {
    const Place& p = m_places.at(static_cast<std::size_t>(index));
    const auto begin = static_cast<std::size_t>(p.begin), length = static_cast<std::size_t>(p.length);
    return {std::span(m_ids).subspan(begin, length),
            std::span(m_trained).subspan(begin, length),
            p.file,
            p.domain,
            p.line,
            p.answerTokens};
}

std::int64_t RowStore::length(std::int64_t index) const {
    return m_places.at(static_cast<std::size_t>(index)).length;
}

void RowStore::add(std::span<const TokenId> ids, std::span<const std::uint8_t> trained, std::int32_t file,
                   std::int32_t domain, std::int64_t line) {
    m_places.push_back({static_cast<std::int64_t>(m_ids.size()), line, static_cast<std::int32_t>(ids.size()),
                        static_cast<std::int32_t>(std::count(trained.begin(), trained.end(), 1)), file,
                        domain});
    m_ids.insert(m_ids.end(), ids.begin(), ids.end());
    m_trained.insert(m_trained.end(), trained.begin(), trained.end());
}

}  // namespace caravan::engine

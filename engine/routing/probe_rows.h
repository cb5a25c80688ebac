// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/evaluate/heldout.h"

namespace caravan::engine::routing {

// Rows to route, by domain. The data sets own what the domains point to.
struct ProbeRows {
    struct Domain {
        std::string name;
        const RowStore* store = nullptr;
        std::vector<std::int32_t> rows;
    };
    std::string kind;  // "files", "held-out", "training"
    std::vector<Domain> domains;
    std::vector<std::unique_ptr<DataSet>> data;

    [[nodiscard]] std::int64_t tokens() const;
    [[nodiscard]] std::vector<std::string> names() const;
    // The first rows of each domain, so many that the limit of tokens, evenly over domains, is just reached;
    // 0 = all.
    [[nodiscard]] std::vector<Domain> first(std::int64_t maxTokens) const;
};

struct ProbeSources {
    const std::vector<DomainFile>& files;  // none: what the recipe says
    const Recipe* recipe = nullptr;        // of a run, or null
    std::filesystem::path runFolder;       // what its paths are relative to
    std::int64_t sequenceLength = 2048;
};
// Throws MissingOption without files and recipe, and as DataSet::load.
[[nodiscard]] ProbeRows loadProbeRows(const ProbeSources& sources, const Tokenizer& tokenizer,
                                      const ChatTemplate& chat, const ProgressFunction& progress,
                                      std::stop_token stop);

}  // namespace caravan::engine::routing

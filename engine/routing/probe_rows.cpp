// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/routing/probe_rows.h"

#include "engine/train/run_folder.h"

namespace caravan::engine::routing {
namespace {

void addAll(ProbeRows& probe, evaluate::ProbeSet set) {
    probe.data.push_back(std::make_unique<DataSet>(std::move(set.data)));
    for (auto& domain : set.domains)
        probe.domains.push_back({domain.name, &probe.data.back()->rows(), std::move(domain.rows)});
}

// The share of the training files that the run keeps apart.
void addHeldout(ProbeRows& probe, const ProbeSources& sources, const Tokenizer& tokenizer,
                const ChatTemplate& chat, const ProgressFunction& progress, std::stop_token stop) {
    DataSet::Options options{.sequenceLength = sources.sequenceLength, .progress = progress};
    options.stop = std::move(stop);
    options.chat = chat;
    probe.data.push_back(std::make_unique<DataSet>(
        unwrap(DataSet::load(*sources.recipe, sources.runFolder, tokenizer, options))));
    for (const auto& heldout : probe.data.back()->heldout()) {
        ProbeRows::Domain domain{heldout.name, &heldout.rows, {}};
        for (std::int32_t row = 0; row < static_cast<std::int32_t>(heldout.rows.size()); ++row)
            domain.rows.push_back(row);
        probe.domains.push_back(std::move(domain));
    }
}

std::vector<DomainFile> resolved(const std::vector<DataFile>& files, const std::filesystem::path& folder) {
    std::vector<DomainFile> out;
    for (const DataFile& file : files)
        out.push_back({train::resolved(file.path, folder).string(), file.name, file.columns});
    return out;
}

}  // namespace

std::int64_t ProbeRows::tokens() const {
    std::int64_t sum = 0;
    for (const Domain& domain : domains)
        for (const std::int32_t row : domain.rows)
            sum += domain.store->length(row);
    return sum;
}

std::vector<std::string> ProbeRows::names() const {
    std::vector<std::string> out;
    for (const Domain& domain : domains)
        out.push_back(domain.name);
    return out;
}

std::vector<ProbeRows::Domain> ProbeRows::first(std::int64_t maxTokens) const {
    if (maxTokens <= 0) return domains;
    const std::int64_t each =
        std::max<std::int64_t>(1, maxTokens / static_cast<std::int64_t>(domains.size()));
    std::vector<Domain> out;
    for (const Domain& domain : domains) {
        Domain& part = out.emplace_back(Domain{domain.name, domain.store, {}});
        std::int64_t tokens = 0;
        for (std::size_t i = 0; i < domain.rows.size() && tokens < each; ++i) {
            part.rows.push_back(domain.rows[i]);
            tokens += domain.store->length(domain.rows[i]);
        }
    }
    return out;
}

ProbeRows loadProbeRows(const ProbeSources& sources, const Tokenizer& tokenizer, const ChatTemplate& chat,
                        const ProgressFunction& progress, std::stop_token stop) {
    ProbeRows probe;
    const auto read = [&](const char* kind, const std::vector<DomainFile>& files) {
        probe.kind = kind;
        addAll(probe, evaluate::loadProbeSet(files, tokenizer, chat, sources.sequenceLength, progress, stop));
    };
    if (!sources.files.empty()) {
        read("files", sources.files);
    } else if (!sources.recipe) {
        throw EngineException(ErrorCode::MissingOption, {{"key", "data"}});
    } else if (const auto& data = sources.recipe->data; !data.heldout.empty()) {
        read("held-out", resolved(data.heldout, sources.runFolder));
    } else if (data.heldoutFraction > 0) {
        probe.kind = "held-out";
        addHeldout(probe, sources, tokenizer, chat, progress, std::move(stop));
    } else {
        read("training", resolved(data.files, sources.runFolder));
    }
    return probe;
}

}  // namespace caravan::engine::routing

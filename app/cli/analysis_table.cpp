// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/analysis_table.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/api/routing_figures.h"
#include "engine/api/routing_view.h"

namespace caravan::cli {
namespace {

std::string cell(double value, int decimals = 3) {
    return std::isfinite(value) ? fmt::format("{:>10.{}f}", value, decimals) : fmt::format("{:>10}", "-");
}

std::string layerTable(const engine::RoutingAnalysis& a) {
    std::string text =
        fmt::format("{:<8}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "layer", "saturated", "vocab.",
                    "repeated", "info.", "shuffled", "logsumexp", "variation", "to dense");
    for (std::size_t i = 0; i < a.layers.size(); ++i) {
        const engine::LayerAnalysis& layer = a.layers[i];
        const auto shares = engine::layerShares(a.statistics.record, i, {});
        text += fmt::format("{:<8}{}{}{}{}{}{}{}{}\n", layer.layer, cell(layer.saturation),
                            cell(layer.vocabulary), cell(layer.repeatRate), cell(layer.information, 4),
                            cell(layer.informationShuffled, 4), cell(layer.logSumExp, 2),
                            cell(engine::variationOf(shares)), cell(engine::meanOf(layer.toDense), 4));
    }
    return text;
}

std::string matrix(const char* title, const std::vector<double>& values, std::int64_t experts) {
    if (values.empty()) return {};
    std::string text = fmt::format("{:<8}", title);
    for (std::int64_t e = 0; e < experts; ++e)
        text += fmt::format(" {:>6}", e);
    text += '\n';
    for (std::int64_t row = 0; row < experts; ++row) {
        text += fmt::format("{:<8}", row);
        for (std::int64_t column = 0; column < experts; ++column) {
            const double value = values[static_cast<std::size_t>(row * experts + column)];
            text += std::isfinite(value) ? fmt::format(" {:>6.2f}", value) : fmt::format(" {:>6}", "-");
        }
        text += '\n';
    }
    return text;
}

std::string oneLine(const std::string& text) {
    std::string out;
    for (const char c : text)
        out += c == '\n' ? std::string("\\n") : c == '\t' ? std::string("\\t") : std::string(1, c);
    return out;
}

std::string expertWords(const engine::LayerAnalysis& layer) {
    std::string text;
    for (std::size_t e = 0; e < layer.tokens.size(); ++e) {
        text += fmt::format("  expert {}:", e);
        for (const auto& token : layer.tokens[e])
            text +=
                fmt::format(" \"{}\" {:.0f} % of {}", oneLine(token.text), 100 * token.share, token.count);
        text += '\n';
    }
    return text;
}

std::string mutedTable(const engine::RoutingAnalysis& a) {
    if (a.muted.empty()) return {};
    const auto& domains = a.statistics.record.domains;
    std::string text = fmt::format("{:<22}", "loss change if muted");
    for (const auto& domain : domains)
        text += fmt::format("{:>10}", domain.substr(0, 9));
    text += fmt::format("{:>10}\n", "mean");
    for (const auto& muted : a.muted) {
        text += fmt::format("{:<22}", muted.layer < 0
                                          ? fmt::format("all layers, expert {}", muted.expert)
                                          : fmt::format("layer {}, expert {}", muted.layer, muted.expert));
        for (const double change : muted.change)
            text += cell(change, 4);
        text += cell(muted.mean, 4) + "\n";
    }
    return text;
}

}  // namespace

std::string analysisTables(const engine::RoutingAnalysis& a) {
    const std::int64_t experts = a.statistics.record.experts;
    std::string text = layerTable(a);
    for (const auto& layer : a.layers) {
        text += fmt::format("\nLayer {}: chosen together, P(column | row)\n", layer.layer);
        text += matrix("", layer.together, experts);
        text += matrix("cosine", layer.cosine, experts) + matrix("CKA", layer.cka, experts);
        text += "  tokens that go there most, share of their occurrences\n" + expertWords(layer);
    }
    const std::string muted = mutedTable(a);
    return muted.empty() ? text : text + "\n" + muted;
}

}  // namespace caravan::cli

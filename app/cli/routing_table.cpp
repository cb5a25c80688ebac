// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/routing_table.h"

#include <fmt/format.h>

namespace caravan::cli {

std::vector<std::vector<double>> loadShares(const engine::RoutingRecord& r, std::int64_t domain) {
    std::vector<std::vector<double>> shares(r.layers.size(),
                                            std::vector<double>(static_cast<std::size_t>(r.experts)));
    for (std::size_t l = 0; l < r.layers.size(); ++l) {
        double sum = 0;
        for (std::size_t e = 0; e < shares[l].size(); ++e) {
            for (std::size_t d = 0; d < r.domains.size(); ++d)
                if (domain < 0 || static_cast<std::size_t>(domain) == d)
                    for (int role = 0; role < 2; ++role)
                        shares[l][e] += r.values[r.index(l, e, d, 1, role, 0)];
            sum += shares[l][e];
        }
        if (sum > 0)
            for (double& share : shares[l])
                share /= sum;
    }
    return shares;
}

namespace {

std::string expertHeads(std::int64_t experts) {
    std::string text;
    for (std::int64_t e = 0; e < experts; ++e)
        text += fmt::format(" {:>6}", e);
    return text;
}
std::string percents(const std::vector<double>& shares) {
    std::string text;
    for (const double share : shares)
        text += fmt::format(" {:>6.1f}", 100 * share);
    return text;
}

}  // namespace

std::string routingTable(const engine::RoutingRecord& r) {
    std::string text = fmt::format("{:<12}{}\n", "layer/expert", expertHeads(r.experts));
    const auto shares = loadShares(r);
    for (std::size_t l = 0; l < shares.size(); ++l)
        text += fmt::format("{:<12}{}\n", r.layers[l], percents(shares[l]));
    return text;
}

std::string domainTable(const engine::RoutingRecord& r) {
    std::string text = fmt::format("{:<12}{}\n", "domain", expertHeads(r.experts));
    for (std::size_t d = 0; d < r.domains.size(); ++d) {
        std::vector<double> mean(static_cast<std::size_t>(r.experts));
        for (const auto& layer : loadShares(r, static_cast<std::int64_t>(d)))
            for (std::size_t e = 0; e < mean.size(); ++e)
                mean[e] += layer[e] / static_cast<double>(r.layers.size());
        text += fmt::format("{:<12}{}\n", r.domains[d], percents(mean));
    }
    return text;
}

std::string routingCsv(const engine::RoutingRecord& r) {
    std::string text = "layer,expert,domain,choice,role,count,gate_sum\n";
    for (std::size_t l = 0; l < r.layers.size(); ++l)
        for (std::size_t e = 0; e < static_cast<std::size_t>(r.experts); ++e)
            for (std::size_t d = 0; d < r.domains.size(); ++d)
                for (int choice = 0; choice < 2; ++choice)
                    for (int role = 0; role < 2; ++role) {
                        std::string domain = r.domains[d];
                        if (domain.find_first_of(",\"\n") != std::string::npos) {
                            std::string quoted = "\"";
                            for (const char c : domain)
                                quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
                            domain = quoted + "\"";
                        }
                        text += fmt::format("{},{},{},{},{},{:.0f},{}\n", r.layers[l], e, domain,
                                            choice == 0 ? "first" : "all", role == 0 ? "prompt" : "answer",
                                            r.values[r.index(l, e, d, choice, role, 0)],
                                            r.values[r.index(l, e, d, choice, role, 1)]);
                    }
    return text;
}

std::string statisticsTable(const engine::RoutingStatistics& s) {
    std::string text = fmt::format("{:<8}{:>10}{:>10}{:>12}{:>12}{:>10}{:>14}\n", "layer", "MaxVio",
                                   "entropy", "effective", "confidence", "margin", "token entropy");
    const auto at = [](const std::vector<double>& values, std::size_t i) {
        return i < values.size() ? values[i] : 0.0;
    };
    for (std::size_t l = 0; l < s.record.layers.size(); ++l)
        text += fmt::format("{:<8}{:>10.3f}{:>10.3f}{:>12.2f}{:>12.3f}{:>10.3f}{:>14.3f}\n",
                            s.record.layers[l], at(s.maxVio, l), at(s.entropy, l), at(s.effectiveExperts, l),
                            at(s.confidence, l), at(s.margin, l), at(s.tokenEntropy, l));
    for (const auto& [layer, expert] : s.dead)
        text += fmt::format("dead: layer {}, expert {}\n", layer, expert);
    return text;
}

}  // namespace caravan::cli

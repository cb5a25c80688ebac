// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/data/data_mix.h"

#include <QCoreApplication>
#include <algorithm>
#include <functional>

#include "ui/format/format.h"

namespace caravan::ui {

std::vector<DomainShare> sharesOf(const engine::DataPreview& preview) {
    std::vector<DomainShare> shares;
    for (const engine::DataFileReport& file : preview.files) {
        if (file.heldout || !file.error.empty()) continue;
        const QString name = QString::fromStdString(file.name);
        auto found =
            std::find_if(shares.begin(), shares.end(), [&](const DomainShare& s) { return s.name == name; });
        if (found == shares.end()) found = shares.insert(shares.end(), DomainShare{name});
        found->rows += static_cast<double>(file.used);
        found->tokens += static_cast<double>(file.tokens);
    }
    return shares;
}

std::vector<DomainShare> largestOf(const std::vector<DomainShare>& shares) {
    if (shares.size() <= kMostDomains) return shares;
    std::vector<double> rows;
    for (const DomainShare& share : shares)
        rows.push_back(share.rows);
    std::nth_element(rows.begin(), rows.begin() + kMostDomains - 2, rows.end(), std::greater<>());
    const double least = rows[kMostDomains - 2];
    std::vector<DomainShare> kept;
    DomainShare others{QCoreApplication::translate("DataMix", "others")};
    for (const DomainShare& share : shares)
        if (share.rows >= least && kept.size() + 1 < kMostDomains) {
            kept.push_back(share);
        } else {
            others.rows += share.rows;
            others.tokens += share.tokens;
        }
    kept.push_back(std::move(others));
    return kept;
}

QVector<widgets::StackBar::Part> mixParts(const std::vector<DomainShare>& shares, double DomainShare::*what) {
    double total = 0;
    for (const DomainShare& s : shares)
        total += s.*what;
    QVector<widgets::StackBar::Part> parts;
    for (const DomainShare& s : shares)
        parts.push_back({s.name, s.*what,
                         total > 0
                             ? QString::number(100 * s.*what / total, 'f', 1) + kThinSpace + QLatin1Char('%')
                             : QString()});
    return parts;
}

QString weightWords(const engine::Recipe::Data& data) {
    if (data.files.size() < 2) return {};
    if (data.files.size() > kMostDomains)
        return QCoreApplication::translate("DataMix", "of %n file(s)", nullptr,
                                           static_cast<int>(data.files.size()));
    QStringList weights;
    for (const engine::DataFile& file : data.files)
        weights << shortReal(file.weight);
    return QCoreApplication::translate("DataMix", "weights %1").arg(weights.join(QStringLiteral(" : ")));
}

DataTotals totalsOf(const engine::DataPreview& preview) {
    DataTotals totals;
    std::int64_t lost = 0, answers = 0;
    for (const engine::DataFileReport& file : preview.files) {
        totals.notUsed += file.rejected + file.dropped;
        if (file.heldout) {
            totals.heldout += file.rows;
            continue;
        }
        totals.heldout += file.split;
        totals.used += file.used;
        totals.cut += file.truncated;
        lost += file.answerTokensLost;
        answers += file.answerTokens + file.answerTokensLost;
    }
    if (answers > 0) totals.answersLost = static_cast<double>(lost) / static_cast<double>(answers);
    return totals;
}

}  // namespace caravan::ui

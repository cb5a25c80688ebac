// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/api/data_preview.h"
#include "widgets/stack_bar.h"

namespace caravan::ui {

// Shares of the domains in an epoch, in the order of the files.
struct DomainShare {
    QString name;
    double rows = 0, tokens = 0;
};
[[nodiscard]] std::vector<DomainShare> sharesOf(const engine::DataPreview& preview);
[[nodiscard]] QVector<widgets::StackBar::Part> mixParts(const std::vector<DomainShare>& shares,
                                                        double DomainShare::*what);
// "weights 3 : 1 : 1"; "" with fewer than two training files.
[[nodiscard]] QString weightWords(const engine::Recipe::Data& data);

// What an epoch loses and holds back.
struct DataTotals {
    std::int64_t used = 0, cut = 0, heldout = 0, notUsed = 0;  // rows
    double answersLost = 0;                                    // share of the answer tokens
};
// More than kMostDomains cannot be told apart: the largest by rows in their order, then all others as one.
inline constexpr std::size_t kMostDomains = 6;
[[nodiscard]] std::vector<DomainShare> largestOf(const std::vector<DomainShare>& shares);
[[nodiscard]] DataTotals totalsOf(const engine::DataPreview& preview);

}  // namespace caravan::ui

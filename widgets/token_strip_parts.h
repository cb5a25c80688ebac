// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What the two files of the token strip share.
#pragma once

#include <QString>
#include <QTextLayout>
#include <vector>

#include "widgets/token_strip.h"

namespace caravan::widgets {

constexpr qreal kStripLineSpacing = 4.0;  // px between lines

struct TokenStrip::Paragraph {
    int firstToken = 0;
    std::vector<int> starts;  // offset of each token's text
    QString text;
    QTextLayout layout;
    qreal y = 0, height = 0;
    bool closed = false;

    [[nodiscard]] int tokens() const { return static_cast<int>(starts.size()); }
    [[nodiscard]] int start(int token) const { return starts[static_cast<std::size_t>(token - firstToken)]; }
    [[nodiscard]] int end(int token) const {
        const auto next = static_cast<std::size_t>(token - firstToken) + 1;
        return next < starts.size() ? starts[next] : static_cast<int>(text.size());
    }
};

}  // namespace caravan::widgets

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/chat_text_size.h"

#include <QSettings>
#include <algorithm>
#include <cmath>
#include <iterator>

namespace caravan::ui {
namespace {

constexpr int kSizes[] = {70, 80, 90, 100, 110, 125, 150, 175, 200};
const QString kKey = QStringLiteral("chat/text_percent");

}  // namespace

ChatTextSize& ChatTextSize::instance() {
    static ChatTextSize size;
    return size;
}

ChatTextSize::ChatTextSize() {
    // Whatever the settings say, it is one of the sizes.
    const int kept = QSettings().value(kKey, 100).toInt();
    m_percent = std::ranges::find(kSizes, kept) != std::end(kSizes) ? kept : 100;
}

bool ChatTextSize::canStep(int direction) const {
    return direction > 0 ? m_percent < *std::rbegin(kSizes) : m_percent > *std::begin(kSizes);
}

void ChatTextSize::step(int direction) {
    if (!canStep(direction)) return;
    set(*(std::ranges::find(kSizes, m_percent) + (direction > 0 ? 1 : -1)));
}

void ChatTextSize::reset() {
    set(100);
}

void ChatTextSize::set(int percent) {
    if (percent == m_percent) return;
    m_percent = percent;
    QSettings().setValue(kKey, percent);
    Q_EMIT changed();
}

QFont ChatTextSize::font(widgets::TextRole role) const {
    QFont font = widgets::textFont(role);
    font.setPixelSize(std::max(6, static_cast<int>(std::lround(font.pixelSize() * m_percent / 100.0))));
    return font;
}

}  // namespace caravan::ui

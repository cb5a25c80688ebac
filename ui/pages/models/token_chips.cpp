// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/models/token_chips.h"

#include <QPainter>

#include "ui/theme/style_paint.h"
#include "ui/theme/theme.h"

namespace caravan::ui {
namespace {
constexpr int kGap = 6, kHeight = 40, kMaximum = 200;
}

TokenChips::TokenChips(QWidget* parent) : QWidget(parent) {
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Minimum);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    setAccessibleName(tr("Tokens"));
}

void TokenChips::setTokens(const QStringList& pieces, const QVector<qint64>& ids) {
    m_pieces = pieces.mid(0, kMaximum);
    m_ids = ids;
    setAccessibleDescription(tr("%n token(s)", nullptr, static_cast<int>(pieces.size())) +
                             QStringLiteral(": ") + m_pieces.join(QStringLiteral(", ")));
    updateGeometry();
    update();
}

QVector<QRect> TokenChips::layOut(int width) const {
    const QFontMetrics piece(widgets::numberFont(12)), id(widgets::numberFont(10));
    QVector<QRect> result;
    int x = 0, y = 0;
    for (int i = 0; i < m_pieces.size(); ++i) {
        const int w = std::max(piece.horizontalAdvance(m_pieces[i]),
                               id.horizontalAdvance(QString::number(m_ids.value(i)))) +
                      14;
        if (x > 0 && x + w > width) {
            x = 0;
            y += kHeight + kGap;
        }
        result << QRect(x, y, w, kHeight);
        x += w + kGap;
    }
    return result;
}

int TokenChips::heightForWidth(int width) const {
    const auto cells = layOut(width);
    return cells.isEmpty() ? kHeight : cells.last().bottom() + 1;
}

void TokenChips::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const auto cells = layOut(width());
    for (int i = 0; i < cells.size(); ++i) {
        stylepaint::box(&painter, cells[i], Theme::color(Token::Alt), Theme::color(Token::Line), 1, 3);
        painter.setFont(widgets::numberFont(12));
        painter.setPen(Theme::color(Token::Text));
        painter.drawText(cells[i].adjusted(0, 2, 0, -18), Qt::AlignCenter, m_pieces[i]);
        painter.setFont(widgets::numberFont(10));
        painter.setPen(Theme::color(Token::Text2));
        painter.drawText(cells[i].adjusted(0, 20, 0, -2), Qt::AlignCenter, QString::number(m_ids.value(i)));
    }
}

}  // namespace caravan::ui

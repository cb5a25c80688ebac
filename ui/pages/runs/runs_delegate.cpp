// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/runs/runs_delegate.h"

#include <QMouseEvent>
#include <QPainter>

#include "engine/api/run_events.h"
#include "ui/pages/runs/runs_model.h"
#include "ui/theme/style_paint.h"
#include "ui/theme/theme.h"
#include "widgets/paint.h"
#include "widgets/sparkline.h"

namespace caravan::ui {
namespace {

using engine::RunState;
using widgets::TextRole;

constexpr int kCheckLeft = 16;

Token dotOf(RunState state) {
    switch (state) {
        case RunState::Loading:
        case RunState::Running:
        case RunState::Stopping:
            return Token::Accent;
        case RunState::Finished:
            return Token::Ok;
        case RunState::Failed:
        case RunState::Interrupted:
            return Token::Err;
        case RunState::Paused:
            return Token::WarnLine;
        default:
            return Token::Text3;
    }
}

void paintCheck(QPainter* painter, const QRect& cell, const QModelIndex& index) {
    QStyleOption box;
    box.rect = QRect(cell.left() + kCheckLeft, cell.center().y() - 7, 16, 16);
    box.state =
        QStyle::State_Enabled |
        (index.data(Qt::CheckStateRole).toInt() == Qt::Checked ? QStyle::State_On : QStyle::State_Off);
    stylepaint::checkBox(painter, &box);
    const int dash = index.data(RunsModel::DashRole).toInt();
    if (dash < 0) return;
    QPen pen(Theme::color(dash == 0 ? Token::Accent : Token::Text), 2);
    pen.setCapStyle(Qt::FlatCap);
    const QVector<qreal> pattern = widgets::dashPattern(dash, 2);
    if (!pattern.isEmpty()) pen.setDashPattern(pattern);
    painter->setPen(pen);
    const int y = cell.center().y() + 1, x = cell.left() + kCheckLeft + 22;
    painter->drawLine(x, y, x + 18, y);
}

void paintName(QPainter* painter, const QRect& room, const QModelIndex& index) {
    const QString note = index.data(RunsModel::NoteRole).toString();
    painter->setFont(index.data(Qt::FontRole).value<QFont>());
    painter->setPen(Theme::color(Token::Text));
    const QString name =
        painter->fontMetrics().elidedText(index.data().toString(), Qt::ElideMiddle, room.width());
    painter->drawText(room, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine, name);
    const int left = painter->fontMetrics().horizontalAdvance(name) + 10;
    if (note.isEmpty() || room.width() - left < 40) return;
    painter->setFont(widgets::textFont(TextRole::Caption));
    painter->setPen(Theme::color(Token::Text2));
    painter->drawText(
        room.adjusted(left, 0, 0, 0), Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine,
        painter->fontMetrics().elidedText(note.simplified(), Qt::ElideRight, room.width() - left));
}

void paintState(QPainter* painter, const QRect& room, const QModelIndex& index) {
    const auto state = static_cast<RunState>(index.data(RunsModel::StateRole).toInt());
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(Qt::NoPen);
    painter->setBrush(Theme::color(dotOf(state)));
    painter->drawEllipse(QRectF(room.left(), room.center().y() - 3.5, 8, 8));
    painter->setFont(widgets::textFont(TextRole::Body));
    painter->setPen(Theme::color(Token::Text));
    const QRect words = room.adjusted(14, 0, 0, 0);
    painter->drawText(
        words, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine,
        painter->fontMetrics().elidedText(index.data().toString(), Qt::ElideRight, words.width()));
}

void paintTags(QPainter* painter, QRect room, const QModelIndex& index) {
    QStringList tags = index.data().toString().split(QStringLiteral(", "), Qt::SkipEmptyParts);
    const bool broken = index.data(RunsModel::WarningRole).toBool();
    if (broken) tags.prepend(RunsModel::tr("not a number"));
    painter->setFont(widgets::textFont(TextRole::Caption));
    for (int i = 0; i < tags.size(); ++i) {
        const bool warns = broken && i == 0;
        const int width = painter->fontMetrics().horizontalAdvance(tags[i]) + 12;
        if (width > room.width()) break;
        const QRectF frame(room.left(), room.center().y() - 8, width, 18);
        stylepaint::box(painter, frame, Theme::color(warns ? Token::WarnBg : Token::Alt),
                        warns ? QColor() : Theme::color(Token::ButtonLine), 1, 3);
        painter->setPen(Theme::color(warns ? Token::Warn : Token::Text2));
        painter->drawText(frame, Qt::AlignCenter, tags[i]);
        room.setLeft(room.left() + width + 6);
    }
}

}  // namespace

QSize RunsDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const QSize plain = QStyledItemDelegate::sizeHint(option, index);
    switch (index.column()) {
        case RunsModel::Check:
            return {64, 29};
        case RunsModel::State:
            return {plain.width() + 14, 29};
        case RunsModel::Loss:
            return {104, 29};
        default:
            return {plain.width(), 29};
    }
}

void RunsDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                         const QModelIndex& index) const {
    QStyleOptionViewItem item = option;
    initStyleOption(&item, index);
    painter->save();
    stylepaint::itemRow(painter, &item);
    if ((option.state & QStyle::State_HasFocus) && (option.state & QStyle::State_KeyboardFocusChange))
        painter->fillRect(QRect(option.rect.topLeft(), QSize(2, option.rect.height())),
                          Theme::color(Token::Accent));
    const QRect room = option.rect.adjusted(8, 0, -8, 0);
    switch (index.column()) {
        case RunsModel::Check:
            paintCheck(painter, option.rect, index);
            break;
        case RunsModel::Name:
            paintName(painter, room, index);
            break;
        case RunsModel::State:
            paintState(painter, room, index);
            break;
        case RunsModel::Loss:
            widgets::drawSparkline(
                *painter, QRectF(room.adjusted(0, 3, 0, -3)),
                index.data(RunsModel::CurveRole).value<QVector<double>>(),
                Theme::color(index.data(RunsModel::WarningRole).toBool() ? Token::WarnLine : Token::Text2));
            break;
        case RunsModel::Tags:
            paintTags(painter, room, index);
            break;
        default: {
            painter->setFont(index.data(Qt::FontRole).value<QFont>());
            const QVariant ink = index.data(Qt::ForegroundRole);
            painter->setPen(ink.isValid() ? ink.value<QColor>() : Theme::color(Token::Text));
            const int alignment = index.data(Qt::TextAlignmentRole).toInt();
            painter->drawText(
                room, alignment | Qt::TextSingleLine,
                painter->fontMetrics().elidedText(index.data().toString(), Qt::ElideRight, room.width()));
        }
    }
    painter->restore();
}

bool RunsDelegate::editorEvent(QEvent* event, QAbstractItemModel* model, const QStyleOptionViewItem& option,
                               const QModelIndex& index) {
    if (index.column() != RunsModel::Check)
        return QStyledItemDelegate::editorEvent(event, model, option, index);
    if (event->type() == QEvent::MouseButtonDblClick) return true;
    if (event->type() != QEvent::MouseButtonRelease) return false;
    if (static_cast<QMouseEvent*>(event)->button() != Qt::LeftButton) return false;
    const bool on = index.data(Qt::CheckStateRole).toInt() == Qt::Checked;
    return model->setData(index, on ? Qt::Unchecked : Qt::Checked, Qt::CheckStateRole);
}

}  // namespace caravan::ui

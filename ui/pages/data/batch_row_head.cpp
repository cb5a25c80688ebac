// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/data/batch_row_head.h"

#include <QHBoxLayout>
#include <QPainter>

#include "ui/shell/surface.h"
#include "ui/theme/style_paint.h"
#include "widgets/paint.h"

namespace caravan::ui {
namespace {

class SourceChip : public QAbstractButton {
  public:
    explicit SourceChip(const QString& text, QWidget* parent) : QAbstractButton(parent) {
        setText(text);
        setAccessibleName(text);
        setToolTip(BatchRowHead::tr("Opens the row"));
        setCursor(Qt::PointingHandCursor);
        setFocusPolicy(Qt::TabFocus);
        setAttribute(Qt::WA_Hover);
        setFont(widgets::textFont(widgets::TextRole::Caption));
        setProperty("noFocusRing", true);
    }
    [[nodiscard]] QSize sizeHint() const override {
        return {fontMetrics().horizontalAdvance(text()) + 14, 24};  // what one hits; painted 20 high
    }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        stylepaint::box(&painter, rect().adjusted(0, 2, 0, -2),
                        Theme::color(underMouse() ? Token::Hover : Token::Alt), Theme::color(Token::Line), 1,
                        3);
        painter.setPen(Theme::color(underMouse() ? Token::Accent : Token::Text2));
        painter.drawText(rect(), Qt::AlignCenter, fontMetrics().elidedText(text(), Qt::ElideMiddle, width()));
        if (hasFocus()) widgets::drawFocusRing(painter, QRectF(rect()).adjusted(1, 3, -1, -3), 3);
    }
};

class DashedLine : public QWidget {
  public:
    explicit DashedLine(QWidget* parent) : QWidget(parent) {
        setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
        setFixedHeight(20);
    }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        QPen pen(Theme::color(Token::Control), 1);
        pen.setDashPattern({3, 3});
        painter.setPen(pen);
        painter.drawLine(0, height() / 2, width(), height() / 2);
    }
};

}  // namespace

BatchRowHead::BatchRowHead(const QString& words, const QString& source, QWidget* parent) : QWidget(parent) {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 2, 0, 0);
    row->setSpacing(8);
    row->addWidget(new ThemedLabel(words, widgets::TextRole::Caption, Token::Text2));
    auto* chip = new SourceChip(source, this);
    row->addWidget(chip);
    row->addWidget(new DashedLine(this), 1);
    connect(chip, &QAbstractButton::clicked, this, &BatchRowHead::sourceActivated);
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/menu_row.h"

#include <QHBoxLayout>
#include <QMenuBar>
#include <QPainter>

#include "ui/shell/key_chip.h"
#include "ui/shell/run_pill.h"
#include "ui/theme/style_paint.h"
#include "widgets/paint.h"

namespace caravan::ui {
namespace {

class PaletteField : public QAbstractButton {
  public:
    explicit PaletteField(QWidget* parent) : QAbstractButton(parent) {
        setText(MenuRow::tr("Actions, settings, runs, experts"));
        setAccessibleName(MenuRow::tr("Find an action, a setting, a run or an expert"));
        setFixedSize(284, 28);
        setFocusPolicy(Qt::TabFocus);
        setAttribute(Qt::WA_Hover);
        setCursor(Qt::IBeamCursor);
        setProperty("noFocusRing", true);
    }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        stylepaint::box(&painter, rect(), Theme::color(Token::Raised),
                        Theme::color(underMouse() ? Token::Text3 : Token::Control));
        widgets::themeIcon(QStringLiteral("search"), Theme::color(Token::Text2))
            .paint(&painter, QRect(9, 6, 16, 16));
        painter.setFont(widgets::textFont(widgets::TextRole::Secondary));
        painter.setPen(Theme::color(Token::Text3));
        painter.drawText(rect().adjusted(32, 0, -62, 0), Qt::AlignVCenter,
                         painter.fontMetrics().elidedText(text(), Qt::ElideRight, width() - 94));
        drawKeyChip(&painter, QRectF(width() - 58, 5, 52, 18), QStringLiteral("Ctrl K"));
        if (hasFocus()) widgets::drawFocusRing(painter, QRectF(rect()).adjusted(1, 1, -1, -1));
    }
};

}  // namespace

MenuRow::MenuRow(QWidget* parent) : Surface(Token::Window, Surface::Bottom, parent) {
    setFixedHeight(37);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(8, 0, 8, 1);
    row->setSpacing(12);
    m_menus = new QMenuBar(this);
    m_menus->setNativeMenuBar(false);
    m_menus->setSizePolicy(QSizePolicy::Minimum, QSizePolicy::Expanding);
    m_pill = new RunPill(this);
    auto* field = new PaletteField(this);
    row->addWidget(m_menus);
    row->addStretch(1);
    row->addWidget(m_pill);
    row->addWidget(field);
    connect(field, &QAbstractButton::clicked, this, &MenuRow::paletteWanted);
}

}  // namespace caravan::ui

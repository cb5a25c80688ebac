// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/models/verdict_box.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QPainter>
#include <QVBoxLayout>

#include "ui/shell/icon_label.h"
#include "ui/shell/layouts.h"
#include "ui/shell/surface.h"
#include "ui/theme/style_paint.h"

namespace caravan::ui {
namespace {

Token groundOf(VerdictBox::Tone tone) {
    switch (tone) {
        case VerdictBox::Tone::Good:
            return Token::OkBg;
        case VerdictBox::Tone::Caution:
            return Token::WarnBg;
        case VerdictBox::Tone::Bad:
            return Token::ErrBg;
        case VerdictBox::Tone::Neutral:
            return Token::Alt;
    }
    return Token::Alt;
}

Token inkOf(VerdictBox::Tone tone) {
    switch (tone) {
        case VerdictBox::Tone::Good:
            return Token::Ok;
        case VerdictBox::Tone::Caution:
            return Token::Warn;
        case VerdictBox::Tone::Bad:
            return Token::Err;
        case VerdictBox::Tone::Neutral:
            return Token::Text2;
    }
    return Token::Text2;
}

QString iconOf(VerdictBox::Tone tone) {
    switch (tone) {
        case VerdictBox::Tone::Good:
            return QStringLiteral("check");
        case VerdictBox::Tone::Caution:
            return QStringLiteral("warn");
        case VerdictBox::Tone::Bad:
            return QStringLiteral("err");
        case VerdictBox::Tone::Neutral:
            return QStringLiteral("info");
    }
    return {};
}

QHBoxLayout* line(const QString& icon, const QColor& color, QLabel* text) {
    auto* row = new QHBoxLayout;
    row->setSpacing(10);
    auto* mark = new QLabel;
    if (!icon.isEmpty()) showIcon(mark, icon, color);
    mark->setFixedWidth(16);
    row->addWidget(mark, 0, Qt::AlignTop);
    text->setWordWrap(true);
    row->addWidget(text, 1);
    return row;
}

}  // namespace

VerdictBox::VerdictBox(QWidget* parent) : QWidget(parent), m_layout(new QVBoxLayout(this)) {
    m_layout->setContentsMargins(16, 12, 16, 12);
    m_layout->setSpacing(6);
}

void VerdictBox::setVerdict(Tone tone, const QString& title, const QVector<Check>& checks,
                            const QString& readOut) {
    m_tone = tone;
    m_title = title;
    m_checks = checks;
    m_readOut = readOut;
    setAccessibleName(title);
    setAccessibleDescription(texts().join(QStringLiteral(". ")));
    rebuild();
}

QStringList VerdictBox::texts() const {
    QStringList result;
    for (const Check& check : m_checks)
        result << check.text;
    return result;
}

void VerdictBox::rebuild() {
    const QList<QWidget*> before = findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly);
    emptyLayout(m_layout);
    auto* title = new ThemedLabel(m_title, widgets::TextRole::Section,
                                  m_tone == Tone::Neutral ? Token::Text : inkOf(m_tone));
    QHBoxLayout* head = line(iconOf(m_tone), Theme::color(inkOf(m_tone)), title);
    if (!m_readOut.isEmpty()) {
        auto* value = new ThemedLabel(m_readOut, widgets::TextRole::LaneReadOut);
        head->addWidget(value);
    }
    m_layout->addLayout(head);
    const bool repeated = m_tone == Tone::Neutral;  // the title has that mark already
    for (const Check& check : m_checks) {
        const bool passed = check.mark == Check::Mark::Passed, failed = check.mark == Check::Mark::Failed;
        m_layout->addLayout(line(passed     ? QStringLiteral("check")
                                 : failed   ? QStringLiteral("close")
                                 : repeated ? QString()
                                            : QStringLiteral("info"),
                                 Theme::color(passed   ? Token::Ok
                                              : failed ? Token::Err
                                                       : Token::Text2),
                                 new ThemedLabel(check.text, widgets::TextRole::Secondary)));
    }
    // Qt shows and places them after the next painting otherwise: an empty box for one frame.
    for (QWidget* child : findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly))
        if (!before.contains(child)) child->show();
    m_layout->activate();
    update();
}

void VerdictBox::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange && !m_title.isEmpty()) rebuild();
    QWidget::changeEvent(event);
}

void VerdictBox::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    stylepaint::box(
        &painter, rect(), Theme::color(groundOf(m_tone)),
        m_framed ? Theme::color(m_tone == Tone::Neutral ? Token::ButtonLine : inkOf(m_tone)) : QColor());
}

}  // namespace caravan::ui

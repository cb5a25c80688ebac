// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/guided_tour.h"

#include <QApplication>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/shell/surface.h"

namespace caravan::ui {
namespace {

constexpr int kWidth = 400, kMargin = 16, kStatusLine = 25;

struct Card {
    QString page, title, text;
};

QVector<Card> cards() {
    const auto tr = [](const char* text) { return GuidedTour::tr(text); };
    return {
        {QStringLiteral("models"), tr("A dense model is where it starts"),
         tr("Models says what each folder is and whether it can become a mixture of experts. The demo brings "
            "one "
            "of 15.7 million parameters.")},
        {QStringLiteral("upcycle"), tr("Give it experts"),
         tr("Choose how many experts there are and how many answer at once. What that costs in memory, disk "
            "and "
            "time stands beside it; “Check step 0” proves that nothing has changed yet.")},
        {QStringLiteral("data"), tr("What it learns from"),
         tr("Tinted words are trained, the others are only read. “Start tuning” is at the lower right.")},
        {QStringLiteral("tune"), tr("Watch it learn"),
         tr("Loss, held-out loss of each domain and the load of every expert while it learns. Pause at any "
            "time "
            "and chat with the weights as they are.")},
        {QStringLiteral("routing"), tr("Where the tokens go"),
         tr("One row is a layer, one column an expert; 1 is an even share. Drag the time line to see how it "
            "came "
            "about.")},
        {QStringLiteral("chat"), tr("Ask, and see who answers"),
         tr("Each token has the color of its first expert. Click one for the probabilities of all layers.")},
    };
}

}  // namespace

GuidedTour::GuidedTour(QWidget* window) : QFrame(window) {
    setAccessibleName(tr("Tour"));
    setFocusPolicy(Qt::StrongFocus);
    setFixedWidth(kWidth);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(20, 16, 20, 16);
    layout->setSpacing(6);
    m_title = new ThemedLabel(QString(), widgets::TextRole::Section);
    m_title->setWordWrap(true);
    m_text = new ThemedLabel(QString(), widgets::TextRole::Body, Token::Text2);
    m_text->setWordWrap(true);
    m_where = new ThemedLabel(QString(), widgets::TextRole::Caption, Token::Text2);
    layout->addWidget(m_title);
    layout->addWidget(m_text);
    layout->addSpacing(8);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    m_end = textButton(tr("End"));
    m_back = textButton(tr("Back"));
    m_next = textButton(tr("Next"), QString(), true);
    row->addWidget(m_where);
    row->addStretch(1);
    row->addWidget(m_end);
    row->addWidget(m_back);
    row->addWidget(m_next);
    layout->addLayout(row);
    for (QPushButton* button : {m_end, m_back, m_next})
        button->setAutoDefault(true);  // Enter, too
    connect(m_end, &QPushButton::clicked, this, &GuidedTour::finish);
    connect(m_back, &QPushButton::clicked, this, [this] { go(m_step - 1); });
    connect(m_next, &QPushButton::clicked, this, [this] { go(m_step + 1); });
    hide();
}

int GuidedTour::count() {
    return static_cast<int>(cards().size());
}

void GuidedTour::start() {
    if (isHidden()) m_before = QApplication::focusWidget();
    show();
    go(0);
    m_next->setFocus(Qt::OtherFocusReason);
}

// Hidden with the focus it would pass it to the rail.
void GuidedTour::finish() {
    if (QWidget* now = QApplication::focusWidget(); now != nullptr && isAncestorOf(now)) {
        if (m_before && m_before->isVisible() && m_before->isEnabled())
            m_before->setFocus(Qt::OtherFocusReason);
        else
            now->clearFocus();
    }
    hide();
}

void GuidedTour::go(int step) {
    const QVector<Card> all = cards();
    if (step < 0) return;
    if (step >= all.size()) {
        finish();
        Q_EMIT pageWanted(QStringLiteral("upcycle"));  // where one's own begins
        return;
    }
    m_step = step;
    m_title->setText(all[step].title);
    m_text->setText(all[step].text);
    m_where->setText(tr("%1 of %2").arg(step + 1).arg(all.size()));
    m_back->setEnabled(step > 0);
    m_next->setText(step + 1 < all.size() ? tr("Next") : tr("Begin"));
    m_next->setToolTip(step + 1 < all.size() ? QString() : tr("To Upcycle, where a mixture is made"));
    setAccessibleDescription(all[step].title + QLatin1Char(' ') + all[step].text);
    const QPointer<QWidget> button = QApplication::focusWidget();
    const bool walked = button && isAncestorOf(button);
    Q_EMIT pageWanted(all[step].page);
    if (walked) (button->isEnabled() ? button.data() : m_next)->setFocus(Qt::OtherFocusReason);
    place();
    raise();
}

void GuidedTour::place() {
    const QWidget* window = parentWidget();
    setFixedHeight(layout()->hasHeightForWidth() ? layout()->heightForWidth(kWidth) : sizeHint().height());
    move(window->width() - kWidth - kMargin, window->height() - kStatusLine - kMargin - height());
}

void GuidedTour::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Escape:
            return finish();
        case Qt::Key_Right:
            return go(m_step + 1);
        case Qt::Key_Left:
            return go(m_step - 1);
        default:
            QFrame::keyPressEvent(event);
    }
}

void GuidedTour::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(Theme::color(Token::Raised));
    painter.setPen(Theme::color(Token::Accent));
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6);
}

}  // namespace caravan::ui

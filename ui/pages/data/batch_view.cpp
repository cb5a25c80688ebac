// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/data/batch_view.h"

#include <QFileInfo>
#include <QGraphicsOpacityEffect>
#include <QHBoxLayout>
#include <QLabel>
#include <QScrollArea>
#include <QSpinBox>
#include <QVBoxLayout>

#include "ui/format/format.h"
#include "ui/pages/data/batch_row_head.h"
#include "ui/theme/theme.h"
#include "widgets/segmented.h"
#include "widgets/theme_colors.h"
#include "widgets/token_strip.h"

namespace caravan::ui {
namespace {
using widgets::StripToken;

// A byte piece is a line feed or a tab like any other to whoever reads the text.
QString shownText(const engine::PreviewToken& token) {
    if (!token.special) {
        if (token.text == "<0x0A>") return QStringLiteral("\n");
        if (token.text == "<0x09>") return QStringLiteral("\t");
    }
    return QString::fromStdString(token.text);
}

std::vector<StripToken> stripTokens(const engine::PreviewRow& row, bool ids) {
    std::vector<StripToken> tokens;
    tokens.reserve(row.tokens.size());
    for (const engine::PreviewToken& t : row.tokens) {
        StripToken token;
        token.text = ids ? QString::number(t.id) + QLatin1Char(' ') : shownText(t);
        token.kind = t.special && !t.trained ? StripToken::Kind::Special
                     : t.trained             ? StripToken::Kind::Trained
                                             : StripToken::Kind::Masked;
        if (t.special && t.trained && !ids) token.kind = StripToken::Kind::Special;
        token.accessibleText = QObject::tr("token %1, id %2, %3")
                                   .arg(QString::fromStdString(t.text))
                                   .arg(t.id)
                                   .arg(t.trained ? QObject::tr("trained") : QObject::tr("masked"));
        tokens.push_back(std::move(token));
    }
    return tokens;
}
}  // namespace

BatchView::BatchView(QWidget* parent)
    : QWidget(parent),
      m_number(new QSpinBox),
      m_of(new QLabel),
      m_counts(new QLabel),
      m_mode(new widgets::Segmented({tr("Text"), tr("Ids")})),
      m_canvas(new QWidget),
      m_rows(new QVBoxLayout) {
    auto* sequence = new QLabel(tr("Sequence"));
    sequence->setBuddy(m_number);
    m_number->setRange(1, 1);
    m_number->setFixedWidth(60);
    m_number->setAlignment(Qt::AlignRight);
    m_number->setFont(widgets::numberFont());
    m_number->setAccessibleName(tr("Sequence of the batch"));
    m_counts->setTextFormat(Qt::RichText);
    m_mode->setAccessibleName(tr("Show text or ids"));
    auto* head = new QHBoxLayout;
    head->setContentsMargins(16, 4, 16, 4);
    head->setSpacing(8);
    head->addWidget(sequence);
    head->addWidget(m_number);
    head->addWidget(m_of);
    head->addStretch(1);
    head->addWidget(m_counts);
    head->addSpacing(8);
    head->addWidget(m_mode);
    m_rows->setContentsMargins(16, 4, 16, 16);
    m_rows->setSpacing(4);
    m_canvas->setLayout(m_rows);
    m_canvas->setBackgroundRole(QPalette::Base);
    m_canvas->setAutoFillBackground(true);
    auto* scroll = new QScrollArea;
    scroll->setAccessibleName(tr("Rows of the batch"));
    scroll->setWidget(m_canvas);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addLayout(head);
    layout->addWidget(scroll, 1);
    connect(m_number, &QSpinBox::valueChanged, this, [this] { showSequence(); });
    connect(m_mode, &widgets::Segmented::currentChanged, this, [this] { showSequence(); });
    connect(&Theme::instance(), &Theme::changed, this,
            [this] { showSequence(); });  // its counts hold a color
    setBatch({}, 0);
}

int BatchView::sequence() const {
    return m_number->value() - 1;
}
QString BatchView::countsText() const {
    return m_counts->text();
}

void BatchView::setStale(bool stale) {
    if (stale == (m_canvas->graphicsEffect() != nullptr)) return;
    if (!stale) return m_canvas->setGraphicsEffect(nullptr);
    auto* faded = new QGraphicsOpacityEffect(m_canvas);
    faded->setOpacity(0.5);
    m_canvas->setGraphicsEffect(faded);
}

void BatchView::setBatch(const std::vector<engine::PreviewSequence>& batch, std::int64_t sequenceLength) {
    m_batch = batch;
    m_sequenceLength = sequenceLength;
    {
        const QSignalBlocker quiet(m_number);
        m_number->setRange(1, std::max<int>(1, static_cast<int>(batch.size())));
    }
    m_number->setEnabled(batch.size() > 1);
    m_mode->setEnabled(!batch.empty());
    m_of->setText(tr("of %1").arg(batch.size()));
    showSequence();
}

void BatchView::showSequence() {
    m_strips.clear();
    while (QLayoutItem* item = m_rows->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    const auto index = static_cast<std::size_t>(sequence());
    if (index >= m_batch.size()) {
        m_counts->clear();
        auto* empty = new QLabel(
            tr("The first batch appears here as soon as a base model and a file with rows are chosen."));
        empty->setWordWrap(true);
        empty->setForegroundRole(QPalette::PlaceholderText);
        m_rows->addWidget(empty);
        m_rows->addStretch(1);
        return;
    }
    const engine::PreviewSequence& sequence = m_batch[index];
    std::int64_t position = 0, trained = 0, masked = 0;
    int number = 1;
    for (const engine::PreviewRow& row : sequence.rows) {
        addRow(row, number++, position);
        position += static_cast<std::int64_t>(row.tokens.size());
        for (const engine::PreviewToken& token : row.tokens)
            (token.trained ? trained : masked) += 1;
    }
    m_rows->addStretch(1);
    const widgets::ThemeColors& c = widgets::themeColors();
    m_counts->setText(tr("<span style='background-color:%1'>&nbsp;trained&nbsp;</span>&nbsp;%2 &nbsp;&nbsp; "
                         "masked&nbsp;%3 &nbsp;&nbsp; padding&nbsp;%4 &nbsp;&nbsp; in all&nbsp;%5")
                          .arg(c.soft.name(), withThousands(trained), withThousands(masked),
                               withThousands(sequence.padding),
                               withThousands(trained + masked + sequence.padding)));
}

void BatchView::addRow(const engine::PreviewRow& row, int number, std::int64_t position) {
    const QString file = QString::fromStdString(row.file);
    const auto count = static_cast<std::int64_t>(row.tokens.size());
    const QString positions =
        tr("positions %1–%2").arg(withThousands(position), withThousands(position + count - 1));
    auto* head = new BatchRowHead(
        tr("Row %1, %2 tokens, %3")
            .arg(number)
            .arg(withThousands(count), number == 1 ? positions : tr("attention starts anew")),
        tr("%1, %2 line %3")
            .arg(QString::fromStdString(row.domain), QFileInfo(file).fileName(), withThousands(row.line)));
    head->setToolTip(positions);
    connect(head, &BatchRowHead::sourceActivated, this,
            [this, file, line = row.line] { Q_EMIT rowActivated(file, line); });
    m_rows->addWidget(head);
    auto* strip = new widgets::TokenStrip;
    strip->setTextRoleFont(widgets::textFont(widgets::TextRole::Code));
    strip->setAccessibleName(tr("Row %1 of the batch").arg(number));
    strip->setTokens(stripTokens(row, m_mode->current() == 1));
    m_rows->addWidget(strip);
    m_strips.push_back(strip);
}

}  // namespace caravan::ui

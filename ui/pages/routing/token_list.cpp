// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/routing/token_list.h"

#include <QEvent>
#include <QHeaderView>
#include <QStandardItemModel>
#include <QTableView>
#include <QVBoxLayout>
#include <cmath>

#include "ui/format/format.h"
#include "ui/shell/surface.h"
#include "ui/shell/tables.h"

namespace caravan::ui {
namespace {

constexpr int kNear = 10;  // characters on each side

enum Column { kBefore, kToken, kAfter, kGate, kDomain };

QString oneLine(const std::string& text) {
    return QString::fromStdString(text)
        .replace(QLatin1Char('\n'), QChar(0x21B5))
        .replace(QLatin1Char('\t'), QChar(0x21E5));
}

QString signedNats(double value) {
    if (!std::isfinite(value)) return QStringLiteral("–");
    return (value < 0 ? QStringLiteral("−") : QStringLiteral("+")) + QString::number(std::abs(value), 'f', 4);
}

QString mutedSentence(const engine::RoutingAnalysis& analysis, std::int64_t layer, std::int64_t expert) {
    for (const engine::MutedExpert& muted : analysis.muted) {
        if (muted.layer != layer || muted.expert != expert) continue;
        QStringList domains;
        for (std::size_t d = 0; d < muted.change.size() && muted.change.size() > 1; ++d)
            domains << QStringLiteral("%1 %2").arg(
                QString::fromStdString(analysis.statistics.record.domains[d]), signedNats(muted.change[d]));
        const QString all =
            TokenList::tr("Muted alone: loss %1 nats per answer token").arg(signedNats(muted.mean));
        return domains.isEmpty() ? all + QLatin1Char('.')
                                 : QStringLiteral("%1 (%2).").arg(all, domains.join(QStringLiteral(", ")));
    }
    return {};
}

}  // namespace

QString visibleToken(const std::string& text) {
    QString shown = oneLine(text);
    if (shown.startsWith(QLatin1Char(' '))) shown.replace(0, 1, QChar(0x2423));
    if (shown.endsWith(QLatin1Char(' '))) shown.replace(shown.size() - 1, 1, QChar(0x2423));
    return shown;
}

TokenList::TokenList(QWidget* parent) : QWidget(parent) {
    using widgets::TextRole;
    m_wordsTitle = new ThemedLabel(tr("Goes here most often"), TextRole::Section, Token::Text);
    m_words = new ThemedLabel(QString(), TextRole::Code, Token::Text);
    m_words->setWordWrap(true);
    m_words->setTextFormat(Qt::PlainText);
    m_muted = new ThemedLabel(QString(), TextRole::Caption, Token::Text2);
    m_muted->setWordWrap(true);
    m_muted->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    m_contextTitle = new ThemedLabel(tr("In context"), TextRole::Section, Token::Text);
    m_model = new QStandardItemModel(this);
    m_table = flatTable(tr("Tokens in context"));
    m_table->setModel(m_model);
    m_table->verticalHeader()->setDefaultSectionSize(24);
    m_table->setMinimumHeight(120);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(6);
    column->addWidget(m_muted);
    column->addWidget(m_wordsTitle);
    column->addWidget(m_words);
    column->addWidget(m_contextTitle);
    column->addWidget(m_table, 1);
    clear(QString());
}

QString TokenList::words() const {
    return m_words->text();
}
QString TokenList::muted() const {
    return m_muted->isHidden() ? QString() : m_muted->text();
}

void TokenList::tint() {
    for (int row = 0; row < m_model->rowCount(); ++row)
        if (QStandardItem* item = m_model->item(row, kToken))
            item->setBackground(widgets::expertTint(m_expert, item->data(Qt::UserRole).toDouble()));
}

void TokenList::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange && m_model != nullptr) tint();
    QWidget::changeEvent(event);
}

void TokenList::clear(const QString& why) {
    m_model->clear();
    m_wordsTitle->hide();
    m_words->hide();
    m_contextTitle->hide();
    m_table->hide();
    m_muted->setText(why);
    m_muted->setVisible(!why.isEmpty());
}

void TokenList::show(const engine::RoutingAnalysis& analysis, std::size_t layer, std::size_t expert) {
    const engine::LayerAnalysis& at = analysis.layers[layer];
    const QString muted = mutedSentence(analysis, at.layer, static_cast<std::int64_t>(expert));
    m_muted->setText(muted);
    m_muted->setVisible(!muted.isEmpty());
    QStringList words;
    if (expert < at.tokens.size())
        for (const engine::ExpertToken& token : at.tokens[expert])
            words << QStringLiteral("%1%2%3%4%")
                         .arg(visibleToken(token.text), QChar(0x00A0),
                              QString::number(token.share * 100, 'f', 0), kThinSpace);
    m_wordsTitle->setVisible(true);
    m_words->setVisible(true);
    m_words->setText(words.isEmpty() ? tr("No token was seen often enough.")
                                     : words.join(QStringLiteral("   ")));
    m_wordsTitle->setToolTip(tr("Share of the token's occurrences that chose this expert"));
    m_model->clear();
    m_model->setHorizontalHeaderLabels({tr("Before"), tr("Token"), tr("After"), tr("Gate"), tr("Domain")});
    const auto& domains = analysis.statistics.record.domains;
    const std::vector<engine::TokenInContext> none;
    const auto& contexts = expert < at.contexts.size() ? at.contexts[expert] : none;
    for (const engine::TokenInContext& context : contexts) {
        QList<QStandardItem*> row;
        // The nearest characters; all of them on hover.
        const QString before = oneLine(context.before), after = oneLine(context.after);
        const QString texts[] = {
            before.right(kNear), visibleToken(context.token), after.left(kNear),
            QString::number(context.gate, 'f', 2),
            context.domain >= 0 && static_cast<std::size_t>(context.domain) < domains.size()
                ? QString::fromStdString(domains[static_cast<std::size_t>(context.domain)])
                : QString()};
        for (const QString& text : texts) {
            auto* item = new QStandardItem(text);
            item->setEditable(false);
            if (row.size() <= kAfter) {
                item->setFont(widgets::numberFont(11.0));
                item->setToolTip(before + texts[kToken] + after);
            }
            row.append(item);
        }
        row[kBefore]->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
        row[kToken]->setTextAlignment(Qt::AlignCenter);
        row[kToken]->setData(context.gate, Qt::UserRole);
        row[kGate]->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
        m_model->appendRow(row);
    }
    m_expert = static_cast<int>(expert);
    tint();
    m_contextTitle->setVisible(true);
    m_contextTitle->setText(contexts.empty() ? tr("No token of the probe set goes here")
                                             : tr("In context, highest gate weights"));
    m_table->setVisible(!contexts.empty());
    auto* header = m_table->horizontalHeader();
    header->setStretchLastSection(false);
    for (const int part : {kBefore, kAfter})
        header->setSectionResizeMode(part, QHeaderView::Stretch);
    for (const int part : {kToken, kGate, kDomain})
        header->setSectionResizeMode(part, QHeaderView::ResizeToContents);
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/vote_table.h"

#include <QDialogButtonBox>
#include <QHeaderView>
#include <QTableWidget>
#include <QVBoxLayout>

#include "ui/format/format.h"
#include "ui/shell/surface.h"

namespace caravan::ui {

VoteTable::VoteTable(const std::vector<projects::PairTally>& pairs, QWidget* parent)
    : QDialog(parent), m_table(new QTableWidget(static_cast<int>(pairs.size()), 6)) {
    setWindowTitle(tr("Blind votes"));
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    m_table->setHorizontalHeaderLabels(
        {tr("Model"), tr("Other model"), tr("Model better"), tr("Other better"), tr("Ties"), tr("Both bad")});
    m_table->setAccessibleName(tr("Votes per pair of models"));
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->verticalHeader()->hide();
    m_table->setFrameShape(QFrame::NoFrame);
    for (int row = 0; row < m_table->rowCount(); ++row) {
        const projects::PairTally& pair = pairs[static_cast<std::size_t>(row)];
        int column = 0;
        for (const std::string& name : {pair.first, pair.second}) {
            auto* item = new QTableWidgetItem(QString::fromStdString(name));
            item->setToolTip(item->text());
            m_table->setItem(row, column++, item);
        }
        for (const std::int64_t count : {pair.firstBetter, pair.secondBetter, pair.ties, pair.bothBad}) {
            auto* item = new QTableWidgetItem(withThousands(count));
            item->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
            item->setFont(widgets::numberFont());
            m_table->setItem(row, column++, item);
        }
    }
    for (int column = 0; column < 6; ++column)
        m_table->horizontalHeaderItem(column)->setTextAlignment(
            (column < 2 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    m_table->setShowGrid(false);
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
    m_table->horizontalHeader()->setSectionResizeMode(1, QHeaderView::Stretch);
    auto* note = new ThemedLabel(
        tr("Every vote of this project that was given before the names were shown. The best of three or four "
           "answers counts against each of the others."),
        widgets::TextRole::Secondary, Token::Text2);
    note->setWordWrap(true);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(24, 20, 24, 20);
    layout->setSpacing(12);
    layout->addWidget(note);
    layout->addWidget(m_table, 1);
    layout->addWidget(buttons);
    resize(820, 320);
}

}  // namespace caravan::ui

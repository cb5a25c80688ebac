// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/routing/cell_inspector.h"

#include <QVBoxLayout>

#include "ui/pages/routing/token_list.h"
#include "ui/shell/surface.h"

namespace caravan::ui {

CellInspector::CellInspector(QWidget* parent)
    : QScrollArea(parent),
      m_loads(new widgets::LoadBars),
      m_note(new ThemedLabel(QString(), widgets::TextRole::Caption, Token::Text2)),
      m_tokens(new TokenList) {
    m_note->setWordWrap(true);
    auto* cell = new Surface(Token::Base);
    auto* column = new QVBoxLayout(cell);
    column->setContentsMargins(16, 0, 16, 12);
    column->setSpacing(8);
    column->addWidget(m_loads);
    column->addWidget(m_note);
    column->addWidget(m_tokens, 1);
    setFocusPolicy(Qt::NoFocus);  // what it holds is reached by itself
    setAccessibleName(tr("The chosen expert"));
    setFrameShape(QFrame::NoFrame);
    setWidgetResizable(true);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setWidget(cell);
    setMinimumWidth(304);
    show(CellFacts{});
}

void CellInspector::show(const CellFacts& facts) {
    m_facts = facts;
    m_loads->setVisible(facts.expert >= 0);
    m_note->setText(facts.expert >= 0 ? facts.note : tr("Choose a cell of the map."));
    if (facts.expert >= 0) m_loads->setRows(facts.loads, facts.expert);
    if (facts.expert >= 0 && facts.analysis && facts.layer < facts.analysis->layers.size())
        m_tokens->show(*facts.analysis, facts.layer, static_cast<std::size_t>(facts.expert));
    else
        m_tokens->clear(facts.expert >= 0 ? facts.why : QString());
}

}  // namespace caravan::ui

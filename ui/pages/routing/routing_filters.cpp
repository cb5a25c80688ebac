// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/routing/routing_filters.h"

#include <QHBoxLayout>
#include <QPainter>

#include "ui/shell/surface.h"
#include "widgets/heat_map.h"
#include "widgets/segmented.h"

namespace caravan::ui {

using widgets::Segmented;

RoutingFilters::RoutingFilters(QWidget* parent) : QWidget(parent) {
    setFixedHeight(44);
    setAccessibleName(tr("Filters"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(24, 0, 16, 1);
    row->setSpacing(8);
    const auto add = [&](const QString& word, const QStringList& segments) {
        auto* label = new ThemedLabel(word, widgets::TextRole::Secondary, Token::Text2);
        auto* choice = new Segmented(segments);
        choice->setAccessibleName(word);
        row->addWidget(label);
        row->addWidget(choice);
        row->addSpacing(8);
        connect(choice, &Segmented::currentChanged, this, &RoutingFilters::changed);
        return std::pair(label, choice);
    };
    std::tie(m_domainWord, m_domain) = add(tr("Domain"), {tr("All")});
    m_choice = add(tr("Choice"), {tr("Both"), tr("First"), tr("Second")}).second;
    m_measure = add(tr("Count"), {tr("Tokens"), tr("Gate weight")}).second;
    m_role = add(tr("Tokens of"), {tr("All"), tr("Answer"), tr("Prompt")}).second;
    row->addStretch(1);
    m_scale = new widgets::ColorScale;
    row->addWidget(m_scale);
}

void RoutingFilters::setShape(const QStringList& domains, int topK) {
    m_domain->setSegments(QStringList{tr("All")} + domains);
    const bool one = domains.size() < 2;
    m_domain->setVisible(!one);
    m_domainWord->setVisible(!one);
    m_choice->setSegments(topK <= 1   ? QStringList{tr("First")}
                          : topK == 2 ? QStringList{tr("Both"), tr("First"), tr("Second")}
                                      : QStringList{tr("All"), tr("First"), tr("Later")});
    m_choice->setEnabled(topK > 1);
    fit();
}

RoutingFilter RoutingFilters::filter() const {
    RoutingFilter filter;
    filter.domain = m_domain->current() - 1;
    filter.choice = m_choice->segments().size() == 1 ? RoutingChoice::First
                                                     : static_cast<RoutingChoice>(m_choice->current());
    filter.measure = m_measure->current() == 0 ? RoutingMeasure::Tokens : RoutingMeasure::GateWeight;
    filter.role = m_role->current() == 0   ? RoutingRole::All
                  : m_role->current() == 1 ? RoutingRole::Answer
                                           : RoutingRole::Prompt;
    return filter;
}

void RoutingFilters::cycleDomain() {
    m_domain->setCurrent((m_domain->current() + 1) % static_cast<int>(m_domain->segments().size()));
}
void RoutingFilters::cycleChoice() {
    m_choice->setCurrent((m_choice->current() + 1) % static_cast<int>(m_choice->segments().size()));
}

QString RoutingFilters::words() const {
    QStringList words{m_measure->current() == 0 ? tr("token count ÷ ideal") : tr("gate weight ÷ ideal")};
    if (m_domain->current() > 0) words << m_domain->currentText();
    if (m_choice->current() > 0) words << tr("%1 choice").arg(m_choice->currentText().toLower());
    if (m_role->current() > 0) words << (m_role->current() == 1 ? tr("answer tokens") : tr("prompt tokens"));
    return words.join(QStringLiteral(", "));
}

void RoutingFilters::fit() {
    Segmented* const all[] = {m_domain, m_choice, m_measure, m_role};
    for (Segmented* segments : all)
        segments->setCompact(segments->segments().size() > 5);
    m_scale->show();
    const auto tooWide = [this] {
        layout()->invalidate();
        return layout()->minimumSize().width() > width();
    };
    if (tooWide()) m_scale->hide();
    for (int i = 3; i >= 0 && tooWide(); --i)
        all[i]->setCompact(true);
}

void RoutingFilters::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fit();
}

void RoutingFilters::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(rect(), Theme::color(Token::Base));
    painter.fillRect(QRect(0, height() - 1, width(), 1), Theme::color(Token::Line));
}

}  // namespace caravan::ui

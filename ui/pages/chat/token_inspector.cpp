// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/chat/token_inspector.h"

#include <QGridLayout>
#include <QLabel>
#include <QPainter>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <limits>

#include "ui/format/format.h"
#include "ui/theme/theme.h"
#include "widgets/chart_pane.h"
#include "widgets/chip.h"
#include "widgets/heat_map.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {
constexpr std::size_t kFewestGateRows = 4, kMostGateRows = 8;

// A token as it can be seen: spaces and line feeds get their marks.
QString visible(const std::string& text) {
    QString shown = QString::fromStdString(text);
    shown.replace(QLatin1Char('\n'), QChar(0x21B5))
        .replace(QLatin1Char(' '), QChar(0x2423))
        .replace(QLatin1Char('\t'), QChar(0x21E5));
    return shown.isEmpty() ? QStringLiteral("·") : shown;
}
}  // namespace

class BarRow : public QWidget {
  public:
    explicit BarRow(QWidget* parent = nullptr) : QWidget(parent) { setFixedHeight(24); }
    void set(int expert, const QString& name, double fraction, const QString& value, const QString& note,
             bool strong) {
        m_expert = expert;
        m_name = name;
        m_fraction = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
        m_value = value;
        m_note = note;
        m_strong = strong;
        setAccessibleName(text());
        setToolTip(text());
        update();
    }
    [[nodiscard]] QString text() const {
        return (m_expert >= 0 ? QObject::tr("expert %1").arg(m_expert) : m_name) + QLatin1Char(' ') +
               m_value + (m_note.isEmpty() ? QString() : QLatin1Char(' ') + m_note);
    }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        const widgets::ThemeColors& c = widgets::themeColors();
        const int left = m_expert >= 0 ? 26 : 72, right = m_expert >= 0 ? 116 : 56;
        painter.setFont(widgets::numberFont());
        painter.setPen(c.text);
        if (m_expert >= 0) {
            widgets::drawExpertChip(painter, QRectF(0, 3, 18, 18), m_expert);
        } else {
            QFont font = widgets::numberFont();
            font.setBold(m_strong);
            painter.setFont(font);
            painter.drawText(QRect(0, 0, left - 8, height()), Qt::AlignVCenter | Qt::AlignLeft,
                             painter.fontMetrics().elidedText(m_name, Qt::ElideRight, left - 8));
            painter.setFont(widgets::numberFont());
        }
        const QRectF track(left, height() / 2.0 - 3, std::max(10, width() - left - right), 6);
        painter.fillRect(track, c.alt);
        QRectF bar = track;
        bar.setWidth(std::max(1.0, track.width() * m_fraction));
        painter.fillRect(bar, m_expert >= 0 ? c.expert(m_expert) : m_strong ? c.text : c.ctl);
        const int room = m_expert >= 0 ? 50 : right;  // the gate stands behind it, else it ends the row
        painter.drawText(QRect(width() - right, 0, room, height()), Qt::AlignVCenter | Qt::AlignRight,
                         m_value);
        painter.setPen(c.text2);
        painter.setFont(widgets::textFont(widgets::TextRole::Caption));
        if (m_expert >= 0)
            painter.drawText(QRect(width() - 62, 0, 62, height()), Qt::AlignVCenter | Qt::AlignRight, m_note);
    }

  private:
    int m_expert = -1;
    QString m_name, m_value, m_note;
    double m_fraction = 0;
    bool m_strong = false;
};

TokenInspector::TokenInspector(QWidget* parent)
    : QWidget(parent),
      m_title(new QLabel),
      m_note(new QLabel),
      m_map(new widgets::HeatMap),
      m_pane(new widgets::ChartPane(m_map)),
      m_layerTitle(new QLabel),
      m_gates(new QVBoxLayout),
      m_alternatives(new QVBoxLayout),
      m_figures(new QLabel),
      m_right(new QWidget) {
    setBackgroundRole(QPalette::Base);
    setAutoFillBackground(true);
    setAccessibleName(tr("Token inspector"));
    m_title->setFont(widgets::textFont(widgets::TextRole::DockTitle));
    m_title->setTextFormat(Qt::RichText);
    m_title->setContentsMargins(16, 8, 16, 8);
    m_note->setWordWrap(true);
    m_note->setForegroundRole(QPalette::PlaceholderText);
    m_note->setContentsMargins(16, 0, 16, 8);
    m_map->setScale(widgets::HeatMap::Scale::Share, 1.0);
    m_map->setWords(tr("layer"), tr("expert"));
    m_map->setHeaderColors(true);
    m_map->setMaximumCell({28, 22});
    m_map->setMinimumWidth(150);
    m_map->setAccessibleName(tr("Router probability, layers by experts"));
    connect(m_map, &widgets::HeatMap::currentCellChanged, this, [this](int row, int) {
        if (row >= 0 && row != m_layer) Q_EMIT layerChosen(row);
    });
    m_layerTitle->setFont(widgets::textFont(widgets::TextRole::DockTitle));
    auto* alternatives = new QLabel(tr("Next-token alternatives"));
    alternatives->setFont(widgets::textFont(widgets::TextRole::DockTitle));
    m_figures->setTextFormat(Qt::RichText);
    m_figures->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_gates->setSpacing(0);
    m_alternatives->setSpacing(0);
    auto* right = new QVBoxLayout(m_right);
    right->setContentsMargins(8, 0, 16, 0);
    right->setSpacing(4);
    right->addWidget(m_layerTitle);
    right->addLayout(m_gates);
    right->addSpacing(8);
    right->addWidget(alternatives);
    right->addLayout(m_alternatives);
    right->addSpacing(8);
    right->addWidget(m_figures);
    right->addStretch(1);
    auto* row = new QHBoxLayout;
    row->setContentsMargins(12, 0, 0, 8);
    row->setSpacing(4);
    m_pane->setContextMenuPolicy(Qt::ActionsContextMenu);
    row->addWidget(m_pane, 10);
    row->addWidget(m_right, 11);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_title);
    layout->addWidget(m_note);
    layout->addLayout(row, 1);
    connect(&Theme::instance(), &Theme::changed, this, [this] {  // rich text holds its colors
        if (!m_has) return;
        writeTitle();
        fillAlternatives();
    });
    showToken(nullptr, 0, 0);
}

void TokenInspector::showToken(const engine::TokenEvent* token, int index, int count) {
    m_has = token != nullptr;
    m_note->setVisible(!m_has || token->experts.empty() || token->probabilities.empty());
    m_right->setVisible(m_has);
    m_pane->setVisible(m_has && !token->experts.empty());
    if (!m_has) {
        m_title->setText(tr("Token"));
        m_note->setText(
            tr("Click a token of an answer, or walk through it with the arrow keys: its experts in every "
               "layer and what else could have stood there appear here."));
        return;
    }
    m_token = *token;
    m_index = index;
    m_count = count;
    writeTitle();
    if (token->experts.empty())
        m_note->setText(tr("This model has no experts."));
    else if (token->probabilities.empty())
        m_note->setText(tr("Probabilities were not kept; choices and gates were."));
    fillMap();
    fillLayer();
    fillAlternatives();
}

void TokenInspector::writeTitle() {
    m_title->setText(tr("Token &nbsp;<code>%1</code>&nbsp; <span style='color:%4'>%2 of %3</span>")
                         .arg(visible(m_token.text.empty() ? m_token.bytes : m_token.text).toHtmlEscaped())
                         .arg(m_index + 1)
                         .arg(m_count)
                         .arg(widgets::themeColors().text2.name()));
}

void TokenInspector::setLayer(int row) {
    m_layer = row;
    if (!m_has) return;
    const auto expert = static_cast<std::size_t>(row) < m_token.experts.size() &&
                                !m_token.experts[static_cast<std::size_t>(row)].empty()
                            ? m_token.experts[static_cast<std::size_t>(row)][0]
                            : -1;
    m_map->setCurrentCell(row, expert);
    fillLayer();
}

// Without kept probabilities the gates stand for them; experts that were not chosen are unknown, not 0.
void TokenInspector::fillMap() {
    widgets::HeatMapData data;
    data.rows = static_cast<int>(m_token.experts.size());
    if (data.rows == 0) return;
    std::int32_t experts = 0;
    for (const auto& layer : m_token.probabilities)
        experts = std::max(experts, static_cast<std::int32_t>(layer.size()));
    for (const auto& layer : m_token.experts)
        for (const std::int32_t e : layer)
            experts = std::max(experts, e + 1);
    data.columns = experts;
    data.values.assign(static_cast<std::size_t>(data.rows) * static_cast<std::size_t>(experts),
                       std::numeric_limits<float>::quiet_NaN());
    data.frames.assign(data.values.size(), -1);
    for (std::size_t l = 0; l < m_token.experts.size(); ++l) {
        const std::size_t start = l * static_cast<std::size_t>(experts);
        if (l < m_token.probabilities.size())
            std::copy(m_token.probabilities[l].begin(), m_token.probabilities[l].end(),
                      data.values.begin() + static_cast<std::ptrdiff_t>(start));
        for (std::size_t k = 0; k < m_token.experts[l].size(); ++k) {
            const auto e = static_cast<std::size_t>(m_token.experts[l][k]);
            data.frames[start + e] = static_cast<signed char>(m_token.experts[l][k] % 8);
            if (l >= m_token.probabilities.size() && k < m_token.weights[l].size())
                data.values[start + e] = m_token.weights[l][k];
        }
    }
    for (const std::int64_t layer : m_token.layers)
        data.rowLabels.push_back(static_cast<int>(layer));
    m_map->setData(std::move(data));
    m_pane->refresh();
    m_map->setCurrentCell(
        m_layer, m_token.experts[static_cast<std::size_t>(
                                     std::min<int>(m_layer, static_cast<int>(m_token.experts.size()) - 1))]
                         .empty()
                     ? -1
                     : m_token.experts[static_cast<std::size_t>(
                           std::min<int>(m_layer, static_cast<int>(m_token.experts.size()) - 1))][0]);
}

void TokenInspector::fillLayer() {
    const auto l = static_cast<std::size_t>(m_layer);
    const bool known = l < m_token.experts.size();
    m_layerTitle->setVisible(known);
    struct Row {
        int expert;
        double probability, gate;
    };
    std::vector<Row> rows;
    if (known) {
        m_layerTitle->setText(tr("Layer %1").arg(l < m_token.layers.size() ? m_token.layers[l] : m_layer));
        const bool full = l < m_token.probabilities.size();
        const auto gateOf = [&](int e) {
            for (std::size_t k = 0; k < m_token.experts[l].size(); ++k)
                if (m_token.experts[l][k] == e) return static_cast<double>(m_token.weights[l][k]);
            return -1.0;
        };
        if (full)
            for (std::size_t e = 0; e < m_token.probabilities[l].size(); ++e)
                rows.push_back(
                    {static_cast<int>(e), m_token.probabilities[l][e], gateOf(static_cast<int>(e))});
        else
            for (const std::int32_t e : m_token.experts[l])
                rows.push_back({e, gateOf(e), gateOf(e)});
        std::stable_sort(rows.begin(), rows.end(),
                         [](const Row& a, const Row& b) { return a.probability > b.probability; });
        // The chosen ones and the two that came next; the map has them all.
        rows.resize(
            std::min(rows.size(), std::clamp(m_token.experts[l].size() + 2, kFewestGateRows, kMostGateRows)));
    }
    while (m_gateRows.size() < rows.size()) {
        m_gateRows.push_back(new BarRow);
        m_gates->addWidget(m_gateRows.back());
    }
    for (std::size_t i = 0; i < m_gateRows.size(); ++i) {
        m_gateRows[i]->setVisible(i < rows.size());
        if (i < rows.size())
            m_gateRows[i]->set(
                rows[i].expert, {}, rows[i].probability, QString::number(rows[i].probability, 'f', 2),
                rows[i].gate >= 0 ? tr("gate %1").arg(rows[i].gate, 0, 'f', 2) : QStringLiteral("—"), true);
    }
}

void TokenInspector::fillAlternatives() {
    const auto& list = m_token.alternatives;
    while (m_alternativeRows.size() < list.size()) {
        m_alternativeRows.push_back(new BarRow);
        m_alternatives->addWidget(m_alternativeRows.back());
    }
    for (std::size_t i = 0; i < m_alternativeRows.size(); ++i) {
        m_alternativeRows[i]->setVisible(i < list.size());
        if (i < list.size())
            m_alternativeRows[i]->set(-1, visible(list[i].text), std::exp(list[i].logprob),
                                      QString::number(list[i].logprob, 'f', 2), {}, list[i].id == m_token.id);
    }
    const QFont number = widgets::numberFont();
    const auto line = [&](const QString& name, const QString& value) {
        return QStringLiteral(
                   "<tr><td style='color:%3; font-size:%6px; padding-bottom:4px'>%1</td>"
                   "<td align='right' style='font-family:\"%4\"; font-size:%5px'>%2</td></tr>")
            .arg(name, value, widgets::themeColors().text2.name(), number.family())
            .arg(number.pixelSize())
            .arg(widgets::textFont(widgets::TextRole::Secondary).pixelSize());
    };
    m_figures->setText(QStringLiteral("<table width='100%' cellspacing='0'>") +
                       line(tr("Log-probability"), QString::number(m_token.logprob, 'f', 3)) +
                       line(tr("Probability"), QString::number(std::exp(m_token.logprob), 'f', 3)) +
                       line(tr("Entropy"), tr("%1 nats").arg(m_token.entropy, 0, 'f', 2)) +
                       line(tr("Rank"), withThousands(m_token.rank)) + QStringLiteral("</table>"));
}

QString TokenInspector::gateText() const {
    QStringList lines;
    for (const BarRow* row : m_gateRows)
        if (!row->isHidden()) lines.push_back(row->text());
    return lines.join(QLatin1Char('\n'));
}

QString TokenInspector::alternativesText() const {
    QStringList lines;
    for (const BarRow* row : m_alternativeRows)
        if (!row->isHidden()) lines.push_back(row->text());
    return lines.join(QLatin1Char('\n'));
}

}  // namespace caravan::ui

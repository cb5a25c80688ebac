// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/tune/samples_table.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QSignalBlocker>
#include <QSlider>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/format/format.h"
#include "ui/shell/surface.h"
#include "ui/shell/tables.h"

namespace caravan::ui {

void SamplesAtStep::setSamples(std::vector<engine::Sample> rows) {
    beginResetModel();
    m_rows = std::move(rows);
    endResetModel();
}

int SamplesAtStep::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}
int SamplesAtStep::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : 2;
}

QVariant SamplesAtStep::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const engine::Sample& sample = m_rows[static_cast<std::size_t>(index.row())];
    if (role == Qt::DisplayRole || role == Qt::ToolTipRole)
        return QString::fromStdString(index.column() == 0 ? sample.prompt : sample.text).trimmed();
    if (role == Qt::TextAlignmentRole) return QVariant::fromValue(Qt::AlignTop | Qt::AlignLeft);
    return {};
}

QVariant SamplesAtStep::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole) return {};
    return section == 0 ? tr("Prompt") : tr("Answer");
}

SamplesTable::SamplesTable(QWidget* parent)
    : QWidget(parent),
      m_model(new SamplesAtStep(this)),
      m_table(flatTable(tr("Answers to all prompts"))),
      m_slider(new QSlider(Qt::Horizontal)),
      m_label(new ThemedLabel(QString(), widgets::TextRole::Number, Token::Text2)) {
    m_table->setModel(m_model);
    m_table->setWordWrap(true);
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_table->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Interactive);
    m_table->horizontalHeader()->setSectionResizeMode(1, QHeaderView::Stretch);
    m_table->setColumnWidth(0, 130);
    m_table->verticalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_slider->setRange(0, 0);
    m_slider->setPageStep(1);
    m_slider->setAccessibleName(tr("Step of the answers"));
    auto* bar = new QHBoxLayout;
    bar->setContentsMargins(16, 0, 16, 4);
    bar->setSpacing(12);
    bar->addWidget(m_slider, 1);
    bar->addWidget(m_label);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addLayout(bar);
    column->addWidget(m_table, 1);
    connect(m_slider, &QSlider::valueChanged, this, &SamplesTable::showCurrent);
}

void SamplesTable::setSamples(const std::vector<engine::Sample>& samples) {
    m_samples = samples;
    renew();
}

void SamplesTable::setWindow(engine::StepIndex first, engine::StepIndex last) {
    m_first = first;
    m_last = last;
    renew();
}

void SamplesTable::renew() {
    const bool atEnd = m_slider->value() == m_slider->maximum();
    const engine::StepIndex before = step();
    m_steps.clear();
    for (const engine::Sample& sample : m_samples)
        if (m_last < m_first || (sample.step >= m_first && sample.step <= m_last))
            m_steps.push_back(sample.step);
    std::sort(m_steps.begin(), m_steps.end());
    m_steps.erase(std::unique(m_steps.begin(), m_steps.end()), m_steps.end());
    {
        const QSignalBlocker quiet(m_slider);
        m_slider->setRange(0, std::max(0, static_cast<int>(m_steps.size()) - 1));
        m_slider->setEnabled(m_steps.size() > 1);
        if (atEnd) m_slider->setValue(m_slider->maximum());
    }
    if (!atEnd) showStep(before);
    showCurrent();
}

void SamplesTable::showStep(engine::StepIndex step) {
    const auto above = std::upper_bound(m_steps.begin(), m_steps.end(), step);
    m_slider->setValue(std::max(0, static_cast<int>(above - m_steps.begin()) - 1));
}

engine::StepIndex SamplesTable::step() const {
    const auto at = static_cast<std::size_t>(m_slider->value());
    return at < m_steps.size() ? m_steps[at] : -1;
}

void SamplesTable::showCurrent() {
    std::vector<engine::Sample> rows;
    for (const engine::Sample& sample : m_samples) {
        if (sample.step != step()) continue;
        // Of a step that came again the later answer is in force.
        const auto same = std::find_if(
            rows.begin(), rows.end(), [&](const engine::Sample& row) { return row.prompt == sample.prompt; });
        if (same != rows.end())
            *same = sample;
        else
            rows.push_back(sample);
    }
    m_model->setSamples(std::move(rows));
    m_label->setText(step() < 0 ? QString() : tr("step %1").arg(withThousands(step())));
}

}  // namespace caravan::ui

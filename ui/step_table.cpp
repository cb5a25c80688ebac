// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/step_table.h"

namespace caravan::ui {
namespace {

// In the order of the figures, but for the step.
constexpr std::array<double StepRow::*, StepTable::FigureCount> kMembers = {nullptr,
                                                                            &StepRow::loss,
                                                                            &StepRow::balance,
                                                                            &StepRow::learningRate,
                                                                            &StepRow::gradientNorm,
                                                                            &StepRow::tokensPerSecond,
                                                                            &StepRow::memoryGiB,
                                                                            &StepRow::tokens,
                                                                            &StepRow::seconds,
                                                                            &StepRow::maxVio,
                                                                            &StepRow::worstMaxVio,
                                                                            &StepRow::effectiveExperts,
                                                                            &StepRow::entropy,
                                                                            &StepRow::confidence};

}  // namespace

void StepTable::append(StepRow row, double secondsOfProcess, double tokensOfStep) {
    const double total = empty() ? 0 : m_columns[Seconds].back();
    if (m_processes.empty() || secondsOfProcess < total - m_processes.back().secondsBefore)
        m_processes.push_back({size(), total});
    row.seconds = m_processes.back().secondsBefore + secondsOfProcess;
    row.tokens = (empty() ? 0 : m_columns[Tokens].back()) + tokensOfStep;
    for (int i = Loss; i < FigureCount; ++i) {
        const double value = row.*kMembers[static_cast<std::size_t>(i)];
        m_columns[static_cast<std::size_t>(i)].append(i >= MaxVio ? static_cast<float>(value) : value);
    }
    m_columns[Step].append(static_cast<double>(row.step));
}

void StepTable::truncate(std::size_t size) {
    for (widgets::Column& column : m_columns)
        column.truncate(size);
    while (!m_processes.empty() && m_processes.back().firstRow >= size)
        m_processes.pop_back();
}

StepRow StepTable::operator[](std::size_t index) const {
    StepRow row;
    row.step = stepAt(index);
    for (int i = Loss; i < FigureCount; ++i)
        row.*kMembers[static_cast<std::size_t>(i)] = m_columns[static_cast<std::size_t>(i)][index];
    return row;
}

std::size_t StepTable::lowerIndex(engine::StepIndex step) const {
    return m_columns[Step].lowerBound(static_cast<double>(step));
}

std::size_t StepTable::bytes() const {
    std::size_t sum = 0;
    for (const widgets::Column& column : m_columns)
        sum += column.bytes();
    return sum;
}

}  // namespace caravan::ui

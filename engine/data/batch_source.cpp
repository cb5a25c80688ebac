// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "engine/data/batch_source.h"

#include <algorithm>
#include <cmath>

#include "engine/data/counter_random.h"

namespace caravan::engine {
namespace {

constexpr std::size_t kKeptEpochs = 2;

}  // namespace

BatchSource::BatchSource(const DataSet& data, const Recipe& recipe, std::int64_t sequenceLength)
    : m_data(&data),
      m_seed(recipe.seed),
      m_batchRows(std::max<std::int64_t>(1, recipe.tune.batchRows)),
      m_batchSequences(recipe.tune.batchSequences.value_or(0)),
      m_sequenceLength(sequenceLength),
      m_packing(recipe.data.packing) {
    if (data.epochRows().empty()) throw EngineException(ErrorCode::MissingOption, {{"key", "data.files"}});
    planSteps(recipe);
}

void BatchSource::planSteps(const Recipe& recipe) {
    if (recipe.tune.steps) {
        m_steps = *recipe.tune.steps;
        return;
    }
    const double whole = std::floor(recipe.tune.epochs), part = recipe.tune.epochs - whole;
    const auto fullEpochs = static_cast<std::int64_t>(whole);
    const auto partRows = std::llround(part * static_cast<double>(m_data->epochRows().size()));
    for (std::int64_t e = 0; e < fullEpochs; ++e)
        m_steps += stepsOf(e);
    if (partRows > 0) {
        m_lastEpoch = fullEpochs;
        m_lastEpochRows = partRows;
        m_steps += makeEpoch(m_lastEpoch, m_lastEpochRows).steps();
    }
}

BatchSource::Epoch BatchSource::makeEpoch(std::int64_t index, std::int64_t rowLimit) const {
    const std::vector<std::int32_t>& rows = m_data->epochRows();
    const auto shuffled = permutation(m_seed, DataPurpose::EpochOrder, static_cast<std::uint32_t>(index),
                                      static_cast<std::int64_t>(rows.size()));
    Epoch epoch;
    const auto count =
        static_cast<std::size_t>(std::min<std::int64_t>(rowLimit, static_cast<std::int64_t>(rows.size())));
    for (std::size_t i = 0; i < count; ++i)
        epoch.order.push_back(rows[static_cast<std::size_t>(shuffled[i])]);
    std::int64_t filled = 0, tokens = 0;  // rows of the step, or its sequences; tokens of the open sequence
    for (std::size_t i = 0; i < count; ++i) {
        bool starts = epoch.starts.empty();
        if (m_batchSequences == 0) {
            starts = starts || filled == m_batchRows;
            filled = starts ? 1 : filled + 1;
        } else {
            const std::int64_t length = m_data->rows().length(epoch.order[i]);
            const bool opens = starts || tokens + length > m_sequenceLength;
            starts = starts || (opens && filled == m_batchSequences);
            tokens = opens ? length : tokens + length;
            if (starts)
                filled = 1;
            else if (opens)
                ++filled;
        }
        if (starts) epoch.starts.push_back(static_cast<std::int64_t>(i));
    }
    epoch.starts.push_back(static_cast<std::int64_t>(count));
    return epoch;
}

const BatchSource::Epoch& BatchSource::epochAt(std::int64_t index) {
    auto found = m_epochs.find(index);
    if (found == m_epochs.end()) {
        if (m_epochs.size() >= kKeptEpochs) m_epochs.erase(m_epochs.begin());
        const std::int64_t limit =
            index == m_lastEpoch ? m_lastEpochRows : static_cast<std::int64_t>(m_data->epochRows().size());
        found = m_epochs.emplace(index, makeEpoch(index, limit)).first;
    }
    return found->second;
}

std::int64_t BatchSource::stepsOf(std::int64_t epoch) {
    const auto rows = static_cast<std::int64_t>(m_data->epochRows().size());
    if (m_batchSequences == 0)
        return ((epoch == m_lastEpoch ? m_lastEpochRows : rows) + m_batchRows - 1) / m_batchRows;
    const auto found = m_epochSteps.find(epoch);
    return found != m_epochSteps.end() ? found->second : m_epochSteps[epoch] = epochAt(epoch).steps();
}

BatchSource::Place BatchSource::find(std::int64_t step) {
    Place place{0, step - 1};
    for (std::int64_t steps = stepsOf(0); place.index >= steps; steps = stepsOf(place.epoch)) {
        place.index -= steps;
        ++place.epoch;
    }
    return place;
}

std::int64_t BatchSource::epoch(std::int64_t step) {
    return find(step).epoch;
}

std::vector<std::int32_t> BatchSource::rows(std::int64_t step) {
    if (step < 1) throw EngineException(ErrorCode::Internal, {{"detail", "steps count from 1"}});
    const Place place = find(step);
    const Epoch& epoch = epochAt(place.epoch);
    const auto begin = epoch.order.begin();
    return {begin + epoch.starts[static_cast<std::size_t>(place.index)],
            begin + epoch.starts[static_cast<std::size_t>(place.index) + 1]};
}

std::vector<MicroBatch> BatchSource::microBatches(std::int64_t step, std::int64_t maxTokens, TokenId padId) {
    return packMicroBatches(m_data->rows(), rows(step), maxTokens, m_packing, padId);
}

}  // namespace caravan::engine

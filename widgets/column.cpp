// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/column.h"

#include <algorithm>
#include <cmath>

namespace caravan::widgets {
namespace {

bool same(double a, double b) {
    return a == b || (std::isnan(a) && std::isnan(b));
}

constexpr double kWidest = 2147483647;       // of int32
constexpr double kExact = 4503599627370496;  // 2^52: sums of whole numbers below it are exact

}  // namespace

Column::Chunk::Chunk(const std::vector<double>& values) : first(values[0]), step(values[1] - values[0]) {
    if (std::isnan(first)) step = 0;
    bool line = true, narrow = true, counted = std::isfinite(first);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double value = values[i];
        line = line && same(first + static_cast<double>(i) * step, value);
        narrow = narrow && same(static_cast<double>(static_cast<float>(value)), value);
        counted = counted && value == std::floor(value) && std::abs(value) < kExact &&
                  std::abs(value - first) <= kWidest;
    }
    if (line) return;
    if (narrow) {
        floats.assign(values.begin(), values.end());
    } else if (counted) {
        whole.reserve(values.size());
        for (const double value : values)
            whole.push_back(static_cast<std::int32_t>(value - first));
    } else {
        doubles = values;
        doubles.shrink_to_fit();
    }
}

double Column::Chunk::operator[](std::size_t i) const {
    if (!doubles.empty()) return doubles[i];
    if (!floats.empty()) return floats[i];
    if (!whole.empty()) return first + whole[i];
    return first + static_cast<double>(i) * step;
}

void Column::Chunk::read(std::size_t from, std::size_t count, double* to) const {
    if (!doubles.empty()) {
        std::copy_n(doubles.begin() + static_cast<std::ptrdiff_t>(from), count, to);
    } else if (!floats.empty()) {
        std::copy_n(floats.begin() + static_cast<std::ptrdiff_t>(from), count, to);
    } else {
        for (std::size_t i = 0; i < count; ++i)
            to[i] = (*this)[from + i];
    }
}

void Column::append(double value) {
    m_open.push_back(value);
    if (m_open.size() < kChunk) return;
    m_full.push_back(std::make_shared<const Chunk>(m_open));
    m_open.clear();
}

void Column::extend(const Column& from, std::size_t upTo) {
    upTo = std::min(upTo, from.size());
    while (size() < upTo) {
        if (m_open.empty() && m_full.size() < from.m_full.size() && size() + kChunk <= upTo)
            m_full.push_back(from.m_full[m_full.size()]);
        else
            append(from[size()]);
        // What was gathered here value by value gives way to the chunk that it became there.
        if (m_open.empty() && !m_full.empty() && m_full.size() <= from.m_full.size())
            m_full.back() = from.m_full[m_full.size() - 1];
    }
}

void Column::read(std::size_t first, std::size_t count, double* to) const {
    while (count > 0) {
        const std::size_t chunk = first / kChunk, at = first % kChunk;
        const std::size_t part = std::min(count, kChunk - at);
        if (chunk < m_full.size())
            m_full[chunk]->read(at, part, to);
        else
            std::copy_n(m_open.begin() + static_cast<std::ptrdiff_t>(at), part, to);
        first += part;
        to += part;
        count -= part;
    }
}

void Column::truncate(std::size_t size) {
    if (size >= this->size()) return;
    const std::size_t whole = size / kChunk;
    std::vector<double> rest;
    for (std::size_t i = whole * kChunk; i < size; ++i)
        rest.push_back((*this)[i]);
    m_full.resize(std::min(whole, m_full.size()));
    m_open = std::move(rest);
}

void Column::clear() {
    m_full.clear();
    m_open.clear();
}

std::size_t Column::lowerBound(double value) const {
    std::size_t low = 0, high = size();
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if ((*this)[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

std::size_t Column::upperBound(double value) const {
    std::size_t low = 0, high = size();
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if ((*this)[middle] <= value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

std::size_t Column::sharedWith(const Column& other) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < std::min(m_full.size(), other.m_full.size()); ++i)
        count += m_full[i] == other.m_full[i];
    return count;
}

std::size_t Column::bytes() const {
    std::size_t sum = m_open.capacity() * sizeof(double) + m_full.capacity() * sizeof(m_full[0]);
    for (const auto& chunk : m_full)
        sum += sizeof(Chunk) + chunk->floats.capacity() * sizeof(float) +
               chunk->whole.capacity() * sizeof(std::int32_t) + chunk->doubles.capacity() * sizeof(double);
    return sum;
}

}  // namespace caravan::widgets

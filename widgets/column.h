// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace caravan::widgets {

// An append-only array of doubles that gives back every value as it came. Full chunks never change, so copies
// and extend() share them; a chunk is kept in the smallest form that holds its values exactly.
class Column {
  public:
    static constexpr std::size_t kChunk = 1024;
    void append(double value);
    // By what `from` has beyond size(), until there are `upTo`.
    void extend(const Column& from, std::size_t upTo = SIZE_MAX);
    void truncate(std::size_t size);  // keeps the first ones
    void clear();
    [[nodiscard]] std::size_t size() const { return m_full.size() * kChunk + m_open.size(); }
    [[nodiscard]] bool isEmpty() const { return m_full.empty() && m_open.empty(); }
    [[nodiscard]] double operator[](std::size_t index) const {
        const std::size_t chunk = index / kChunk;
        return chunk < m_full.size() ? (*m_full[chunk])[index % kChunk] : m_open[index % kChunk];
    }
    void read(std::size_t first, std::size_t count, double* to) const;  // all of them must be there
    [[nodiscard]] double back() const { return (*this)[size() - 1]; }
    // Of a column that never falls: the first that is not below, that is above `value`.
    [[nodiscard]] std::size_t lowerBound(double value) const;
    [[nodiscard]] std::size_t upperBound(double value) const;
    [[nodiscard]] std::size_t sharedWith(const Column& other) const;  // chunks that both have
    [[nodiscard]] std::size_t bytes() const;                          // of the values, shared ones too

  private:
    struct Chunk {
        double first = 0, step = 0;       // Line: first + i * step
        std::vector<float> floats;        // all of them are floats
        std::vector<std::int32_t> whole;  // first + whole[i]
        std::vector<double> doubles;
        explicit Chunk(const std::vector<double>& values);
        double operator[](std::size_t i) const;
        void read(std::size_t from, std::size_t count, double* to) const;
        [[nodiscard]] bool isLine() const { return floats.empty() && whole.empty() && doubles.empty(); }
    };
    std::vector<std::shared_ptr<const Chunk>> m_full;
    std::vector<double> m_open;  // fewer than kChunk
};

}  // namespace caravan::widgets

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

// A buffer with guard bands: a kernel that writes outside it is found by intact().
namespace caravan::kernels::test {

template <class T>
class Guarded {
  public:
    explicit Guarded(std::int64_t size, double value = 0)
        : m_data(static_cast<std::size_t>(size) + 2 * kBand), m_size(size) {
        std::memset(m_data.data(), 0x5A, m_data.size() * sizeof(T));
        for (std::int64_t i = 0; i < size; ++i)
            (*this)[i] = static_cast<T>(value);
    }
    T* data() { return m_data.data() + kBand; }
    const T* data() const { return m_data.data() + kBand; }
    T& operator[](std::int64_t i) { return data()[i]; }
    const T& operator[](std::int64_t i) const { return data()[i]; }
    [[nodiscard]] std::int64_t size() const { return m_size; }
    [[nodiscard]] bool intact() const {
        const auto clean = [](const T* from) {
            std::vector<unsigned char> expected(kBand * sizeof(T), 0x5A);
            return std::memcmp(from, expected.data(), expected.size()) == 0;
        };
        return clean(m_data.data()) && clean(m_data.data() + kBand + m_size);
    }

  private:
    static constexpr std::size_t kBand = 64;
    std::vector<T> m_data;
    std::int64_t m_size;
};

// Fixed values in [-bound, bound) without any generator of the code under test.
template <class T>
void fill(Guarded<T>& x, double bound, std::uint32_t seed) {
    std::uint32_t state = seed * 2654435761u + 1;
    for (std::int64_t i = 0; i < x.size(); ++i) {
        state = state * 1664525u + 1013904223u;
        x[i] = static_cast<T>((static_cast<double>(state >> 8) / 8388608.0 - 1.0) * bound);
    }
}

}  // namespace caravan::kernels::test

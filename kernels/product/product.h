// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

// Matrix products of one thread on the CPU, for callers that keep a block of rows in their cache while
// several products pass over it. The right factor is packed once into panels of 16 columns
// ([panel][depth][16], the last one filled with zeros) and then read in order; the left one is read where it
// lies. An element is a sum in the order of depth, cut at fixed places: its bits do not depend on how rows or
// columns are split.
namespace caravan::kernels {

constexpr std::int64_t kPanelColumns = 16;

constexpr std::int64_t panelCount(std::int64_t columns) {
    return (columns + kPanelColumns - 1) / kPanelColumns;
}

// Products in vector instructions: without them a library's are faster.
[[nodiscard]] bool hasFastProduct();

// right[d][c] = source[d * depthStride + c * columnStride]
template <class T>
struct PackSource {
    const T* source = nullptr;
    std::int64_t depthStride = 0, columnStride = 0;
    std::int64_t depth = 0, columns = 0;
    T scale = 1;
};
// Panels [first, last); panels points to panel 0.
void packPanels(const PackSource<float>& a, float* panels, std::int64_t first, std::int64_t last);
void packPanels(const PackSource<double>& a, double* panels, std::int64_t first, std::int64_t last);

// left[i][d] = left[i * rowStride + d * depthStride]; panel p begins at panels + p * panelStride.
template <class T>
struct Factor {
    const T* left = nullptr;
    std::int64_t rowStride = 0, depthStride = 1;
    const T* panels = nullptr;
    std::int64_t panelStride = 0;
    std::int64_t depth = 0;
};
template <class T>
struct ProductTarget {
    T* c = nullptr;
    std::int64_t stride = 0;
    std::int64_t rows = 0, columns = 0;
    bool add = false;  // c += ..., else c = ...
};
constexpr int kMostFactors = 8;
// c (+)= sum over the factors, at most kMostFactors, of left * right
void multiply(const Factor<float>* factors, int count, const ProductTarget<float>& target);
void multiply(const Factor<double>* factors, int count, const ProductTarget<double>& target);

}  // namespace caravan::kernels

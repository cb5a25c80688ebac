// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/product/product.h"

#include <gtest/gtest.h>

#include "kernels/masked_rows/masked_rows.h"
#include "tests/kernels/guarded.h"

namespace caravan::kernels {
namespace {
using test::fill;
using test::Guarded;

// Products of small whole numbers are exact in fp32: the result has to be equal, whatever the order.
template <class T>
void fillWhole(Guarded<T>& x, std::uint32_t seed) {
    fill(x, 4, seed);
    for (std::int64_t i = 0; i < x.size(); ++i)
        x[i] = std::round(x[i]);
}

struct Shape {
    std::int64_t rows, columns, depth;
};
void PrintTo(const Shape& s, std::ostream* out) {
    *out << s.rows << " x " << s.columns << " x " << s.depth;
}

template <class T>
class Operands {
  public:
    explicit Operands(const Shape& s)
        : m_shape(s),
          m_left(s.rows * s.depth),
          m_right(s.depth * s.columns),
          m_panels(panelCount(s.columns) * kPanelColumns * s.depth) {
        fillWhole(m_left, 1);
        fillWhole(m_right, 2);
    }
    // transposed: the right factor lies as [columns, depth]
    const T* pack(bool transposed) {
        PackSource<T> source{m_right.data(), m_shape.columns, 1, m_shape.depth, m_shape.columns, 2};
        if (transposed) {
            source.depthStride = 1;
            source.columnStride = m_shape.depth;
        }
        const std::int64_t panels = panelCount(m_shape.columns);
        packPanels(source, m_panels.data(), panels / 2, panels);  // in two parts, as threads do
        packPanels(source, m_panels.data(), 0, panels / 2);
        EXPECT_TRUE(m_panels.intact());
        return m_panels.data();
    }
    double expected(std::int64_t i, std::int64_t j, bool leftTransposed, bool rightTransposed) const {
        double sum = 0;
        for (std::int64_t d = 0; d < m_shape.depth; ++d)
            sum += 2.0 * m_left[leftTransposed ? d * m_shape.rows + i : i * m_shape.depth + d] *
                   m_right[rightTransposed ? j * m_shape.depth + d : d * m_shape.columns + j];
        return sum;
    }
    const T* left() const { return m_left.data(); }

  private:
    Shape m_shape;
    Guarded<T> m_left, m_right, m_panels;
};

class Product : public testing::TestWithParam<Shape> {};

template <class T>
void checkProduct(const Shape& s, bool leftTransposed, bool rightTransposed) {
    Operands<T> operands(s);
    const T* panels = operands.pack(rightTransposed);
    Guarded<T> c(s.rows * s.columns, 5);
    Factor<T> factor{operands.left(), s.depth, 1, panels, s.depth * kPanelColumns, s.depth};
    if (leftTransposed) {
        factor.rowStride = 1;
        factor.depthStride = s.rows;
    }
    multiply(&factor, 1, {c.data(), s.columns, s.rows, s.columns, false});
    EXPECT_TRUE(c.intact());
    const Factor<T> twice[2] = {factor, factor};
    Guarded<T> sum(s.rows * s.columns, 7);
    multiply(twice, 2, {sum.data(), s.columns, s.rows, s.columns, true});
    EXPECT_TRUE(sum.intact());
    for (std::int64_t i = 0; i < s.rows; ++i)
        for (std::int64_t j = 0; j < s.columns; ++j) {
            const double expected = operands.expected(i, j, leftTransposed, rightTransposed);
            ASSERT_EQ(c[i * s.columns + j], expected) << i << ", " << j;
            ASSERT_EQ(sum[i * s.columns + j], 7 + 2 * expected) << i << ", " << j;
        }
}

TEST_P(Product, EqualsTheDefinition) {
    for (const bool left : {false, true})
        for (const bool right : {false, true}) {
            checkProduct<float>(GetParam(), left, right);
            checkProduct<double>(GetParam(), left, right);
        }
}
INSTANTIATE_TEST_SUITE_P(Shapes, Product,
                         testing::Values(Shape{1, 1, 1}, Shape{6, 16, 8}, Shape{7, 17, 9}, Shape{5, 64, 384},
                                         Shape{13, 40, 511}, Shape{48, 96, 512}, Shape{50, 33, 1100},
                                         Shape{3, 70, 1024}));

TEST(Product, NoDepthGivesZero) {
    Guarded<float> c(12, 3);
    const Factor<float> factor{c.data(), 1, 1, c.data(), 0, 0};
    multiply(&factor, 1, {c.data(), 4, 3, 4, false});
    for (std::int64_t i = 0; i < 12; ++i)
        EXPECT_EQ(c[i], 0.0f);
}

// Resume is bitwise whatever the number of threads cuts: rows and columns may be split anywhere.
TEST(Product, SplitsChangeNoBit) {
    const Shape s{61, 80, 700};
    Guarded<float> left(s.rows * s.depth), right(s.depth * s.columns),
        panels(panelCount(s.columns) * kPanelColumns * s.depth), whole(s.rows * s.columns),
        parts(s.rows * s.columns);
    fill(left, 1, 3);
    fill(right, 1, 4);
    packPanels({right.data(), s.columns, 1, s.depth, s.columns, 1}, panels.data(), 0, panelCount(s.columns));
    const Factor<float> factor{left.data(), s.depth, 1, panels.data(), s.depth * kPanelColumns, s.depth};
    multiply(&factor, 1, {whole.data(), s.columns, s.rows, s.columns, false});
    for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, 5}, {5, 29}, {29, 61}})
        for (std::int64_t panel = 0; panel < panelCount(s.columns); ++panel) {
            Factor<float> part = factor;
            part.left += begin * s.depth;
            part.panels += panel * part.panelStride;
            multiply(&part, 1,
                     {parts.data() + begin * s.columns + panel * kPanelColumns, s.columns, end - begin,
                      kPanelColumns, false});
        }
    EXPECT_EQ(std::memcmp(whole.data(), parts.data(), sizeof(float) * 61 * 80), 0);
}

TEST(MaskedRows, PanelsAndSumsHoldTheCopiedRows) {
    const std::int64_t sources = 9, columns = 72, slots = 18;
    Guarded<float> x(sources * columns), rows(slots * columns), panels(panelCount(columns) * 16 * slots),
        sum(slots * columns, 1);
    fill(x, 1, 5);
    std::vector<std::int32_t> order;
    for (std::int32_t i = 0; i < slots; ++i)
        order.push_back((i * 7) % slots);
    MaskedRows<float> masked{x.data(), columns, columns, order.data(), 2};
    masked.mask = {philoxKey(1, 2, 3, 4, 5), 20000, 1.5f, 100};
    masked.maskStep = 4;
    masked.maskShift = 3;
    copyMaskedRows(masked, 0, slots, rows.data());
    packMaskedRows(masked, 0, slots, {8, 64}, panels.data());
    addMasked(masked, 3, 3 + sources, x.data(), sum.data(), columns);
    EXPECT_TRUE(rows.intact() && panels.intact() && sum.intact());
    for (std::int64_t i = 0; i < slots; ++i)
        for (std::int64_t c = 0; c < columns; ++c) {
            const std::int64_t source = order[static_cast<std::size_t>(i)] / 2;
            const PhiloxBlock b =
                philox(masked.mask.key, static_cast<std::uint64_t>(((100 + source) * 4 + 3) * 9 + c / 8));
            const float keep = (b.word[c % 8 / 2] >> (c % 2 * 16) & 0xFFFFu) >= 20000u ? 1.5f : 0.0f;
            ASSERT_EQ(rows[i * columns + c], x[source * columns + c] * keep) << i << ", " << c;
            if (c >= 8) {
                const std::int64_t at = c - 8;
                ASSERT_EQ(panels[(at / 16 * slots + i) * 16 + at % 16], rows[i * columns + c]);
            }
            if (i >= 3 && i - 3 < sources) {
                ASSERT_EQ(sum[(i - 3) * columns + c], 1 + x[(i - 3) * columns + c] * keep);
            }
        }
}

TEST(MaskedRows, RememberedBitsGiveTheSameRowsWithoutDrawing) {
    const std::int64_t rows = 5, columns = 76;  // the last byte of a row holds four columns
    Guarded<float> x(rows * columns), drawn(rows * columns), read(rows * columns),
        panels(panelCount(columns) * 16 * rows), panelsRead(panelCount(columns) * 16 * rows);
    Guarded<std::uint8_t> bits(rows * blocksPerRow(columns));
    fill(x, 1, 5);
    MaskedRows<float> masked{x.data(), columns, columns};
    masked.mask = {philoxKey(1, 2, 3, 4, 5), 20000, 1.5f, 100};
    packMaskedRows(masked, 0, rows, {0, columns}, panels.data());
    masked.kept = {bits.data(), true};
    copyMaskedRows(masked, 0, rows, drawn.data());
    masked.kept.write = false;
    masked.mask.key = {};  // another mask, if it were drawn
    copyMaskedRows(masked, 0, rows, read.data());
    packMaskedRows(masked, 0, rows, {0, columns}, panelsRead.data());
    EXPECT_TRUE(bits.intact() && drawn.intact() && read.intact() && panelsRead.intact());
    EXPECT_EQ(std::memcmp(drawn.data(), read.data(), sizeof(float) * rows * columns), 0);
    EXPECT_EQ(std::memcmp(panels.data(), panelsRead.data(),
                          sizeof(float) * static_cast<std::size_t>(panelCount(columns) * 16 * rows)),
              0);
}

}  // namespace
}  // namespace caravan::kernels

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers behind a curve: columns, extents, smoothing, what a screen needs of them.
#include <QTest>
#include <cmath>
#include <functional>
#include <random>

#include "widgets/curve_series.h"

using namespace caravan::widgets;

class TestCurveSeries : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void pyramidEqualsTheScan() {
        std::mt19937 random(1);
        std::uniform_real_distribution<double> values(-5, 5);
        MinMaxPyramid pyramid;
        std::vector<double> plain;
        for (int i = 0; i < 70000; ++i) {
            const double value = i % 97 == 0 ? NAN : values(random);
            pyramid.append(value);
            plain.push_back(value);
        }
        std::uniform_int_distribution<std::size_t> place(0, plain.size());
        for (int trial = 0; trial < 300; ++trial) {
            std::size_t first = place(random), last = place(random);
            if (first > last) std::swap(first, last);
            Extent scan;
            for (std::size_t i = first; i < last; ++i)
                scan.include(plain[i]);
            const Extent fast = pyramid.extent(first, last);
            QCOMPARE(fast.low, scan.low);
            QCOMPARE(fast.high, scan.high);
        }
    }

    void pyramidGrowsAtItsBorders() {
        for (const std::size_t size : {1U, 15U, 16U, 17U, 255U, 256U, 257U, 4095U, 4096U, 4097U}) {
            MinMaxPyramid pyramid;
            for (std::size_t i = 0; i < size; ++i)
                pyramid.append(static_cast<double>(i));
            QCOMPARE(pyramid.extent(0, size).low, 0.0);
            QCOMPARE(pyramid.extent(0, size).high, static_cast<double>(size - 1));
        }
    }

    void columnsGiveBackEveryValueAsItCame() {
        std::mt19937 random(2);
        std::uniform_real_distribution<double> noise(-5, 5);
        const std::function<double(int)> shapes[] = {
            [](int i) { return 7.0 + i; },    // steps
            [](int) { return 0.1; },          // one value
            [](int) { return double(NAN); },  // none
            [&](int) { return static_cast<double>(float(noise(random))); },
            [](int i) { return 4e12 + i * 4096.0 - i % 61; },          // tokens, past what floats count
            [](int i) { return i < 1500 ? i * 1e7 : i * 3e6 + 0.5; },  // whole ones until they are not
            [&](int i) { return i % 97 == 0 ? NAN : noise(random); },
            [](int i) { return i % 5 == 0 ? INFINITY : 0.02 * i; }};
        for (const auto& shape : shapes) {
            Column column;
            std::vector<double> plain;
            for (int i = 0; i < 5000; ++i)
                column.append(plain.emplace_back(shape(i)));
            QCOMPARE(column.size(), plain.size());
            const auto equal = [&](const Column& c) {
                for (std::size_t i = 0; i < c.size(); ++i)
                    if (!(c[i] == plain[i] || (std::isnan(c[i]) && std::isnan(plain[i])))) return false;
                return true;
            };
            QVERIFY(equal(column));
            Column cut = column;
            for (const std::size_t size : {4999U, 4096U, 3000U, 1024U, 1023U, 0U}) {
                cut.truncate(size);
                QCOMPARE(cut.size(), size);
                QVERIFY(equal(cut));
            }
            for (const std::size_t upTo : {700U, 1024U, 3072U, 3500U, 9000U}) {
                cut.extend(column, upTo);
                QCOMPARE(cut.size(), std::min<std::size_t>(upTo, column.size()));
                QVERIFY(equal(cut));
            }
            QCOMPARE(cut.sharedWith(column), std::size_t(4));
            for (const std::size_t first : {0U, 1000U, 1024U, 4090U}) {
                std::vector<double> part(900);
                column.read(first, part.size(), part.data());
                for (std::size_t i = 0; i < part.size(); ++i)
                    QVERIFY(part[i] == column[first + i] ||
                            (std::isnan(part[i]) && std::isnan(column[first + i])));
            }
        }
    }

    void columnsAreSmallAndShared() {
        Column steps, memory, tokens, loss;
        for (int i = 0; i < 100 * 1024; ++i) {
            steps.append(i);
            memory.append(3.5);
            tokens.append(4096.0 * i - i % 61);
            loss.append(std::sin(i) + 1e-12);
        }
        QVERIFY2(steps.bytes() < 40000, qPrintable(QString::number(steps.bytes())));
        QVERIFY(memory.bytes() < 40000);
        QVERIFY(tokens.bytes() < 100 * 1024 * 5);
        QVERIFY(loss.bytes() < 100 * 1024 * 9);
        // A curve that follows a column has its chunks, whether it came by one or by many.
        CurveSeries follows;
        Column grown;
        for (int i = 0; i < 100 * 1024; ++i) {
            grown.append(loss[static_cast<std::size_t>(i)]);
            if (i % 100 == 99) follows.extend(steps, grown);
        }
        follows.extend(steps, grown);
        QCOMPARE(follows.size(), grown.size());
        QCOMPARE(follows.sharedChunks(grown), std::size_t(100));
    }

    void smoothingIsTheDebiasedMean() {
        CurveSeries series;
        series.setSmoothing(0.5);
        for (const double y : {4.0, 2.0, 2.0})
            series.append(static_cast<double>(series.size()), y);
        QCOMPARE(series.smooth(0), 4.0);
        QVERIFY(std::abs(series.smooth(1) - (0.5 * 0.5 * 4 + 0.5 * 2) / 0.75) < 1e-12);
        const double last = series.smooth(2);
        series.setSmoothing(0);
        QCOMPARE(series.smooth(2), 2.0);
        series.setSmoothing(0.5);  // again from the start: the same
        QCOMPARE(series.smooth(2), last);
    }

    void decimationKeepsPeaks() {
        CurveSeries series;
        for (int i = 0; i < 100000; ++i)
            series.append(i, i == 54321 ? 9.0 : 1.0);
        const auto line = decimatedLine(series, false, 0, 99999, 0, 500, [](double value) { return value; });
        QVERIFY(line.size() < 5 * 500);
        double highest = 0;
        for (const QPointF& point : line)
            highest = std::max(highest, point.y());
        QCOMPARE(highest, 9.0);
    }
};

QTEST_MAIN(TestCurveSeries)
#include "tst_curve_series.moc"

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QClipboard>
#include <QElapsedTimer>
#include <QFile>
#include <QGuiApplication>
#include <QImage>
#include <QItemSelectionModel>
#include <QMessageBox>
#include <QMimeData>
#include <QSignalSpy>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <random>

#include "widgets/chart_pane.h"
#include "widgets/curve_plot.h"

using namespace caravan::widgets;

namespace {

LaneStyle mainLane() {
    LaneStyle lane;
    lane.name = QStringLiteral("Loss");
    lane.main = true;
    return lane;
}

CurveStyle banded() {
    CurveStyle style;
    style.band = style.smoothed = true;
    return style;
}

CurveStyle sparse() {
    CurveStyle style;
    style.step = true;
    return style;
}

}  // namespace

class TestCurvePlot : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void longCurvesAreSmoothedByAndBy() {
        Column x, y;
        for (int i = 0; i < 300000; ++i) {
            x.append(i);
            y.append(std::sin(i * 0.01) + (i % 7) * 0.1);
        }
        CurveSeries direct;
        direct.extend(x, y);
        direct.setSmoothing(0.9);
        CurvePlot plot;
        plot.addLane({});
        CurveStyle style;
        style.smoothed = true;
        plot.addCurve(0, QStringLiteral("a"), style);
        plot.addCurve(0, QStringLiteral("b"), style);
        plot.setSmoothing(0.5);
        for (const int curve : {0, 1})
            plot.extend(curve, x, y);
        QCOMPARE(plot.series(1).smoothing(), 0.5);
        const double before = plot.series(1).smooth(299999);
        plot.setSmoothing(0.8);
        plot.setSmoothing(0.85);
        plot.setSmoothing(0.9);  // the slider goes on: only the newest matters
        QCOMPARE(plot.series(1).smooth(299999), before);
        QTRY_COMPARE(plot.series(1).smoothing(), 0.9);
        for (const std::size_t i : {0U, 1U, 150000U, 299999U})
            QCOMPARE(plot.series(1).smooth(i), direct.smooth(i));
        QCOMPARE(plot.series(0).extent(1000, 290000, true).high, direct.extent(1000, 290000, true).high);
        plot.setSmoothing(0);
        QTRY_COMPARE(plot.series(0).smoothing(), 0.0);
        QCOMPARE(plot.series(0).smooth(77), plot.series(0).y(77));
    }

    void appendEqualsRebuild() {
        std::mt19937 random(3);
        std::uniform_real_distribution<double> noise(-5, 5);
        CurveSeries grown;
        grown.setSmoothing(0.98);
        Column x, y;
        for (int i = 0; i < 20000; ++i) {
            x.append(3.0 * i);
            y.append(i % 89 < 5 ? NAN : noise(random));
            if (i % 37 == 0) grown.extend(x, y);
        }
        grown.extend(x, y);
        CurveSeries built, single;
        built.extend(x, y);
        built.setSmoothing(0.98);
        single.setSmoothing(0.98);
        for (std::size_t i = 0; i < x.size(); ++i)
            single.append(x[i], y[i]);
        std::uniform_int_distribution<std::size_t> place(0, x.size());
        for (int trial = 0; trial < 500; ++trial) {
            std::size_t first = place(random), last = place(random);
            if (first > last) std::swap(first, last);
            if (trial % 2 == 0) last = std::min(x.size(), first + trial % 40);
            Extent scan, plain;
            for (std::size_t i = first; i < last; ++i) {
                scan.include(built.smooth(i));
                plain.include(y[i]);
            }
            for (const CurveSeries* series : {&grown, &built, &single}) {
                QCOMPARE(series->extent(first, last, true).low, scan.low);
                QCOMPARE(series->extent(first, last, true).high, scan.high);
                QCOMPARE(series->extent(first, last, false).low, plain.low);
                QCOMPARE(series->extent(first, last, false).high, plain.high);
            }
        }
    }

    void zoomedInEverySampleIsThere() {
        CurveSeries series;
        for (int i = 0; i < 1000000; ++i)
            series.append(i, i % 1000 == 3 ? NAN : std::sin(i * 12.9898));
        // 200 samples over 600 pixels: each as it is, the gap left out, a neighbour on either side.
        const auto line =
            decimatedLine(series, false, 700000, 700199, 0, 600, [](double value) { return value; });
        QCOMPARE(line.size(), 200 - 1 + 2);
        qsizetype at = 0;
        for (int i = 699999; i <= 700200; ++i) {
            if (i % 1000 == 3) continue;
            QVERIFY(std::abs(line[at].x() - (i - 700000) * 600.0 / 199) < 1e-6);
            QCOMPARE(line[at].y(), std::sin(i * 12.9898));
            ++at;
        }
        // At any zoom: what is drawn reaches exactly as far as what is there.
        for (const double span : {300.0, 5000.0, 77777.0, 999999.0}) {
            Extent drawn;
            for (const QPointF& point :
                 decimatedLine(series, false, 0, span, 0, 600, [](double value) { return 1000 * value; }))
                drawn.include(point.y());
            const Extent all = series.extent(0, static_cast<std::size_t>(span) + 1, false);
            QVERIFY2(std::abs(drawn.low - 1000 * all.low) <= 0.5, qPrintable(QString::number(drawn.low)));
            QVERIFY2(std::abs(drawn.high - 1000 * all.high) <= 0.5, qPrintable(QString::number(drawn.high)));
        }
    }

    void aMillionSamplesDrawFast() {
        CurvePlot plot;
        plot.addLane(mainLane());
        plot.resize(900, 400);
        for (int c = 0; c < 4; ++c)
            plot.addCurve(0, QString::number(c), banded());
        plot.setSmoothing(0.9);
        for (int i = 0; i < 1000000; ++i)
            for (int c = 0; c < 4; ++c)
                plot.append(c, i, std::sin(i * 1e-4) + c + 0.3 * std::sin(i * 12.9898));
        qint64 best = 100000;  // other programs may take the processor in some of the trials
        for (int i = 0; i < 5; ++i) {
            QElapsedTimer timer;
            timer.start();
            plot.flush();
            plot.grab();
            best = std::min(best, timer.elapsed());
        }
        QVERIFY2(best < 1000,
                 qPrintable(QString::number(best)));  // far from what blocks; figures are for benches
    }

    // A line that swings in every pixel column covers what lies between its peaks, and no more.
    void denseLinesReachTheirPeaks() {
        CurvePlot plot;
        plot.addLane(mainLane());
        CurveStyle style;
        style.ink = CurveInk::Accent;
        plot.addCurve(0, QStringLiteral("Train"), style);
        for (int i = 0; i < 200000; ++i)
            plot.append(0, i, i == 100000 ? 3.0 : i % 2);
        plot.resize(700, 300);
        plot.flush();
        const QImage image = plot.grab().toImage();
        const double scale = image.devicePixelRatio();
        const QRect area = plot.laneRect(0);
        const QColor ink = inkColor(CurveInk::Accent);
        const auto inked = [&](int x) {  // rows of the column that bear the line's color
            int count = 0;
            for (int y = area.top(); y <= area.bottom(); ++y)
                count += image.pixelColor(qRound(x * scale), qRound(y * scale)) == ink;
            return count;
        };
        const double unit = area.height() / (3 * 1.15);  // of the axis: 0 to 3, 10 % below, 5 % above
        for (const int x : {area.left() + 100, area.left() + 200, area.right() - 100})
            QVERIFY2(std::abs(inked(x) - unit) <= 3, qPrintable(QString::number(inked(x))));
        int highest = 0;
        for (int x = area.center().x() - 3; x <= area.center().x() + 3; ++x)
            highest = std::max(highest, inked(x));
        QVERIFY2(std::abs(highest - 3 * unit) <= 4, qPrintable(QString::number(highest)));
    }

    void fitsZoomsAndKeepsTheZoom() {
        CurvePlot plot;
        plot.addLane(mainLane());
        plot.addCurve(0, QStringLiteral("train"), banded());
        plot.resize(700, 300);
        plot.show();
        for (int step = 0; step <= 100; ++step)
            plot.append(0, step, 1.0);
        plot.setPlannedEnd(200);
        plot.flush();
        QCOMPARE(plot.xRange(), qMakePair(0.0, 200.0));
        plot.setXRange(20, 60);
        plot.append(0, 101, 1.0);
        plot.flush();
        QCOMPARE(plot.xRange(), qMakePair(20.0, 60.0));
        QVERIFY(plot.isZoomed());
        QTest::mouseDClick(&plot, Qt::LeftButton, {}, plot.laneRect(0).center());
        plot.flush();
        QCOMPARE(plot.xRange(), qMakePair(0.0, 200.0));
        // The wheel zooms around the pointer.
        const QPointF at = plot.laneRect(0).center();
        QWheelEvent wheel(at, plot.mapToGlobal(at), {}, {0, 120}, Qt::NoButton, Qt::NoModifier,
                          Qt::NoScrollPhase, false);
        QCoreApplication::sendEvent(&plot, &wheel);
        QVERIFY(std::abs(plot.xRange().second - plot.xRange().first - 160.0) < 1e-9);
    }

    void readsOutSmoothedAndHeldOut() {
        CurvePlot plot;
        plot.addLane(mainLane());
        const int train = plot.addCurve(0, QStringLiteral("Train"), banded());
        const int code = plot.addCurve(0, QStringLiteral("Code"), sparse());
        plot.setReadOutHead([](double x) { return qMakePair(QStringLiteral("Step %1").arg(x), QString()); });
        for (int step = 0; step <= 50; ++step)
            plot.append(train, step, 2.0);
        plot.append(code, 0, 3.0);
        plot.append(code, 40, 1.5);
        const auto lines = plot.readOut(45);
        QCOMPARE(lines.size(), 2);
        QCOMPARE(lines[0], qMakePair(QStringLiteral("Train"), QStringLiteral("2.000")));
        QCOMPARE(lines[1], qMakePair(QStringLiteral("Code (step 40)"), QStringLiteral("1.500")));
    }

    void keysMoveTheCursorAndBrush() {
        CurvePlot plot;
        plot.addLane(mainLane());
        plot.addCurve(0, QStringLiteral("Train"), banded());
        for (int step = 0; step <= 20; ++step)
            plot.append(0, step, step);
        plot.resize(700, 300);
        plot.flush();
        plot.setCursorX(10.0);
        QTest::keyClick(&plot, Qt::Key_Left);
        QCOMPARE(*plot.cursorX(), 9.0);
        QSignalSpy brushed(&plot, &CurvePlot::brushChanged);
        QTest::keyClick(&plot, Qt::Key_Right, Qt::ShiftModifier);
        QTest::keyClick(&plot, Qt::Key_Right, Qt::ShiftModifier);
        QCOMPARE(*plot.brushRange(), qMakePair(9.0, 11.0));
        QCOMPARE(brushed.size(), 2);
        QSignalSpy cleared(&plot, &CurvePlot::brushCleared);
        QTest::keyClick(&plot, Qt::Key_Escape);
        QCOMPARE(cleared.size(), 1);
        QTest::keyClick(&plot, Qt::Key_L);
        QVERIFY(plot.isLogScale());
    }

    void replotsAtMostTenTimesASecondAndNeverWhileHidden() {
        CurvePlot plot;
        plot.addLane(mainLane());
        plot.addCurve(0, QStringLiteral("Train"), banded());
        for (int i = 0; i < 50; ++i)
            plot.append(0, i, i);
        QTest::qWait(150);
        QCOMPARE(plot.replotCount(), 0);
        plot.show();
        QVERIFY(QTest::qWaitForWindowExposed(&plot));
        const int before = plot.replotCount();
        QElapsedTimer timer;
        timer.start();
        for (int i = 50; timer.elapsed() < 500; ++i) {
            plot.append(0, i, i);
            QTest::qWait(5);
        }
        const int replots = plot.replotCount() - before;
        QVERIFY2(replots >= 2 && replots <= 6, qPrintable(QString::number(replots)));
    }

    void isATableAndExports() {
        auto* plot = new CurvePlot;
        plot->addLane(mainLane());
        plot->addCurve(0, QStringLiteral("Train"), banded());
        plot->addCurve(0, QStringLiteral("Code"), sparse());
        for (int step = 0; step < 3; ++step)
            plot->append(0, step, 1.0 + step);
        plot->append(1, 2, 0.25);
        ChartPane pane(plot);
        pane.resize(640, 400);
        pane.setTableShown(true);
        QAbstractItemModel* model = pane.tableView()->model();
        QAbstractItemModelTester tester(model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        QCOMPARE(model->rowCount(), 3);
        QCOMPARE(model->index(2, 1).data().toString(), QStringLiteral("0.250"));
        QCOMPARE(model->index(1, 1).data().toString(), QString());
        plot->append(0, 3, 9.0);
        pane.refresh();
        QCOMPARE(model->rowCount(), 4);

        QTemporaryDir folder;
        for (const char* ending : {"png", "svg", "pdf", "csv"}) {
            const QString path = folder.filePath(QStringLiteral("chart.%1").arg(QLatin1String(ending)));
            QCOMPARE(saveChart(*plot, {640, 400}, path), QString());
            QVERIFY2(QFile(path).size() > 30, ending);
        }
        QFile csv(folder.filePath(QStringLiteral("chart.csv")));
        QVERIFY(csv.open(QIODevice::ReadOnly));
        QCOMPARE(csv.readAll(), QByteArray(",Train,Code\n0,1,\n1,2,\n2,3,0.25\n3,9,\n"));
        QVERIFY(!saveChart(*plot, {640, 400}, folder.filePath(QStringLiteral("chart.xyz"))).isEmpty());
        QFile svg(folder.filePath(QStringLiteral("chart.svg")));
        QVERIFY(svg.open(QIODevice::ReadOnly));
        QVERIFY(!svg.readAll().contains("<image"));  // stays a drawing
        // To the clipboard: the picture and the numbers; of a table with chosen cells, these.
        pane.show();
        pane.setTableShown(false);
        pane.copyAction()->trigger();
        const QMimeData* copied = QGuiApplication::clipboard()->mimeData();
        QCOMPARE(copied->text(), QStringLiteral("\tTrain\tCode\n0\t1\t\n1\t2\t\n2\t3\t0.25\n3\t9\t\n"));
        QCOMPARE(copied->imageData().value<QImage>().size(), QSize(1280, 800));
        pane.setTableShown(true);
        pane.tableView()->selectionModel()->select(QItemSelection(model->index(2, 0), model->index(3, 1)),
                                                   QItemSelectionModel::ClearAndSelect);
        pane.activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(&pane));
        pane.tableView()->setFocus();
        QTest::keyClick(pane.tableView(), Qt::Key_C, Qt::ControlModifier);
        QTRY_COMPARE(QGuiApplication::clipboard()->text(), QStringLiteral("3.000\t0.250\n9.000\t"));
        // A place that cannot be written is told, and why.
        pane.exportTo(folder.filePath(QStringLiteral("gone/chart.png")));
        auto* told = pane.findChild<QMessageBox*>();
        QVERIFY(told != nullptr && told->isVisible() && told->text().contains(QStringLiteral("chart.png")));
        QVERIFY2(told->informativeText().contains(QStringLiteral("/gone: ")),
                 qPrintable(told->informativeText()));
    }

    void ticksAreExact() {
        CurvePlot plot;
        plot.resize(800, 400);
        LaneStyle lane;
        lane.main = true;
        plot.addLane(lane);
        const int curve = plot.addCurve(0, QStringLiteral("loss"), {});
        for (int x = 1; x <= 20; ++x)
            plot.append(curve, x, 2 + 0.06 * x);  // 2.5 steps and 0.25 would be the plain ticks
        plot.setTickFormat([](double x) { return QString::number(std::llround(x)); });
        plot.show();
        plot.flush();
        for (const QCPAxis::AxisType type : {QCPAxis::atBottom, QCPAxis::atLeft}) {
            QCPAxis* axis = plot.axisRects().first()->axis(type);
            QVector<double> ticks;
            QVector<QString> labels;
            axis->ticker()->generate(axis->range(), QLocale::c(), QLatin1Char('g'), 6, ticks, nullptr,
                                     &labels);
            QVERIFY(ticks.size() >= 3);
            for (qsizetype i = 0; i < ticks.size(); ++i)
                QVERIFY2(std::abs(labels[i].toDouble() - ticks[i]) < 1e-9, qPrintable(labels[i]));
        }
    }
};

QTEST_MAIN(TestCurvePlot)
#include "tst_curve_plot.moc"

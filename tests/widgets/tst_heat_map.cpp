// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QAccessible>
#include <QElapsedTimer>
#include <QPainter>
#include <QSignalSpy>
#include <QTableView>
#include <QTest>
#include <cmath>

#include "widgets/chart_pane.h"
#include "widgets/heat_map.h"
#include "widgets/theme_colors.h"

using namespace caravan::widgets;

namespace {

HeatMapData data(int rows, int columns, float value = 1.0F) {
    HeatMapData result;
    result.rows = rows;
    result.columns = columns;
    result.values.assign(static_cast<std::size_t>(rows * columns), value);
    return result;
}

}  // namespace

class TestHeatMap : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void layoutFollowsTheRules_data() {
        QTest::addColumn<int>("rows");
        QTest::addColumn<QSize>("viewport");
        QTest::addColumn<int>("cellHeight");
        QTest::addColumn<bool>("digits");
        QTest::newRow("32 layers") << 32 << QSize(400, 540) << 15 << false;
        QTest::newRow("8 layers") << 8 << QSize(400, 340) << 34 << true;
        QTest::newRow("80 layers scroll at 8 px") << 80 << QSize(400, 300) << 8 << false;
    }
    void layoutFollowsTheRules() {
        QFETCH(int, rows);
        QFETCH(QSize, viewport);
        HeatMapLayout::Input input;
        input.rows = rows;
        input.columns = 8;
        input.viewport = viewport;
        const HeatMapLayout layout = HeatMapLayout::compute(input);
        QTEST(layout.cellHeight, "cellHeight");
        QTEST(layout.showsDigits(), "digits");
        QCOMPARE(layout.cellAt(layout.cell(rows - 1, 7).center()), QPoint(7, rows - 1));
        QCOMPARE(layout.cellAt(QPoint(layout.left - 1, layout.top)), QPoint(-1, -1));
    }

    void colorsCellsByLoad() {
        HeatMap map;
        HeatMapData loads = data(2, 2);
        loads.values = {1.0F, 4.0F, 0.25F, 100.0F};
        map.setData(loads);
        map.resize(300, 120);
        QCOMPARE(map.cellColor(0, 0), themeColors().loadMap[themeColors().loadMap.size() / 2]);
        QCOMPARE(map.cellColor(0, 1), themeColors().loadMap.back());
        QCOMPARE(map.cellColor(1, 0), themeColors().loadMap.front());
        QCOMPARE(map.cellColor(1, 1), themeColors().loadMap.back());  // clamped
        const QImage picture = map.grab().toImage();
        // Off the middle: the digits stand there. Away from the corner triangle.
        const QRect cell = map.gridRect(1, 0);
        const QColor drawn = picture.pixelColor(cell.topLeft() + QPoint(3, 3));
        QVERIFY2(std::abs(drawn.red() - themeColors().loadMap.front().red()) <= 3, qPrintable(drawn.name()));
    }

    void marksDoubleLoadAndDead() {
        HeatMap map;
        HeatMapData loads = data(1, 3, 1.0F);
        loads.values = {2.5F, 1.9F, 0.02F};
        loads.dead = {0, 0, 1};
        map.setMaximumCell({40, 16});  // too small for digits
        map.setData(loads);
        map.resize(200, 60);
        const QImage picture = map.grab().toImage();
        const auto inks = [&](const QRect& area) {
            QSet<QRgb> colors;
            for (int y = area.top() + 1; y < area.bottom(); ++y)
                for (int x = area.left() + 1; x < area.right(); ++x)
                    colors.insert(picture.pixel(x, y));
            return colors.size();
        };
        QVERIFY(inks(map.gridRect(0, 0)) > 1);  // corner triangle
        QCOMPARE(inks(map.gridRect(0, 1)), 1);  // plain
        QVERIFY(inks(map.gridRect(0, 2)) > 2);  // hatch
        QVERIFY(map.gridSentence(0, 2).contains(QStringLiteral("dead")));
    }

    void keysMoveAndActivate() {
        HeatMap map;
        map.setData(data(4, 3));
        QSignalSpy moved(&map, &HeatMap::currentCellChanged), activated(&map, &HeatMap::cellActivated);
        map.setCurrentCell(0, 0);
        QTest::keyClick(&map, Qt::Key_Down);
        QTest::keyClick(&map, Qt::Key_Right);
        QTest::keyClick(&map, Qt::Key_Right);
        QTest::keyClick(&map, Qt::Key_Right);  // stays at the border
        QCOMPARE(map.currentRow(), 1);
        QCOMPARE(map.currentColumn(), 2);
        QTest::keyClick(&map, Qt::Key_Return);
        QCOMPARE(activated.size(), 1);
        QCOMPARE(activated[0][0].toInt(), 1);
        QCOMPARE(activated[0][1].toInt(), 2);
        QCOMPARE(moved.size(), 4);
    }

    void goesToLayerAndExpert() {
        HeatMap map;
        HeatMapData loads = data(3, 8);
        loads.rowLabels = {4, 8, 12};
        map.setData(loads);
        QVERIFY(map.goTo(QStringLiteral("12.3")));
        QCOMPARE(map.currentRow(), 2);
        QCOMPARE(map.currentColumn(), 3);
        QVERIFY(!map.goTo(QStringLiteral("5.1")));
        QVERIFY(!map.goTo(QStringLiteral("12.9")));
        QCOMPARE(map.currentRow(), 2);
    }

    void mouseSelectsTheCellUnderIt() {
        HeatMap map;
        map.setData(data(4, 4));
        map.resize(300, 200);
        map.show();
        QTest::mouseClick(map.viewport(), Qt::LeftButton, {}, map.gridRect(2, 1).center());
        QCOMPARE(map.currentRow(), 2);
        QCOMPARE(map.currentColumn(), 1);
    }

    void speaksItsCells() {
        HeatMap map;
        HeatMapData loads = data(2, 4);
        loads.rowLabels = {11, 12};
        loads.values[7] = 1.25F;
        map.setData(loads);
        QCOMPARE(map.gridSentence(1, 3), QStringLiteral("layer 12, expert 3, 1.25 times its share"));
        QAccessibleInterface* accessible = QAccessible::queryAccessibleInterface(&map);
        QVERIFY(accessible != nullptr);
        QCOMPARE(accessible->role(), QAccessible::Table);
        QAccessibleTableInterface* table = accessible->tableInterface();
        QVERIFY(table != nullptr);
        QCOMPARE(table->rowCount(), 2);
        QCOMPARE(table->columnCount(), 4);
        QCOMPARE(table->cellAt(1, 3)->text(QAccessible::Name),
                 QStringLiteral("layer 12, expert 3, 1.25 times its share"));
        QCOMPARE(table->rowDescription(1), QStringLiteral("layer 12"));
        QVERIFY(table->cellAt(2, 0) == nullptr);
    }

    void denseRowsAreWords() {
        HeatMap map;
        HeatMapData loads = data(2, 2);
        loads.plainRows = {0, 1};
        map.setData(loads);
        QVERIFY(std::isnan(map.value(1, 0)));
        QCOMPARE(map.gridText(1, 0), QStringLiteral("dense"));
    }

    void becomesATable() {
        auto* map = new HeatMap;
        HeatMapData loads = data(2, 2);
        loads.values = {1.5F, 0.5F, 1.0F, 1.0F};
        loads.bars = {0.5F, 0.0F};
        map->setBarTitle(QStringLiteral("MaxVio"), 1.0);
        map->setData(loads);
        ChartPane pane(map);
        pane.setTableShown(true);
        QAbstractItemModel* model = pane.tableView()->model();
        QAbstractItemModelTester tester(model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        QCOMPARE(model->columnCount(), 3);
        QCOMPARE(model->index(0, 0).data().toString(), QStringLiteral("1.50×"));
        QCOMPARE(model->headerData(2, Qt::Horizontal).toString(), QStringLiteral("MaxVio"));
        map->setData(data(3, 2));
        pane.refresh();
        QCOMPARE(model->rowCount(), 3);
        QCOMPARE(model->columnCount(), 2);
        QVERIFY(gridToCsv(*map).startsWith(QStringLiteral(",E0,E1\nlayer 0,1,1\n")));
    }

    void manyCellsAreOneImage() {
        HeatMap map;
        HeatMapData loads = data(80, 256);
        for (std::size_t i = 0; i < loads.values.size(); ++i)
            loads.values[i] = static_cast<float>(0.5 + (i % 16) * 0.1);
        map.setData(loads);
        map.resize(1700, 800);
        qint64 best = 1000;
        for (int i = 0; i < 5; ++i) {
            QElapsedTimer timer;
            timer.start();
            map.setData(loads);
            map.grab();
            best = std::min(best, timer.elapsed());
        }
        // 10 updates a second must leave room for everything else.
        QVERIFY2(best < 50, qPrintable(QString::number(best)));
    }
};

QTEST_MAIN(TestHeatMap)
#include "tst_heat_map.moc"

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What holds on all pages: room for longer words, names for screen readers, tables for charts.
#include <QAccessible>
#include <QDockWidget>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTableView>

#include "tests/support/room.h"
#include "tests/support/whole_window.h"
#include "ui/actions/action_registry.h"
#include "ui/pages/chat/next_token_view.h"
#include "ui/pages/chat/token_inspector.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/run_follower.h"
#include "ui/shell/banners.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/guided_tour.h"
#include "ui/shell/rail.h"
#include "ui/theme/style.h"
#include "widgets/chart_grid.h"
#include "widgets/chart_pane.h"
#include "widgets/expert_bars.h"
#include "widgets/heat_map.h"

using namespace caravan;
using namespace caravan::ui;
using test::nameOf;

namespace {

// Of every chart that is seen; those that have numbers are counted.
QStringList tablelessCharts(const QWidget& window, const QString& page, QStringList* seen) {
    QStringList problems;
    for (QWidget* widget : window.findChildren<QWidget*>()) {
        if (!widget->isVisible() || dynamic_cast<widgets::ChartGrid*>(widget) == nullptr) continue;
        QAccessibleInterface* spoken = QAccessible::queryAccessibleInterface(widget);
        QAccessibleTableInterface* table = spoken ? spoken->tableInterface() : nullptr;
        if (table == nullptr) {
            problems << page + QStringLiteral(": no table for ") + nameOf(widget);
            continue;
        }
        if (table->rowCount() < 1 || table->columnCount() < 1) continue;  // nothing measured yet: it says so
        *seen << page;
        QAccessibleInterface* cell = table->cellAt(table->rowCount() - 1, table->columnCount() - 1);
        if (cell == nullptr || cell->text(QAccessible::Name).isEmpty())
            problems << page + QStringLiteral(": a cell without words in ") + nameOf(widget);
    }
    return problems;
}

}  // namespace

class TestEveryPage : public QObject {
    Q_OBJECT
  public:
    explicit TestEveryPage(test::Sandbox& sandbox) : m_sandbox(sandbox) {}

  private Q_SLOTS:
    void wordsHaveRoom_data() {
        QTest::addColumn<bool>("longer");
        QTest::addColumn<QSize>("size");
        QTest::newRow("English, 1366x768") << false << QSize(1366, 768);
        QTest::newRow("a third longer, 1366x768") << true << QSize(1366, 768);
    }

    void wordsHaveRoom() {
        QFETCH(bool, longer);
        QFETCH(QSize, size);
        test::LongerWords words;
        if (longer) QCoreApplication::installTranslator(&words);
        test::WholeWindow all(m_sandbox, QStringLiteral("room-%1").arg(longer), size);
        QStringList problems;
        int tables = 0;
        for (const QString& page : all.window->pageIds()) {
            all.show(page);
            problems << test::roomProblems(*all.window, page);
            for (const auto* view : all.window->findChildren<QTableView*>()) {
                if (!view->isVisible() || view->objectName() != QLatin1String("dataFiles")) continue;
                ++tables;
                const int needs = view->fontMetrics().horizontalAdvance(QStringLiteral("math.train.jsonl"));
                if (view->columnWidth(0) < needs + 16)
                    problems << QStringLiteral("a file's name has %1 of %2 px")
                                    .arg(view->columnWidth(0))
                                    .arg(needs + 16);
            }
            test::picture(*all.window, QStringLiteral("room-%1-%2").arg(longer).arg(page));
        }
        all.window.reset();
        if (longer) QCoreApplication::removeTranslator(&words);
        problems.removeDuplicates();
        QCOMPARE(tables, 1);
        QVERIFY2(problems.isEmpty(), qPrintable(QLatin1Char('\n') + problems.join(QLatin1Char('\n'))));
    }

    // A page says with one button what it is for; a message about a dead engine says it instead.
    void aPageHasOnePrimaryButton() {
        test::WholeWindow all(m_sandbox, QStringLiteral("primary"), {1440, 900});
        const auto primary = [&](const QString& page) {
            all.show(page);
            QStringList seen;
            for (const auto* button : all.window->findChildren<QPushButton*>())
                if (button->isVisible() && button->isEnabled() && isPrimary(button)) seen << button->text();
            return seen;
        };
        QMap<QString, QStringList> before;
        for (const QString& page : all.window->pageIds()) {
            before[page] = primary(page);
            QVERIFY2(before[page].size() <= 1, qPrintable(page + ": " + before[page].join(", ")));
        }
        QCOMPARE(before[QStringLiteral("models")], QStringList{QStringLiteral("Upcycle…")});
        QCOMPARE(before[QStringLiteral("runs")], QStringList{QStringLiteral("New run")});
        Q_EMIT all.engine.doesNotStart(QStringLiteral("It ended 3 times within a minute."));
        for (const QString& page : all.window->pageIds())
            QCOMPARE(page + primary(page).join(' '), page + QStringLiteral("Try again"));
        all.window->banners()->clear(QStringLiteral("engine.died"));
        for (const QString& page : all.window->pageIds())
            QCOMPARE(page + primary(page).join(' '), page + before[page].join(' '));
    }

    void everyControlHasAName() {
        test::WholeWindow all(m_sandbox, QStringLiteral("names"), {1440, 900});
        QStringList problems;
        for (const QString& page : all.window->pageIds()) {
            all.show(page);
            problems << test::namelessControls(*all.window, page);
        }
        QVERIFY2(problems.isEmpty(), qPrintable(QLatin1Char('\n') + problems.join(QLatin1Char('\n'))));
    }

    void everyChartHasATable() {
        test::WholeWindow all(m_sandbox, QStringLiteral("tables"), {1440, 900});
        QStringList problems;
        QStringList seen;
        for (const QString& page : all.window->pageIds()) {
            all.show(page);
            problems << tablelessCharts(*all.window, page, &seen);
        }
        QVERIFY2(problems.isEmpty(), qPrintable(problems.join(QLatin1Char('\n'))));
        QCOMPARE(seen.count(QStringLiteral("data")), 1);      // lengths
        QVERIFY(seen.count(QStringLiteral("tune")) >= 2);     // curves, map
        QVERIFY(seen.count(QStringLiteral("routing")) >= 2);  // map, bars
        QVERIFY(seen.count(QStringLiteral("runs")) >= 1);     // curves
    }

    // Also those that wait for an analysis, a click or another mode: a table behind each, keys to walk it.
    void everyChartIsReachedByKeys() {
        test::WholeWindow all(m_sandbox, QStringLiteral("keys"), {1440, 900});
        for (const QString& page : all.window->pageIds())
            all.show(page);
        QStringList problems;
        int charts = 0;
        for (QWidget* widget : all.window->findChildren<QWidget*>()) {
            if (dynamic_cast<widgets::ChartGrid*>(widget) == nullptr) continue;
            ++charts;
            QAccessibleInterface* spoken = QAccessible::queryAccessibleInterface(widget);
            if (spoken == nullptr || spoken->tableInterface() == nullptr ||
                spoken->text(QAccessible::Name).isEmpty())
                problems << nameOf(widget) + QStringLiteral(": nothing to read");
            if ((widget->focusPolicy() & Qt::TabFocus) == 0)
                problems << nameOf(widget) + QStringLiteral(": keys do not reach it");
            if (qobject_cast<widgets::LoadBars*>(widget)) continue;  // its numbers stand beside its bars
            const QWidget* pane = widget->parentWidget();
            while (pane != nullptr && qobject_cast<const widgets::ChartPane*>(pane) == nullptr)
                pane = pane->parentWidget();
            if (pane == nullptr) problems << nameOf(widget) + QStringLiteral(": no table to show");
        }
        QVERIFY2(charts >= 10, qPrintable(QString::number(charts)));
        QVERIFY2(problems.isEmpty(), qPrintable(QLatin1Char('\n') + problems.join(QLatin1Char('\n'))));
    }

    // Tab through every page: what has the focus looks otherwise than without it.
    void everyTabStopIsSeen() {
        QApplication::setCursorFlashTime(0);
        test::WholeWindow all(m_sandbox, QStringLiteral("tab-stops"), {1440, 900});
        QStringList problems;
        int stops = 0;
        for (const QString& page : all.window->pageIds()) {
            all.show(page);
            QSet<QWidget*> seen;
            for (int i = 0; i < 120; ++i) {
                QWidget* before = QApplication::focusWidget();
                QTest::keyClick(before ? before : all.window.get(), Qt::Key_Tab);
                QCoreApplication::processEvents();
                QPointer<QWidget> now = QApplication::focusWidget();
                if (!now || now->window() != all.window.get() || seen.contains(now)) break;
                seen.insert(now);
                const QRect around =
                    QRect(now->mapTo(all.window.get(), QPoint()), now->size()).adjusted(-8, -8, 8, 8);
                const QImage with = all.window->grab(around).toImage();
                now->clearFocus();
                QCoreApplication::processEvents();
                const QImage without = all.window->grab(around).toImage();
                if (!now) break;
                now->setFocus(Qt::TabFocusReason);
                ++stops;
                if (with == without)
                    problems << page + QStringLiteral(": ") + nameOf(now) + QStringLiteral(" looks the same");
            }
        }
        QVERIFY2(stops > 60, qPrintable(QString::number(stops)));
        QVERIFY2(problems.isEmpty(), qPrintable(QLatin1Char('\n') + problems.join(QLatin1Char('\n'))));
    }

    // Every page, walked through in one theme and switched to the other, against a window that never knew
    // another.
    void aSwitchedWindowLooksLikeANewOne() {
        QApplication::setCursorFlashTime(0);
        test::WholeWindow all(m_sandbox, QStringLiteral("themes"), {1440, 900});
        const auto openIn = [&](Scheme scheme) {
            all.window->close();
            Theme::instance().setScheme(scheme);
            all.window = std::make_unique<MainWindow>(&all.engine);
            all.window->resize(1440, 900);
            all.window->show();
            all.window->openProject(m_sandbox.path(QStringLiteral("themes")));
            QTRY_VERIFY(all.window->project() && all.window->project()->isOpen());
            QTRY_COMPARE(all.window->project()->runs().size(), 3);
            engine::TokenEvent token;
            token.text = "apples";
            token.experts = {{1, 3}};
            token.weights = {{0.7F, 0.3F}};
            token.probabilities = {{0.1F, 0.5F, 0.1F, 0.3F}};
            token.layers = {0};
            token.alternatives = {{5, "pears", -0.5}};
            all.window->findChild<TokenInspector*>()->showToken(&token, 0, 9);
        };
        const auto pictures = [&] {
            QMap<QString, QImage> seen;
            for (const QString& page : all.window->pageIds()) {
                all.show(page);
                if (QWidget* focused = QApplication::focusWidget()) focused->clearFocus();
                // what is free on the disk goes on changing
                if (auto* free = all.window->findChild<QLabel*>(QStringLiteral("diskFree")))
                    free->setText(QStringLiteral("39.2 GB"));
                QCoreApplication::processEvents();
                seen[page] = all.window->grab().toImage();
            }
            return seen;
        };
        openIn(Scheme::Light);
        pictures();
        Theme::instance().setScheme(Scheme::Dark);
        const auto switched = pictures();
        openIn(Scheme::Dark);
        pictures();
        const auto fresh = pictures();
        QStringList problems;
        for (const QString& page : fresh.keys()) {
            all.show(page);
            const QImage &a = switched[page], &b = fresh[page];
            QCOMPARE(a.size(), b.size());
            if (const QString folder = qEnvironmentVariable("CARAVAN_TEST_PICTURES");
                !folder.isEmpty() && a != b) {
                a.save(folder + QStringLiteral("/switched-") + page + QStringLiteral(".png"));
                b.save(folder + QStringLiteral("/new-") + page + QStringLiteral(".png"));
            }
            for (int y = 0; y < b.height(); ++y)
                for (int x = 0; x < b.width(); ++x)
                    if (a.pixel(x, y) != b.pixel(x, y))
                        if (const QWidget* at = all.window->childAt(x, y))
                            problems << page + QStringLiteral(": ") + nameOf(at);
        }
        Theme::instance().setScheme(Scheme::Light);
        problems.removeDuplicates();
        QVERIFY2(problems.isEmpty(), qPrintable(QLatin1Char('\n') + problems.join(QLatin1Char('\n'))));
    }

    void docksComeBackAsWideAsTheyWere() {
        const auto widest = [](const test::WholeWindow& all) {
            int width = 0;
            for (const auto* dock : all.window->findChildren<QDockWidget*>())
                if (dock->isVisible()) width = std::max(width, dock->width());
            return width;
        };
        int before = 0;
        {
            test::WholeWindow all(m_sandbox, QStringLiteral("docks"), {1440, 900});
            all.show(QStringLiteral("tune"));
            before = widest(all);
            QVERIFY(before > 0);
            all.window->close();
        }
        test::WholeWindow again(m_sandbox, QStringLiteral("docks-again"), {1440, 900});
        again.show(QStringLiteral("tune"));
        QCOMPARE(widest(again), before);
    }

    void arrowKeysWalkTheHeatMap() {
        test::WholeWindow all(m_sandbox, QStringLiteral("arrows"), {1440, 900});
        all.show(QStringLiteral("routing"));
        widgets::HeatMap* map = nullptr;
        for (auto* each : all.window->findChildren<widgets::HeatMap*>())
            if (each->isVisible()) map = each;
        QVERIFY(map != nullptr);
        map->setFocus(Qt::TabFocusReason);
        map->setCurrentCell(0, 0);
        QTest::keyClick(map, Qt::Key_Right);
        QTest::keyClick(map, Qt::Key_Down);
        QCOMPARE(QPoint(map->currentRow(), map->currentColumn()), QPoint(1, 1));
        QTest::keyClick(map, Qt::Key_Left);
        QCOMPARE(QPoint(map->currentRow(), map->currentColumn()), QPoint(1, 0));
    }

    // Runs by number or name, experts by layer, the one that deviates most first; Enter goes there.
    void thePaletteFindsRunsAndExperts() {
        test::WholeWindow all(m_sandbox, QStringLiteral("palette"), {1366, 768});
        all.show(QStringLiteral("routing"));
        auto* palette = all.window->findChild<CommandPalette*>();
        auto* query = palette->findChild<QLineEdit*>();
        auto* list = palette->findChild<QListWidget*>();
        const auto search = [&](const QString& words) {
            QTest::keyClick(all.window.get(), Qt::Key_K, Qt::ControlModifier);
            QVERIFY(palette->isVisible());
            QTest::keyClicks(query, words);
        };
        all.window->activateWindow();
        search(QStringLiteral("#"));
        QCOMPARE(list->count(), 4);  // a heading and three runs
        QTest::keyClick(query, Qt::Key_Down);
        const QString run = list->currentItem()->text();
        QTest::keyClick(query, Qt::Key_Return);
        QCOMPARE(all.window->currentPage()->id(), QStringLiteral("tune"));
        const auto shown = [&] {
            const ProjectContext* project = all.window->project();
            const RunEntry* entry =
                project->run(static_cast<TunePage*>(all.window->currentPage())->shownRun());
            return entry == nullptr ? QString() : runName(*project, *entry);
        };
        QTRY_COMPARE(shown(), run);
        all.window->project()->selectRun(QStringLiteral("0003"));
        all.show(QStringLiteral("routing"));
        search(QStringLiteral("@layer 2, "));
        QVERIFY(list->count() >= 9);  // a heading and eight experts
        QVERIFY2(list->currentItem()->text().startsWith(QStringLiteral("Layer 2, expert ")),
                 qPrintable(list->currentItem()->text()));
        const QString cell = list->currentItem()->text();
        all.window->showPage(QStringLiteral("models"));
        QTest::keyClick(query, Qt::Key_Return);
        QCOMPARE(all.window->currentPage()->id(), QStringLiteral("routing"));
        widgets::HeatMap* map = nullptr;
        for (auto* each : all.window->findChildren<widgets::HeatMap*>())
            if (each->isVisible()) map = each;
        QVERIFY(map != nullptr);
        QTRY_COMPARE(QStringLiteral("Layer 2, expert %1").arg(map->currentColumn()), cell);
        QCOMPARE(map->currentRow(), 2);
    }

    void theTourWalksAllItsPages() {
        test::WholeWindow all(m_sandbox, QStringLiteral("tour"), {1366, 768});
        all.window->actionRegistry()->find(QStringLiteral("help.tour"))->trigger();
        auto* tour = all.window->findChild<GuidedTour*>();
        QVERIFY(tour != nullptr && tour->isVisible());
        QStringList pages;
        for (int i = 0; i < GuidedTour::count(); ++i) {
            QVERIFY(all.window->rect().contains(tour->geometry()));
            pages << all.window->currentPage()->id();
            QTest::keyClick(tour, Qt::Key_Right);
        }
        QCOMPARE(pages.join(' '), QStringLiteral("models upcycle data tune routing chat"));
        QVERIFY(!tour->isVisible());
        QCOMPARE(all.window->currentPage()->id(), QStringLiteral("upcycle"));  // where one's own begins
        // By Enter, too; and what is hidden leaves no ring at the rail.
        all.window->actionRegistry()->find(QStringLiteral("help.tour"))->trigger();
        for (int i = 0; i < GuidedTour::count(); ++i)
            QTest::keyClick(QApplication::focusWidget(), Qt::Key_Return);
        QVERIFY(!tour->isVisible());
        QTest::qWait(20);
        QVERIFY(!all.window->findChild<Rail*>()->isAncestorOf(QApplication::focusWidget()));
    }

    // A click or a shortcut that hides or disables what has the focus gives no ring to something else; a page
    // is entered where it was left.
    void focusStaysInThePages() {
        test::WholeWindow all(m_sandbox, QStringLiteral("focus"), {1366, 768});
        QVERIFY(QTest::qWaitForWindowActive(all.window.get()));
        const auto* rail = all.window->findChild<Rail*>();
        all.window->showPage(QStringLiteral("runs"));
        auto* search = all.window->currentPage()->findChild<QLineEdit*>();
        QTest::mouseClick(search, Qt::LeftButton);
        QCOMPARE(QApplication::focusWidget(), static_cast<QWidget*>(search));
        for (const QString& id : all.window->pageIds()) {
            if (id == QLatin1String("runs")) continue;
            all.window->showPage(id);
            QTest::qWait(20);
            QWidget* now = QApplication::focusWidget();
            QVERIFY2(now != nullptr && !rail->isAncestorOf(now), qPrintable(id));
            QVERIFY2(now == all.window->currentPage() || all.window->currentPage()->isAncestorOf(now),
                     qPrintable(id));
        }
        // What a page wants is not taken from it: the text of the next token, though the composer is hidden.
        all.window->showPage(QStringLiteral("chat"));
        all.window->actionRegistry()->find(QStringLiteral("chat.next_token"))->trigger();
        QTest::qWait(20);
        auto* text = all.window->currentPage()->findChild<NextTokenView*>()->input();
        QCOMPARE(QApplication::focusWidget(), static_cast<QWidget*>(text));
        all.window->actionRegistry()->find(QStringLiteral("chat.next_token"))->trigger();
        QTest::qWait(20);  // and back to the composer
        QVERIFY(qobject_cast<QPlainTextEdit*>(QApplication::focusWidget()) != nullptr);
        all.window->showPage(QStringLiteral("runs"));
        QCOMPARE(QApplication::focusWidget(), static_cast<QWidget*>(search));
        // A button that goes after a click.
        QPushButton* button = nullptr;
        for (auto* each : all.window->currentPage()->findChildren<QPushButton*>())
            if (each->isVisible() && each->isEnabled() && each->text() == QLatin1String("Duplicate"))
                button = each;
        QVERIFY(button != nullptr);
        button->setFocus(Qt::MouseFocusReason);
        QTest::mousePress(all.window.get(), Qt::LeftButton, {}, {4, 4});
        button->setEnabled(false);
        QTRY_COMPARE(QApplication::focusWidget(), static_cast<QWidget*>(all.window->currentPage()));
    }

  private:
    test::Sandbox& m_sandbox;
};

CARAVAN_UI_TEST_MAIN(TestEveryPage)
#include "tst_every_page.moc"

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What holds on all pages: room for longer words, names for screen readers, tables for charts.
#include <QAbstractItemView>
#include <QAbstractSlider>
#include <QAbstractSpinBox>
#include <QAccessible>
#include <QComboBox>
#include <QDockWidget>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitterHandle>
#include <QTextDocument>

#include "tests/support/whole_window.h"
#include "ui/actions/action_registry.h"
#include "ui/pages/chat/token_inspector.h"
#include "ui/shell/guided_tour.h"
#include "ui/shell/pane_header.h"
#include "widgets/curve_plot.h"
#include "widgets/expert_bars.h"
#include "widgets/heat_map.h"

using namespace caravan;
using namespace caravan::ui;

namespace {

constexpr int kRound = 1;  // px: font metrics round

// Where a widget stands, for whoever has to mend it.
QString nameOf(const QWidget* widget) {
    QString name = QString::fromLatin1(widget->metaObject()->className()).section(QLatin1String("::"), -1);
    if (const auto* label = qobject_cast<const QLabel*>(widget)) name += ' ' + label->text().left(60);
    if (const auto* button = qobject_cast<const QAbstractButton*>(widget))
        name += ' ' + button->text().left(60);
    if (!widget->accessibleName().isEmpty())
        name += QStringLiteral(" (%1)").arg(widget->accessibleName().left(60));
    return name + QStringLiteral(" %1x%2").arg(widget->width()).arg(widget->height());
}

// Parts of Qt's own compound widgets: their owner speaks for them.
bool isInner(const QWidget* widget) {
    const QWidget* parent = widget->parentWidget();
    return widget->objectName().startsWith(QLatin1String("qt_")) || qobject_cast<const QComboBox*>(parent) ||
           qobject_cast<const QAbstractSpinBox*>(parent) || qobject_cast<const QHeaderView*>(widget) ||
           qobject_cast<const QSplitterHandle*>(widget) || widget->inherits("QScrollBar") ||
           widget->inherits("QTableCornerButton") || widget->inherits("QAbstractButtonLineEdit") ||
           (parent != nullptr && parent->inherits("QLineEdit")) || widget->inherits("QDockWidgetTitleButton");
}

bool mayElide(const QWidget* widget) {
    return qobject_cast<const ElidedLabel*>(widget) ||
           widget->sizePolicy().horizontalPolicy() == QSizePolicy::Ignored;
}

QString labelProblem(const QLabel& label) {
    if (label.text().isEmpty() || mayElide(&label)) return {};
    const QRect room = label.contentsRect();
    if (label.wordWrap()) {
        const int needs = label.heightForWidth(label.width());
        return needs > label.height() + kRound ? QStringLiteral("needs %1 px of height").arg(needs)
                                               : QString();
    }
    int needs = 0;
    if (Qt::mightBeRichText(label.text())) {
        QTextDocument text;
        text.setDefaultFont(label.font());
        text.setDocumentMargin(0);
        text.setHtml(label.text());
        needs = qCeil(text.idealWidth());
    } else {
        needs = label.fontMetrics().size(Qt::TextShowMnemonic, label.text()).width();
    }
    return needs > room.width() + kRound ? QStringLiteral("needs %1 px").arg(needs) : QString();
}

QString buttonProblem(const QAbstractButton& button) {
    if (button.text().isEmpty() || mayElide(&button)) return {};
    const QSize needs = button.sizeHint();
    if (needs.width() > button.width() + kRound && !button.hasHeightForWidth())
        return QStringLiteral("needs %1 px").arg(needs.width());
    const int height = button.hasHeightForWidth() ? button.heightForWidth(button.width()) : needs.height();
    return height > button.height() + kRound ? QStringLiteral("needs %1 px of height").arg(height)
                                             : QString();
}

QString headerProblem(const QHeaderView& header) {
    QStringList cut;
    for (int i = 0; i < header.count(); ++i) {
        if (header.isSectionHidden(i) || header.orientation() != Qt::Horizontal) continue;
        const QString text = header.model()->headerData(i, Qt::Horizontal).toString();
        const int needs = header.fontMetrics().horizontalAdvance(text) + 8;
        if (needs > header.sectionSize(i) + kRound)
            cut << QStringLiteral("%1 needs %2 of %3").arg(text).arg(needs).arg(header.sectionSize(i));
    }
    return cut.join(QStringLiteral(", "));
}

// Cut by what it stands in, where nothing scrolls to it.
QString cutBy(const QWidget* widget) {
    QRect area = widget->rect();
    for (const QWidget* at = widget; at->parentWidget() != nullptr && !at->isWindow();
         at = at->parentWidget()) {
        area.translate(at->pos());
        const QWidget* parent = at->parentWidget();
        const auto* scroll = qobject_cast<const QScrollArea*>(parent->parentWidget());
        if (parent->parentWidget() != nullptr && parent->parentWidget()->inherits("QAbstractScrollArea")) {
            if (scroll != nullptr && scroll->horizontalScrollBarPolicy() == Qt::ScrollBarAlwaysOff &&
                (area.left() < -kRound || area.right() > parent->width() + kRound))
                return QStringLiteral("is cut at the side of ") + nameOf(scroll);
            return {};
        }
        if (!parent->rect().adjusted(-kRound, -kRound, kRound, kRound).contains(area))
            return QStringLiteral("is cut by ") + nameOf(parent);
    }
    return {};
}

QStringList overlaps(const QWidget* parent) {
    QList<const QWidget*> seen;
    QStringList found;
    for (const QObject* object : parent->children()) {
        const auto* widget = qobject_cast<const QWidget*>(object);
        if (widget == nullptr || !widget->isVisible() || widget->isWindow()) continue;
        if (!qobject_cast<const QLabel*>(widget) && !qobject_cast<const QAbstractButton*>(widget) &&
            !qobject_cast<const QComboBox*>(widget))
            continue;
        for (const QWidget* other : std::as_const(seen))
            if (widget->geometry().adjusted(1, 1, -1, -1).intersects(other->geometry()))
                found << nameOf(widget) + QStringLiteral(" lies over ") + nameOf(other);
        seen << widget;
    }
    return found;
}

QStringList roomProblems(const QWidget& window, const QString& page) {
    QStringList problems;
    const auto tell = [&](const QWidget* widget, const QString& what) {
        if (!what.isEmpty())
            problems << page + QStringLiteral(": ") + nameOf(widget) + QStringLiteral(" ") + what;
    };
    for (const QWidget* widget : window.findChildren<QWidget*>()) {
        if (!widget->isVisible() || isInner(widget)) {
            if (const auto* header = qobject_cast<const QHeaderView*>(widget); header && header->isVisible())
                tell(header, headerProblem(*header));
            continue;
        }
        if (const auto* label = qobject_cast<const QLabel*>(widget)) {
            tell(label, labelProblem(*label));
            if (!label->text().isEmpty()) tell(label, cutBy(label));
        }
        if (const auto* button = qobject_cast<const QAbstractButton*>(widget)) {
            tell(button, buttonProblem(*button));
            tell(button, cutBy(button));
        }
        problems << overlaps(widget);
    }
    return problems;
}

bool isControl(const QWidget* widget) {
    return widget->focusPolicy() != Qt::NoFocus || qobject_cast<const QAbstractButton*>(widget) != nullptr;
}

QStringList namelessControls(const QWidget& window, const QString& page) {
    QStringList problems;
    for (QWidget* widget : window.findChildren<QWidget*>()) {
        if (!widget->isVisible() || isInner(widget) || !isControl(widget)) continue;
        QAccessibleInterface* spoken = QAccessible::queryAccessibleInterface(widget);
        if (spoken == nullptr || spoken->text(QAccessible::Name).trimmed().isEmpty())
            problems << page + QStringLiteral(": ") + nameOf(widget) + QStringLiteral(" in ") +
                            (widget->parentWidget() ? nameOf(widget->parentWidget()) : QString());
    }
    return problems;
}

template <class Chart>
QStringList tablelessCharts(const QWidget& window, const QString& page, int* seen) {
    QStringList problems;
    for (Chart* chart : window.findChildren<Chart*>()) {
        if (!chart->isVisible()) continue;
        QAccessibleInterface* spoken = QAccessible::queryAccessibleInterface(chart);
        QAccessibleTableInterface* table = spoken ? spoken->tableInterface() : nullptr;
        if (table == nullptr) {
            problems << page + QStringLiteral(": no table for ") + nameOf(chart);
            continue;
        }
        if (table->rowCount() < 1 || table->columnCount() < 1) continue;  // nothing measured yet: it says so
        ++*seen;
        QAccessibleInterface* cell = table->cellAt(table->rowCount() - 1, table->columnCount() - 1);
        if (cell == nullptr || cell->text(QAccessible::Name).isEmpty())
            problems << page + QStringLiteral(": a cell without words in ") + nameOf(chart);
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
        for (const QString& page : all.window->pageIds()) {
            all.show(page);
            problems << roomProblems(*all.window, page);
            test::picture(*all.window, QStringLiteral("room-%1-%2").arg(longer).arg(page));
        }
        all.window.reset();
        if (longer) QCoreApplication::removeTranslator(&words);
        problems.removeDuplicates();
        QVERIFY2(problems.isEmpty(), qPrintable(QLatin1Char('\n') + problems.join(QLatin1Char('\n'))));
    }

    void everyControlHasAName() {
        test::WholeWindow all(m_sandbox, QStringLiteral("names"), {1440, 900});
        QStringList problems;
        for (const QString& page : all.window->pageIds()) {
            all.show(page);
            problems << namelessControls(*all.window, page);
        }
        QVERIFY2(problems.isEmpty(), qPrintable(QLatin1Char('\n') + problems.join(QLatin1Char('\n'))));
    }

    void everyChartHasATable() {
        test::WholeWindow all(m_sandbox, QStringLiteral("tables"), {1440, 900});
        QStringList problems;
        int seen = 0;
        for (const char* page : {"tune", "routing", "runs"}) {
            all.show(QLatin1String(page));
            problems << tablelessCharts<widgets::HeatMap>(*all.window, page, &seen)
                     << tablelessCharts<widgets::CurvePlot>(*all.window, page, &seen)
                     << tablelessCharts<widgets::ExpertBars>(*all.window, page, &seen);
        }
        QVERIFY2(problems.isEmpty(), qPrintable(problems.join(QLatin1Char('\n'))));
        QVERIFY2(seen >= 5, "curves and map on Tune, map and bars on Routing, curves on Runs");
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
    }

  private:
    test::Sandbox& m_sandbox;
};

CARAVAN_UI_TEST_MAIN(TestEveryPage)
#include "tst_every_page.moc"

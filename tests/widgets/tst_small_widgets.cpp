// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAccessible>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QSignalSpy>
#include <QStackedWidget>
#include <QTest>
#include <QToolButton>
#include <QVBoxLayout>

#include "widgets/accessible_roles.h"
#include "widgets/chip.h"
#include "widgets/expert_bars.h"
#include "widgets/message_bar.h"
#include "widgets/segmented.h"
#include "widgets/sparkline.h"
#include "widgets/stack_bar.h"
#include "widgets/theme_colors.h"
#include "widgets/timeline_scrubber.h"

using namespace caravan::widgets;

class TestSmallWidgets : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void segmentsByMouseAndKeys() {
        Segmented segments({QStringLiteral("All"), QStringLiteral("Code"), QStringLiteral("Math")});
        segments.resize(segments.sizeHint());
        QSignalSpy changed(&segments, &Segmented::currentChanged);
        QTest::mouseClick(&segments, Qt::LeftButton, {}, segments.segmentRect(2).center());
        QCOMPARE(segments.currentText(), QStringLiteral("Math"));
        QTest::keyClick(&segments, Qt::Key_Left);
        QCOMPARE(segments.current(), 1);
        QTest::keyClick(&segments, Qt::Key_Home);
        QTest::keyClick(&segments, Qt::Key_Left);  // stays
        QCOMPARE(segments.current(), 0);
        QCOMPARE(changed.size(), 3);
    }

    void segmentsKeepTheChoiceByItsText() {
        Segmented segments({QStringLiteral("All"), QStringLiteral("Code")});
        segments.setCurrent(1);
        QSignalSpy changed(&segments, &Segmented::currentChanged);
        segments.setSegments({QStringLiteral("All"), QStringLiteral("General"), QStringLiteral("Code")});
        QCOMPARE(segments.currentText(), QStringLiteral("Code"));
        QCOMPARE(changed.size(), 0);
        segments.setSegments({QStringLiteral("All")});
        QCOMPARE(segments.current(), 0);
        QCOMPARE(changed.size(), 1);
    }

    void messageSaysWhatAndOffersHelp() {
        MessageBar bar;
        bar.resize(900, 44);
        bar.showMessage(MessageBar::Kind::Warning, QStringLiteral("Layer 3 leans on one expert."),
                        QStringLiteral("Expert 5."));
        QPushButton* button = bar.addButton(QStringLiteral("Show"));
        QVERIFY(!bar.isHidden());
        QCOMPARE(bar.accessibleName(), QStringLiteral("Layer 3 leans on one expert. Expert 5."));
        QCOMPARE(bar.height(), 44);
        bar.showMessage(MessageBar::Kind::Error, QStringLiteral("The engine stopped."),
                        QStringLiteral("Resume."));
        QVERIFY(bar.buttons().isEmpty());
        QVERIFY(button->isHidden());
        QCOMPARE(bar.height(), 64);
        QSignalSpy closed(&bar, &MessageBar::closed);
        bar.findChild<QToolButton*>()->click();
        QVERIFY(bar.isHidden());
        QCOMPARE(closed.size(), 1);
    }

    void messageOfAHiddenPageIsReadWhenItIsShown() {
        QStackedWidget stack;
        auto* page = new QWidget;
        stack.addWidget(new QWidget);
        stack.addWidget(page);
        auto* column = new QVBoxLayout(page);
        auto* bar = new MessageBar;
        column->addWidget(bar);
        column->addStretch(1);
        bar->showMessage(MessageBar::Kind::Success, QStringLiteral("Finished after 12 steps."),
                         QStringLiteral("Best held-out loss 2.786 at step 12, mean over domains."));
        stack.resize(1200, 600);
        stack.show();
        stack.setCurrentWidget(page);
        QTRY_COMPARE(bar->height(), 44);
        for (const QLabel* label : bar->findChildren<QLabel*>())
            QTRY_VERIFY2(bar->rect().contains(label->geometry()), qPrintable(label->text()));
        const QImage picture = bar->grab().toImage();
        int ink = 0;
        for (int y = 0; y < picture.height(); ++y)
            for (int x = 54; x < 400; ++x)
                ink += qGray(picture.pixel(x, y)) < 120 ? 1 : 0;
        QVERIFY(ink > 200);
        stack.resize(360, 600);
        QTRY_VERIFY(bar->height() >= 64);  // wraps
    }

    void stackBarShowsOverflow() {
        StackBar bar;
        bar.resize(200, 16);
        bar.setParts({{QStringLiteral("a"), 6, {}}, {QStringLiteral("b"), 6, {}}});
        QVERIFY(!bar.overflows());
        QCOMPARE(bar.partRect(1).left(), 100.0);
        bar.setCapacity(10);
        QVERIFY(bar.overflows());
        const QImage picture = bar.grab().toImage();
        QCOMPARE(picture.pixelColor(166, 8), themeColors().text);  // the limit, between 166.7 - 1 and + 1
    }

    void expertBarsPlaceBarsByShare() {
        ExpertBars bars;
        bars.resize(500, 300);
        bars.setShares({QStringLiteral("General"), QStringLiteral("Code")},
                       {{0.25, 0.25, 0.25, 0.25}, {0.4, 0.2, 0.2, 0.2}});
        QCOMPARE(bars.gridRows(), 4);
        QCOMPARE(bars.gridText(0, 1), QStringLiteral("40.0\u2009%"));
        const QRect tall = bars.gridRect(0, 1), low = bars.gridRect(1, 1);
        QVERIFY(std::abs(tall.height() - 2 * low.height()) <= 2);
        QCOMPARE(tall.bottom(), low.bottom());
        QSignalSpy changed(&bars, &ExpertBars::currentExpertChanged);
        QTest::mouseClick(&bars, Qt::LeftButton, {}, low.center());
        QCOMPARE(bars.currentExpert(), 1);
        QTest::keyClick(&bars, Qt::Key_Right);
        QCOMPARE(bars.currentExpert(), 2);
        QCOMPARE(changed.size(), 2);
    }

    void manyExpertsShowTheOnesThatDeviate() {
        ExpertBars bars;
        QVector<double> shares(64, 1.0 / 64);
        shares[50] = 0.2;
        bars.setShares({QStringLiteral("All")}, {shares});
        QCOMPARE(bars.shownExperts().size(), 32);
        QVERIFY(bars.shownExperts().contains(50));
    }

    void timelineGoesToRecords() {
        TimelineScrubber scrubber;
        scrubber.resize(628, 48);
        scrubber.setPoints({{10, 0.1}, {20, 0.2}, {40, 0.3}}, QStringLiteral("MaxVio"));
        scrubber.setTotal(100);
        scrubber.setCheckpoints({20, 40});
        QSignalSpy scrubbed(&scrubber, &TimelineScrubber::scrubbed);
        QTest::mouseClick(&scrubber, Qt::LeftButton, {}, QPoint(static_cast<int>(scrubber.pixelOf(26)), 12));
        QCOMPARE(scrubbed.takeLast()[0].toLongLong(), 20);
        QTest::keyClick(&scrubber, Qt::Key_Right);
        QCOMPARE(scrubber.value(), 40);
        QTest::keyClick(&scrubber, Qt::Key_PageUp);
        QCOMPARE(scrubber.value(), 20);
        QTest::keyClick(&scrubber, Qt::Key_Home);
        QCOMPARE(scrubber.value(), 10);
        QVERIFY(!scrubber.stepRecord(-1));
        QSignalSpy play(&scrubber, &TimelineScrubber::playRequested);
        QTest::keyClick(&scrubber, Qt::Key_Space);
        QCOMPARE(play.size(), 1);
    }

    void timelineIsASliderForScreenReaders() {
        TimelineScrubber scrubber;
        scrubber.setPoints({{0, 0}, {30, 1}}, QStringLiteral("MaxVio"));
        scrubber.setValue(30);
        QAccessibleInterface* accessible = QAccessible::queryAccessibleInterface(&scrubber);
        QVERIFY(accessible != nullptr && accessible->valueInterface() != nullptr);
        QCOMPARE(accessible->valueInterface()->currentValue().toInt(), 30);
    }

    // Also what was asked for before it was what it is.
    void assistiveProgramsKnowWhatThingsAre() {
        const auto roleOf = [](QWidget& widget) {
            return QAccessible::queryAccessibleInterface(&widget)->role();
        };
        Segmented segments({QStringLiteral("All"), QStringLiteral("Code")});
        QCOMPARE(roleOf(segments), QAccessible::ComboBox);
        MessageBar message;
        QCOMPARE(roleOf(message), QAccessible::Notification);
        QScrollArea area;
        QCOMPARE(roleOf(area), QAccessible::Pane);
        QPushButton button(QStringLiteral("&Compare"));
        QAccessibleInterface* spoken = QAccessible::queryAccessibleInterface(&button);
        QCOMPARE(spoken->role(), QAccessible::Button);
        button.setCheckable(true);
        QCOMPARE(spoken->role(), QAccessible::CheckBox);
        QCOMPARE(spoken->text(QAccessible::Name), QStringLiteral("Compare"));
        QSignalSpy clicked(&button, &QPushButton::clicked);
        QAccessibleActionInterface* actions = spoken->actionInterface();
        actions->doAction(actions->actionNames().first());
        QCOMPARE(clicked.size(), 1);
        QVERIFY(button.isChecked() && spoken->state().checked);
        button.setEnabled(false);
        QVERIFY(actions->actionNames().isEmpty());
        QToolButton tab;
        setAccessibleRole(&tab, QAccessible::PageTab);
        QCOMPARE(roleOf(tab), QAccessible::PageTab);
    }

    void sparklineSurvivesOddValues() {
        Sparkline line;
        line.resize(60, 20);
        for (const QVector<double>& values :
             {QVector<double>{}, QVector<double>{1}, QVector<double>{NAN, INFINITY, 2, 2},
              QVector<double>(5000, 1.5)}) {
            line.setValues(values);
            QVERIFY(!line.grab().isNull());
        }
    }

    void chipsSayWhatTheyShow() {
        Chip chip(QStringLiteral("Running"), Chip::Tone::Accent);
        QCOMPARE(chip.accessibleName(), QStringLiteral("Running"));
        ExpertChip expert(3);
        QCOMPARE(expert.grab().toImage().pixelColor(3, 14), themeColors().expert(3));
    }
};

QTEST_MAIN(TestSmallWidgets)
#include "tst_small_widgets.moc"

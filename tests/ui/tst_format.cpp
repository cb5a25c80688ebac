// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>

#include "ui/format/format.h"
#include "ui/format/stage_clock.h"
#include "ui/format/stage_words.h"

using namespace caravan;
using namespace caravan::ui;

// Another language: every word of the engine's work between angles.
class Angles : public QTranslator {
  public:
    [[nodiscard]] QString translate(const char* context, const char* text, const char*, int) const override {
        return qstrcmp(context, "Stage") == 0 ? QStringLiteral("<%1>").arg(QLatin1String(text)) : QString();
    }
    [[nodiscard]] bool isEmpty() const override { return false; }
};

class TestFormat : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void numbersAreWrittenAlike();
    void whatIsLeftOfLongWorkIsSaid();
    void workIsNamedInTheReadersLanguage();
};

void TestFormat::numbersAreWrittenAlike() {
    const QString thin(kThinSpace);
    QCOMPARE(withThousands(1504), QStringLiteral("1,504"));
    QCOMPARE(parameterCount(15'735'168), "15.7" + thin + "M");
    QCOMPARE(parameterCount(6'738'415'616), "6.74" + thin + "B");
    QCOMPARE(parameterCountExact(7'813'000'000), "7.813" + thin + "B");
    QCOMPARE(memoryText(std::int64_t(68'400'000'000)), "63.70" + thin + "GiB");
    QCOMPARE(diskText(4'980'000'000), "4.98" + thin + "GB");
    QCOMPARE(diskText(31'400'000), "31.4" + thin + "MB");
    QCOMPARE(durationText(8.39), "8.4" + thin + "s");
    QCOMPARE(durationText(4920), "1" + thin + "h 22" + thin + "min");
    QCOMPARE(timeLeftText(-1), QString());
    QCOMPARE(percentText(0.6249), "62" + thin + "%");
    QCOMPARE(shortReal(2e-4), QStringLiteral("2e-4"));
    QCOMPARE(shortReal(0.01), QStringLiteral("0.01"));
    QCOMPARE(shortReal(512), QStringLiteral("512"));
}

void TestFormat::whatIsLeftOfLongWorkIsSaid() {
    StageClock clock;
    QCOMPARE(clock.words({"reading weights", 0, 40}, 0), QStringLiteral("reading weights, 0 of 40"));
    QCOMPARE(clock.words({"reading weights", 1, 40}, 1000), QStringLiteral("reading weights, 1 of 40"));
    const QString later = clock.words({"reading weights", 10, 40}, 10'000);
    QVERIFY2(later.contains("10 of 40") && later.contains("30") && later.endsWith("left"), qPrintable(later));
    QVERIFY(!clock.words({"reading weights", 39, 40}, 39'000).contains("left"));  // as good as done
    QCOMPARE(clock.words({"writing weights", 5, 1000}, 40'000),
             QStringLiteral("writing weights, 5 of 1,000"));                    // another part, another pace
    QVERIFY(clock.words({"writing weights", 6, 1000}, 43'000).contains("49"));  // min; 994 at 3 s each
    QCOMPARE(clock.words({"saving", 0, 0}, 99'000), QStringLiteral("saving"));
}

void TestFormat::workIsNamedInTheReadersLanguage() {
    QCOMPARE(stageText("reading weights"), QStringLiteral("reading weights"));
    Angles angles;
    QVERIFY(QCoreApplication::installTranslator(&angles));
    QCOMPARE(stageText("reading weights"), QStringLiteral("<reading weights>"));
    QCOMPARE(stageText("reading dogs %1.jsonl"), QStringLiteral("<reading dogs %1.jsonl>"));
    QCOMPARE(stageText("of a later engine"), QStringLiteral("of a later engine"));
    QCOMPARE(stageText(""), QString());
    QVERIFY(StageClock().words({"muting experts", 1, 9}, 0).startsWith(QStringLiteral("<muting experts>")));
    QCoreApplication::removeTranslator(&angles);
}

QTEST_GUILESS_MAIN(TestFormat)
#include "tst_format.moc"

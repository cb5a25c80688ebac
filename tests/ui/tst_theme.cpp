// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>

#include "tests/support/color_difference.h"
#include "ui/theme/theme.h"
#include "widgets/theme_colors.h"

using namespace caravan;

// Recomputes the contrast of every pair that the window uses from the theme files.
class TestTheme : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void filesAreComplete_data() { themes(); }
    void filesAreComplete();
    void textIsReadable_data();
    void textIsReadable();
    void marksAreVisible_data() { themes(); }
    void marksAreVisible();
    void expertsAreReadable_data() { themes(); }
    void expertsAreReadable();
    void expertsAreToldApart_data();
    void expertsAreToldApart();
    void loadMapIsQuietInTheMiddle_data() { themes(); }
    void loadMapIsQuietInTheMiddle();
    void switchingSchemesTellsWidgets();

  private:
    static void themes() {
        QTest::addColumn<bool>("dark");
        QTest::newRow("light") << false;
        QTest::newRow("dark") << true;
    }
};

void TestTheme::filesAreComplete() {
    QFETCH(bool, dark);
    const widgets::ThemeColors c = ui::loadThemeColors(dark);
    QCOMPARE(c.dark, dark);
    for (const QColor& color :
         {c.window, c.base, c.alt,   c.raised, c.hover,    c.line,        c.grid,     c.btnline,
          c.ctl,    c.text, c.text2, c.text3,  c.accent,   c.accentHover, c.onAccent, c.soft,
          c.ok,     c.okBg, c.warn,  c.warnBg, c.warnLine, c.err,         c.errBg})
        QVERIFY(color.isValid());
    QCOMPARE(c.loadMap.size(), 17u);
    QCOMPARE(c.shareMap.size(), 9u);
    QCOMPARE(c.window.lightnessF() < 0.5, dark);
    QVERIFY(c.experts[0] != c.experts[1]);
}

void TestTheme::textIsReadable_data() {
    QTest::addColumn<QColor>("ink");
    QTest::addColumn<QColor>("ground");
    for (const bool dark : {false, true}) {
        const widgets::ThemeColors c = ui::loadThemeColors(dark);
        const std::tuple<const char*, QColor, QColor> pairs[] = {
            {"text on base", c.text, c.base},       {"text on window", c.text, c.window},
            {"text on raised", c.text, c.raised},   {"text on alt", c.text, c.alt},
            {"text on hover", c.text, c.hover},     {"text on soft", c.text, c.soft},
            {"text on okbg", c.text, c.okBg},       {"text on warnbg", c.text, c.warnBg},
            {"text on errbg", c.text, c.errBg},     {"text2 on base", c.text2, c.base},
            {"text2 on window", c.text2, c.window}, {"text2 on raised", c.text2, c.raised},
            {"text2 on alt", c.text2, c.alt},       {"text2 on soft", c.text2, c.soft},
            {"text3 on base", c.text3, c.base},     {"text3 on window", c.text3, c.window},
            {"text3 on raised", c.text3, c.raised}, {"accent on base", c.accent, c.base},
            {"accent on soft", c.accent, c.soft},   {"accent on window", c.accent, c.window},
            {"on accent", c.onAccent, c.accent},    {"on accent, hovered", c.onAccent, c.accentHover},
            {"ok on base", c.ok, c.base},           {"ok on okbg", c.ok, c.okBg},
            {"warn on base", c.warn, c.base},       {"warn on warnbg", c.warn, c.warnBg},
            {"err on base", c.err, c.base},         {"err on errbg", c.err, c.errBg}};
        for (const auto& [name, ink, ground] : pairs)
            QTest::newRow(
                qPrintable(QStringLiteral("%1, %2").arg(QLatin1String(name), dark ? "dark" : "light")))
                << ink << ground;
    }
}

void TestTheme::textIsReadable() {
    QFETCH(QColor, ink);
    QFETCH(QColor, ground);
    const double ratio = widgets::contrastRatio(ink, ground);
    QVERIFY2(ratio >= 4.5, qPrintable(QString::number(ratio)));
}

void TestTheme::marksAreVisible() {
    QFETCH(bool, dark);
    const widgets::ThemeColors c = ui::loadThemeColors(dark);
    QVERIFY(widgets::contrastRatio(c.ctl, c.base) >= 3.0);
    QVERIFY(widgets::contrastRatio(c.accent, c.base) >= 3.0);
    QVERIFY(widgets::contrastRatio(c.warnLine, c.base) >= 2.95);  // a mark beside text, never alone
}

void TestTheme::expertsAreReadable() {
    QFETCH(bool, dark);
    const widgets::ThemeColors c = ui::loadThemeColors(dark);
    widgets::setThemeColors(c);
    for (int e = 0; e < 8; ++e) {
        const double hue = widgets::contrastRatio(c.expert(e), c.base),
                     digit = widgets::contrastRatio(c.inkOn(e), c.expert(e));
        const double tinted = widgets::contrastRatio(c.text, widgets::expertTint(e, 1.0));
        QVERIFY2(hue >= 3.0, qPrintable(QStringLiteral("expert %1 %2").arg(e).arg(hue)));
        QVERIFY2(digit >= 4.5, qPrintable(QStringLiteral("digit on %1 %2").arg(e).arg(digit)));
        QVERIFY2(tinted >= 4.5, qPrintable(QStringLiteral("text on tint %1 %2").arg(e).arg(tinted)));
    }
    QVERIFY(!widgets::ThemeColors::expertHatched(7));
    QVERIFY(widgets::ThemeColors::expertHatched(8));
    widgets::setThemeColors({});
}

void TestTheme::expertsAreToldApart_data() {
    QTest::addColumn<bool>("dark");
    QTest::addColumn<int>("eye");
    QTest::addColumn<double>("least");  // of any two of the eight; the design's figure
    const double least[2][4] = {{19.4, 15.2, 14.3, 13.8}, {19.0, 15.5, 14.6, 13.7}};
    for (const bool dark : {false, true})
        for (int eye = 0; eye < 4; ++eye)
            QTest::addRow("%s, %s", dark ? "dark" : "light", test::kEyes[static_cast<std::size_t>(eye)].name)
                << dark << eye << least[dark ? 1 : 0][eye];
}

void TestTheme::expertsAreToldApart() {
    QFETCH(bool, dark);
    QFETCH(int, eye);
    QFETCH(double, least);
    // A pair of the formula's own test data, which differs most where blues are compared.
    QVERIFY(std::abs(test::colorDifference({50, 2.6772, -79.7751}, {50, 0, -82.7485}) - 2.0425) < 1e-4);
    const widgets::ThemeColors c = ui::loadThemeColors(dark);
    widgets::setThemeColors(c);
    const test::Eye& seen = test::kEyes[static_cast<std::size_t>(eye)];
    double smallest = 1000;
    for (int a = 0; a < 8; ++a)
        for (int b = 0; b < a; ++b)
            smallest = std::min(smallest, test::colorDifference(c.expert(a), c.expert(b), seen));
    QVERIFY2(std::abs(smallest - least) < 0.06, qPrintable(QString::number(smallest)));
    // Half and double the load, and even load beside a quarter more.
    QVERIFY(test::colorDifference(widgets::loadColor(0.5), widgets::loadColor(2.0), seen) >= 29);
    QVERIFY(test::colorDifference(widgets::loadColor(1.0), widgets::loadColor(1.25), seen) >= 9);
    widgets::setThemeColors({});
}

void TestTheme::loadMapIsQuietInTheMiddle() {
    QFETCH(bool, dark);
    const widgets::ThemeColors c = ui::loadThemeColors(dark);
    widgets::setThemeColors(c);
    QVERIFY(widgets::contrastRatio(widgets::loadColor(1.0), c.base) < 1.3);
    double before = 0;
    for (const double load : {1.0, 1.3, 1.6, 2.0, 3.0, 4.0}) {  // further from even = further from the page
        const double now = widgets::contrastRatio(widgets::loadColor(load), c.base);
        QVERIFY2(now >= before, qPrintable(QString::number(load)));
        before = now;
    }
    QCOMPARE(widgets::loadColor(100.0), widgets::loadColor(4.0));
    QCOMPARE(widgets::loadColor(0.0), widgets::loadColor(0.25));
    widgets::setThemeColors({});
}

void TestTheme::switchingSchemesTellsWidgets() {
    ui::Theme& theme = ui::Theme::instance();
    theme.install(ui::Scheme::Light);
    QSignalSpy changed(&theme, &ui::Theme::changed);
    const QColor before = QApplication::palette().color(QPalette::Base);
    theme.setScheme(ui::Scheme::Dark);
    QCOMPARE(changed.count(), 1);
    QVERIFY(theme.isDark());
    QVERIFY(QApplication::palette().color(QPalette::Base) != before);
    QCOMPARE(ui::Theme::color(ui::Token::Base), QApplication::palette().color(QPalette::Base));
    theme.setScheme(ui::Scheme::Light);
    QCOMPARE(QApplication::palette().color(QPalette::Base), before);
}

int main(int argc, char** argv) {
    QStandardPaths::setTestModeEnabled(true);
    QCoreApplication::setOrganizationName(QStringLiteral("caravan-test-theme"));
    QApplication application(argc, argv);
    TestTheme test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_theme.moc"

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QSignalSpy>
#include <QTest>

#include "widgets/theme_colors.h"
#include "widgets/token_strip.h"

using caravan::widgets::StripToken;
using caravan::widgets::TokenStrip;

namespace {
std::vector<StripToken> words(std::initializer_list<const char*> texts) {
    std::vector<StripToken> tokens;
    int expert = 0;
    for (const char* text : texts)
        tokens.push_back({QString::fromUtf8(text), expert++ % 8, 0.9});
    return tokens;
}
int pixelsNear(const QImage& image, const QColor& color) {
    int found = 0;
    for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x)
            if (QColor(image.pixel(x, y)) == color) ++found;
    return found;
}
}  // namespace

class TestTokenStrip : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void everyTokenIsHitInItsOwnCell() {
        TokenStrip strip;
        strip.setTokens(words({"Once", " upon", " a", " time", ",\n", "there", " was"}));
        strip.resize(400, strip.heightForWidth(400));
        for (int i = 0; i < strip.count(); ++i) {
            const QRect r = strip.tokenRect(i);
            QVERIFY2(r.width() > 1, qPrintable(QString::number(i)));
            QCOMPARE(strip.tokenAt(r.center()), i);
        }
        QVERIFY(strip.tokenRect(5).top() > strip.tokenRect(0).top());  // behind the line feed
        QCOMPARE(strip.tokenAt({398, strip.tokenRect(5).center().y()}), -1);
    }
    void clickAndKeysSelect() {
        TokenStrip strip;
        strip.setTokens(words({"a", " b", " c\n", "d"}));
        strip.resize(300, strip.heightForWidth(300));
        strip.show();
        QSignalSpy changed(&strip, &TokenStrip::selectedChanged);
        QTest::mouseClick(&strip, Qt::LeftButton, {}, strip.tokenRect(1).center());
        QCOMPARE(strip.selected(), 1);
        QTest::keyClick(&strip, Qt::Key_Right);
        QCOMPARE(strip.selected(), 2);
        QTest::keyClick(&strip, Qt::Key_End);
        QCOMPARE(strip.selected(), 3);
        QTest::keyClick(&strip, Qt::Key_Up);
        QCOMPARE(strip.selected(), 0);
        QCOMPARE(changed.count(), 4);
        QSignalSpy activated(&strip, &TokenStrip::activated);
        QTest::keyClick(&strip, Qt::Key_Return);
        QCOMPARE(activated.count(), 1);
    }
    void tokensOfOneCharacterShareACellAndAClickCycles() {
        TokenStrip strip;
        strip.setTokens(words({"x", "", "", "\xC3\xA9", "y"}));
        strip.resize(300, 40);
        const QPoint cell = strip.tokenRect(3).center();
        QCOMPARE(strip.tokenRect(1), strip.tokenRect(3));
        QTest::mouseClick(&strip, Qt::LeftButton, {}, cell);
        QCOMPARE(strip.selected(), 3);
        QTest::mouseClick(&strip, Qt::LeftButton, {}, cell);
        QCOMPARE(strip.selected(), 1);
        QTest::mouseClick(&strip, Qt::LeftButton, {}, cell);
        QCOMPARE(strip.selected(), 2);
    }
    void streamingGivesTheSameLayoutAsAllAtOnce() {
        const auto all = words(
            {"The", " quick", " brown", " fox\n", " jumps", " over", " the", " lazy", " dog", "\n\n", "end"});
        TokenStrip once, bit;
        once.setTokens(all);
        once.resize(160, once.heightForWidth(160));
        bit.resize(160, 300);
        bit.heightForWidth(160);
        for (const auto& token : all)
            bit.appendTokens({token});
        QCOMPARE(bit.heightForWidth(160), once.heightForWidth(160));
        for (int i = 0; i < once.count(); ++i)
            QCOMPARE(bit.tokenRect(i), once.tokenRect(i));
        QCOMPARE(bit.plainText(), once.plainText());
    }
    void colorsFollowTheExperts() {
        TokenStrip strip;
        strip.setTokens(words({"alpha", " beta"}));
        strip.resize(200, strip.heightForWidth(200));
        const auto& c = caravan::widgets::themeColors();
        QVERIFY(pixelsNear(strip.grab().toImage(), c.expert(0)) > 10);
        strip.setExperts({{3, 0.6}, {3, 0.6}});
        QCOMPARE(pixelsNear(strip.grab().toImage(), c.expert(0)), 0);
        QVERIFY(pixelsNear(strip.grab().toImage(), c.expert(3)) > 10);
        strip.setHighlightedExpert(2);
        QCOMPARE(pixelsNear(strip.grab().toImage(), c.expert(3)), 0);
        strip.setHighlightedExpert(-1);
        strip.setColored(false);
        QCOMPARE(pixelsNear(strip.grab().toImage(), c.expert(3)), 0);
    }
    void trainedTokensAreMarked() {
        TokenStrip strip;
        strip.setTokens({{"ask", -1, 1, StripToken::Kind::Masked},
                         {"</s>", -1, 1, StripToken::Kind::Special},
                         {" answer", -1, 1, StripToken::Kind::Trained}});
        strip.resize(300, strip.heightForWidth(300));
        QVERIFY(pixelsNear(strip.grab().toImage(), caravan::widgets::themeColors().accent) > 10);
    }
    void emptyAndHugeDataStandUp() {
        TokenStrip strip;
        strip.resize(500, strip.heightForWidth(500));
        strip.grab();
        QCOMPARE(strip.tokenAt({5, 5}), -1);
        std::vector<StripToken> many(40000, StripToken{QStringLiteral(" word"), 1, 0.7});
        strip.setTokens(many);
        const int height = strip.heightForWidth(500);
        QVERIFY(height > 10000);
        strip.resize(500, height);
        QCOMPARE(strip.tokenAt(strip.tokenRect(39999).center()), 39999);
    }
};

QTEST_MAIN(TestTokenStrip)
#include "tst_token_strip.moc"

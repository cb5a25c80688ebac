// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAction>
#include <QListWidget>
#include <QSettings>
#include <QSignalSpy>
#include <QTableWidget>
#include <QTest>
#include <QTextBlock>
#include <cmath>

#include "tests/support/chat_bench.h"
#include "ui/pages/chat/chat_controls.h"
#include "ui/pages/chat/chat_origin.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/pages/chat/markdown_view.h"
#include "ui/pages/chat/message_view.h"
#include "ui/pages/chat/next_token_view.h"
#include "ui/pages/chat/token_inspector.h"
#include "ui/shell/surface.h"
#include "widgets/delta_strip.h"
#include "widgets/heat_map.h"
#include "widgets/token_strip.h"

using namespace caravan;
using namespace caravan::ui;

using test::Bench;
using test::token;

class TestChatPage : public QObject {
    Q_OBJECT
  public:
    explicit TestChatPage(test::Sandbox&) {}

  private Q_SLOTS:
    void theTextOfAConversationIsZoomed() {
        Bench bench;
        bench.say(QStringLiteral("Hello"));
        const auto* asked = bench.engine.last("generate");
        bench.engine.tellTokens(asked->id, {token("Two", 3, 5), token(" words", 1, 2)});
        auto* strip = bench.view()->message(1)->strip();
        const int height = strip->tokenRect(0).height(), input = bench.input()->font().pixelSize();
        const auto act = [&bench](const char* id) {
            QAction* action = bench.actions.find(QLatin1String(id));
            QVERIFY(action != nullptr);
            action->trigger();
        };
        act("chat.text_larger");
        QVERIFY(strip->tokenRect(0).height() > height);
        QVERIFY(bench.input()->font().pixelSize() > input);
        QCOMPARE(QSettings().value(QStringLiteral("chat/text_percent")).toInt(), 110);
        for (int i = 0; i < 20; ++i)
            act("chat.text_smaller");
        QVERIFY(strip->tokenRect(0).height() < height);
        QVERIFY(!bench.actions.find(QStringLiteral("chat.text_smaller"))->isEnabled());
        act("chat.text_usual");
        QCOMPARE(strip->tokenRect(0).height(), height);
        QCOMPARE(bench.input()->font().pixelSize(), input);
        QVERIFY(bench.actions.find(QStringLiteral("chat.text_smaller"))->isEnabled());
    }

    void aMessageIsSentAndItsAnswerStreams() {
        Bench bench;
        bench.say(QStringLiteral("Hello"));
        QCOMPARE(bench.engine.count("generate"), 1);
        const auto* asked = bench.engine.last("generate");
        QCOMPARE(QString::fromStdString(asked->body["messages"].back()["content"]), QStringLiteral("Hello"));
        QVERIFY(bench.input()->toPlainText().isEmpty());
        bench.engine.tellProgress(asked->id, {"reading weights", 1200, 2900});
        const auto said = [&bench](const QString& text) {
            const auto labels = bench.page->findChildren<QLabel*>();
            return std::any_of(labels.begin(), labels.end(),
                               [&](const QLabel* label) { return label->text().contains(text); });
        };
        QVERIFY(said(QStringLiteral("reading weights, 1,200 of 2,900")));
        QTest::qWait(2100);
        bench.engine.tellProgress(asked->id, {"reading weights", 1300, 2900});
        QVERIFY(said(QStringLiteral("reading weights, 1,300 of 2,900 · ")));
        QVERIFY(said(QStringLiteral(" left")));
        bench.engine.tellTokens(asked->id, {token("Two", 3, 5), token(" words", 1, 2)});
        auto* strip = bench.view()->message(1)->strip();
        QCOMPARE(strip->count(), 2);
        QCOMPARE(strip->plainText(), QStringLiteral("Two words"));
        QCOMPARE(strip->token(0).expert, 3);
        bench.engine.tellTokens(asked->id, {token(" more", 4, 2)});
        QCOMPARE(strip->count(), 3);
        QTRY_VERIFY(said(QStringLiteral("3 token")));  // counted while it is written
        bench.finish();
        QVERIFY(!bench.page->session()->isStreaming());
        QCOMPARE(QString::fromStdString(bench.page->session()->path().back().message.content),
                 QStringLiteral("Two words more"));
    }
    void aTokenShowsItsExpertsAndAlternatives() {
        Bench bench;
        bench.say(QStringLiteral("Hello"));
        bench.engine.tellTokens(bench.engine.last("generate")->id,
                                {token("Two", 3, 5), token(" words", 1, 2)});
        bench.finish();
        auto* strip = bench.view()->message(1)->strip();
        QTRY_VERIFY(strip->width() > 100);
        QTest::mouseClick(strip, Qt::LeftButton, {}, strip->tokenRect(1).center());
        auto* inspector = bench.page->findChild<TokenInspector*>();
        QVERIFY2(inspector->gateText().startsWith(QStringLiteral("expert 1 0.45 gate 0.75")),
                 qPrintable(inspector->gateText()));
        QVERIFY(inspector->alternativesText().contains(QStringLiteral("-2.50")));
        QCOMPARE(inspector->map()->mapData().rows, 8);
        QCOMPARE(inspector->map()->value(2, 3), 0.45F);  // layer 2: expert (1 + 2) % 8
        // another layer: colors and gates follow
        Q_EMIT inspector->layerChosen(2);
        QCOMPARE(strip->token(1).expert, 3);
        QVERIFY(inspector->gateText().startsWith(QStringLiteral("expert 3")));
        QTest::keyClick(strip, Qt::Key_Left);
        QCOMPARE(strip->selected(), 0);
        QVERIFY(inspector->gateText().startsWith(QStringLiteral("expert 5")));
        QVERIFY(bench.page->findChild<ExpertLegend*>()->text().contains(QStringLiteral("expert 3: 50")));
        ExpertLegend uneven;  // shares are rounded, not cut: 0.396 is 40 %
        uneven.setShares({{0, 0.396}, {1, 0.604}});
        QVERIFY2(uneven.text().contains(QStringLiteral("expert 0: 40")), qPrintable(uneven.text()));
        // The next-token view has no answer: the inspector waits there, and tells of the same token
        // afterwards.
        bench.actions.find(QStringLiteral("chat.next_token"))->trigger();
        QVERIFY(!inspector->map()->isVisible());
        bench.actions.find(QStringLiteral("chat.next_token"))->trigger();
        QVERIFY(inspector->map()->isVisible());
        QCOMPARE(inspector->gateText().count(QLatin1Char('\n')), 3);  // the two chosen ones and two more
        test::picture(*bench.page, QStringLiteral("chat"));
    }
    void escapeStopsAndTheTextStays() {
        Bench bench;
        bench.say(QStringLiteral("Hello"));
        const quint64 id = bench.engine.last("generate")->id;
        bench.engine.tellTokens(id, {token("Half", 1, 2)});
        bench.actions.find(QStringLiteral("chat.stop"))->trigger();
        QCOMPARE(bench.engine.count("cancel"), 1);
        bench.engine.finish(id, engine::fail(engine::ErrorCode::Interrupted, {}));
        QVERIFY(!bench.page->session()->isStreaming());
        QCOMPARE(QString::fromStdString(bench.page->session()->path().back().message.content),
                 QStringLiteral("Half"));
        QVERIFY(bench.page->session()->path().back().error.isEmpty());
    }
    void regenerateAsksTheSameAgain() {
        Bench bench;
        bench.say(QStringLiteral("Hello"));
        bench.engine.tellTokens(bench.engine.last("generate")->id, {token("One", 1, 2)});
        bench.finish();
        const auto first = bench.engine.last("generate")->body;
        bench.actions.find(QStringLiteral("chat.regenerate"))->trigger();
        QCOMPARE(bench.engine.count("generate"), 2);
        QVERIFY(bench.engine.last("generate")->body == first);  // the same messages, seed, source
        QCOMPARE(bench.page->session()->path().size(), 2u);
    }
    void theEnginesDeathLosesNothing() {
        Bench bench;
        bench.say(QStringLiteral("Hello"));
        bench.engine.tellTokens(bench.engine.last("generate")->id, {token("Kept", 1, 2)});
        bench.engine.die(QStringLiteral("signal 9"));
        QVERIFY(!bench.page->session()->isStreaming());
        const ChatTurn& turn = bench.page->session()->path().back();
        QCOMPARE(QString::fromStdString(turn.message.content), QStringLiteral("Kept"));
        QVERIFY(!turn.error.isEmpty());
        bench.engine.become(EngineState::Ready);
        // a new window finds the conversation with its tokens
        const QString chat = bench.page->session()->currentChat();
        bench.close();
        bench.open();
        QTRY_COMPARE_WITH_TIMEOUT(bench.page->session()->chats().size(), 1u, 5000);
        bench.page->session()->openChat(chat);
        QTRY_COMPARE_WITH_TIMEOUT(bench.page->session()->path().size(), 2u, 5000);
        const ChatTurn& again = bench.page->session()->path().back();
        QCOMPARE(QString::fromStdString(again.message.content), QStringLiteral("Kept"));
        QCOMPARE(again.tokens.size(), 1u);
        QCOMPARE(again.tokens[0].experts[0][0], 1);
    }
    void searchFindsWhatWasSaid() {
        Bench bench;
        bench.say(QStringLiteral("Where do caravans rest"));
        bench.engine.tellTokens(bench.engine.last("generate")->id, {token("At an oasis", 1, 2)});
        bench.finish();
        bench.page->session()->newChat();
        bench.say(QStringLiteral("Something else"));
        bench.finish();
        auto* list = bench.page->findChild<QListWidget*>();
        QTRY_COMPARE(list->count(), 3);  // the day and two conversations
        QSignalSpy found(bench.page->session(), &ChatSession::searched);
        bench.page->session()->searchChats(QStringLiteral("oasis"));
        QTRY_COMPARE_WITH_TIMEOUT(found.count(), 1, 5000);
        QCOMPARE(found.at(0).at(0).toStringList().size(), 1);
    }
    void aPinnedConversationStaysOnTop() {
        Bench bench;
        bench.talk(QStringLiteral("First"), {token("One", 3, 5)});
        QAction* pin = bench.actions.find(QStringLiteral("chat.pin"));
        pin->trigger();
        QVERIFY(bench.session()->chat().pinned);
        QVERIFY(pin->isChecked());
        bench.session()->newChat();
        QVERIFY(!pin->isEnabled() && !pin->isChecked());
        bench.talk(QStringLiteral("Second"), {token("Two", 3, 5)});
        QVERIFY(!pin->isChecked());
        const auto rows = [&] {
            auto* list = bench.page->findChild<QListWidget*>();
            QStringList texts;
            for (int i = 0; i < list->count(); ++i)
                texts.push_back(list->item(i)->text());
            return texts.join(QLatin1Char('|'));
        };
        QCOMPARE(rows(), QStringLiteral("Pinned|First|Today|Second"));
        bench.close();
        bench.open();
        QTRY_COMPARE_WITH_TIMEOUT(rows(), QStringLiteral("Pinned|First|Today|Second"), 5000);
        bench.page->session()->setPinned(QString::fromStdString(bench.session()->chats().front().id), false);
        QCOMPARE(rows(), QStringLiteral("Today|Second|First"));
    }
    void anyMessageBranchesOffAsANewConversation() {
        Bench bench;
        bench.talk(QStringLiteral("First"), {token("One", 3, 5)});
        bench.talk(QStringLiteral("Second"), {token("Two", 3, 5)});
        const QString old = bench.session()->currentChat();
        auto* origin = bench.page->findChild<ChatOrigin*>();
        QVERIFY(origin->isHidden());
        QTest::mouseClick(bench.view()->message(1)->branchButton(), Qt::LeftButton);
        const QString fresh = bench.session()->currentChat();
        QVERIFY(fresh != old);
        QCOMPARE(bench.session()->path().size(), 2u);
        QCOMPARE(bench.view()->message(1)->strip()->plainText(), QStringLiteral("One"));
        QCOMPARE(origin->text(), QStringLiteral("Branched from First"));
        // It goes on for itself, and its origin is as it was.
        bench.talk(QStringLiteral("Third"), {token("Three", 3, 5)});
        QCOMPARE(bench.engine.last("generate")->body["messages"].size(), 3u);
        bench.close();
        bench.open();
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->chats().size(), 2u, 5000);
        bench.session()->openChat(fresh);
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->path().size(), 4u, 5000);
        QCOMPARE(bench.session()->path()[1].tokens.size(), 1u);
        origin = bench.page->findChild<ChatOrigin*>();
        test::picture(*bench.page, QStringLiteral("chat-branched"));
        QTest::mouseClick(origin->link(), Qt::LeftButton);
        QCOMPARE(bench.session()->currentChat(), old);
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->path().size(), 4u, 5000);
        QCOMPARE(QString::fromStdString(bench.session()->path()[3].message.content), QStringLiteral("Two"));
        // Its origin's name stays when that is deleted.
        bench.session()->openChat(fresh);
        bench.session()->removeChat(old);
        QTRY_VERIFY_WITH_TIMEOUT(origin->text().contains(QStringLiteral("“First”, which was deleted")), 5000);
    }
    void aQuestionThatBranchedOffIsAnswered() {
        Bench bench;
        bench.talk(QStringLiteral("First"), {token("One", 3, 5)});
        bench.talk(QStringLiteral("Second"), {token("Two", 3, 5)});
        bench.session()->branchOff(2);
        QCOMPARE(bench.session()->path().size(), 3u);
        auto* answer = bench.view()->message(2)->regenerateButton();
        QCOMPARE(answer->text(), QStringLiteral("Answer"));
        QTRY_VERIFY(answer->isVisible());
        QTest::mouseClick(answer, Qt::LeftButton);
        const auto messages = bench.engine.last("generate")->body["messages"];
        QCOMPARE(messages.size(), 3u);
        QCOMPARE(messages[2]["content"].get<std::string>(), std::string("Second"));
        bench.finish();
        QCOMPARE(bench.session()->path().size(), 4u);
    }
    void anEditedQuestionKeepsTheOldOne() {
        Bench bench;
        bench.talk(QStringLiteral("First"), {token("One", 3, 5)});
        bench.talk(QStringLiteral("Second"), {token("Two", 3, 5)});
        MessageView* question = bench.view()->message(0);
        QTest::mouseClick(question->editButton(), Qt::LeftButton);
        QCOMPARE(question->editor()->toPlainText(), QStringLiteral("First"));
        QTest::keyClick(question->editor(), Qt::Key_Escape);  // as it was
        QVERIFY(!question->editor()->isVisible());
        QTest::mouseClick(question->editButton(), Qt::LeftButton);
        QTest::keyClick(question->editor(), Qt::Key_A, Qt::ControlModifier);
        QTest::keyClicks(question->editor(), QStringLiteral("Other"));
        QTest::keyClick(question->editor(), Qt::Key_Return, Qt::ShiftModifier);
        QTest::keyClicks(question->editor(), QStringLiteral("wise"));
        const int asked = bench.engine.count("generate");
        QTest::keyClick(question->editor(), Qt::Key_Return);
        QCOMPARE(bench.engine.count("generate"), asked + 1);
        QCOMPARE(QString::fromStdString(bench.engine.last("generate")->body["messages"][0]["content"]),
                 QStringLiteral("Other\nwise"));
        QCOMPARE(bench.engine.last("generate")->body["messages"].size(), 1u);
        bench.engine.tellTokens(bench.engine.last("generate")->id, {token("Three", 1, 2)});
        bench.finish();
        QCOMPARE(bench.session()->path().size(), 2u);
        QCOMPARE(bench.view()->message(0)->branchText(), QStringLiteral("2 of 2"));
        bench.view()->message(0)->stepBranch(-1);
        QCOMPARE(bench.session()->path().size(), 4u);
        QCOMPARE(QString::fromStdString(bench.session()->path()[3].message.content), QStringLiteral("Two"));
        // The chosen branch is there again in a new window.
        const QString chat = bench.session()->currentChat();
        bench.close();
        bench.open();
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->chats().size(), 1u, 5000);
        bench.session()->openChat(chat);
        QTRY_COMPARE_WITH_TIMEOUT(bench.session()->path().size(), 4u, 5000);
        bench.session()->choose(bench.session()->tree().siblings(1)[1]);
        QCOMPARE(QString::fromStdString(bench.session()->path()[1].message.content), QStringLiteral("Three"));
    }
    void withoutColorsAnAnswerIsMarkdown() {
        Bench bench;
        bench.talk(QStringLiteral("Code?"), {token("Use **this**:\n\n```python\n", 3, 5),
                                             token("def f(n):\n    return n\n```\n", 1, 2),
                                             token("<b>no</b> ![x](file:///etc/passwd)", 1, 2)});
        MessageView* view = bench.view()->message(1);
        QVERIFY(view->markdown() == nullptr);
        bench.view()->setColored(false);
        QVERIFY(view->strip()->isHidden());
        QTextDocument* document = view->markdown()->document();
        const QString text = document->toPlainText();
        QVERIFY2(text.contains(QStringLiteral("Use this:")), qPrintable(text));
        QVERIFY(text.contains(QStringLiteral("<b>no</b>")));  // HTML is text
        bool code = false;
        for (QTextBlock block = document->begin(); block.isValid(); block = block.next())
            if (block.text().contains(QStringLiteral("    return n"))) {
                code = block.begin().fragment().charFormat().font().family() ==
                       widgets::textFont(widgets::TextRole::Code).family();
            }
        QVERIFY2(code, qPrintable(text));
        bench.view()->setColored(true);
        QVERIFY(!view->strip()->isHidden());
        QVERIFY(view->markdown()->isHidden());
    }
    void theNextTokenOfAnyTextIsShownAndAppended() {
        Bench bench;
        bench.actions.find(QStringLiteral("chat.next_token"))->trigger();
        auto* next = bench.page->findChild<NextTokenView*>();
        next->input()->setPlainText(QStringLiteral("2 + 3 ="));
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("generate"), 1, 5000);
        const auto body = bench.engine.last("generate")->body;
        QVERIFY(body["options"]["raw"].get<bool>());
        QCOMPARE(body["options"]["max_tokens"].get<int>(), 1);
        QCOMPARE(QString::fromStdString(body["messages"][0]["content"]), QStringLiteral("2 + 3 ="));
        engine::TokenEvent t = token(" 5", 1, 2);
        t.alternatives = {
            {1, " 5", std::log(0.5)}, {2, " 6", std::log(0.25)}, {3, "<0xE2>", std::log(0.125)}};
        bench.engine.tellTokens(bench.engine.last("generate")->id, {t});
        QCOMPARE(next->table()->rowCount(), 3);
        QCOMPARE(next->table()->item(1, 1)->text(), QStringLiteral("25.00 %"));
        next->take(0);
        QCOMPARE(next->input()->toPlainText(), QStringLiteral("2 + 3 = 5"));
        next->take(2);  // a part of a character is no text
        QCOMPARE(next->input()->toPlainText(), QStringLiteral("2 + 3 = 5"));
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("generate"), 2, 5000);
    }
    void aConversationIsWrittenAsMarkdownAndJson() {
        Bench bench;
        QVERIFY(!bench.actions.find(QStringLiteral("chat.export_json"))->isEnabled());
        bench.talk(QStringLiteral("Hello"), {token("Old", 3, 5)});
        bench.session()->regenerate();
        bench.engine.tellTokens(bench.engine.last("generate")->id, {token("New", 3, 5)});
        bench.finish();
        QVERIFY(bench.actions.find(QStringLiteral("chat.export_json"))->isEnabled());
        const auto read = [&](const QString& name, bool json) {
            const QString path = bench.folder.filePath(name);
            bench.page->writeExport(path, json);
            [&] { QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(path), 5000); }();
            QFile file(path);
            return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
        };
        const QByteArray markdown = read(QStringLiteral("c.md"), false);
        QVERIFY2(markdown.startsWith("# Hello\n\n## Question\n\nHello\n\n## Answer ("), markdown.constData());
        QVERIFY(markdown.contains("New") && !markdown.contains("Old"));
        const auto json = nlohmann::json::parse(read(QStringLiteral("c.json"), true).toStdString());
        QCOMPARE(json["messages"].size(), 3u);  // the branch that is not shown, too
        QCOMPARE(json["messages"][1]["tokens"][0]["text"].get<std::string>(), std::string("Old"));
        QVERIFY(!json.contains("origin"));
    }
    void withoutAModelItSaysSo() {
        Bench bench;
        bench.page->setProject(nullptr);
        QVERIFY(!bench.page->mainAction()->isEnabled());
        bench.say(QStringLiteral("Hello"));
        QCOMPARE(bench.engine.count("generate"), 0);
    }
};

CARAVAN_UI_TEST_MAIN(TestChatPage)
#include "tst_chat_page.moc"

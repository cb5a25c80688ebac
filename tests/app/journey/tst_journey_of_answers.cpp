// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Chat by mouse and keyboard against the real engine process: which experts answered, experts muted, forced,
// biased and another k with the same seed, what that does to each token, branches, the next token, a mixture
// beside its base from one loaded model, search and export.
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QRegularExpression>
#include <QSpinBox>
#include <QTableWidget>
#include <QToolButton>
#include <cmath>

#include "tests/app/journey/journey_bench.h"
#include "ui/pages/chat/chat_page.h"
#include "ui/pages/chat/chat_session.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/pages/chat/compare_column.h"
#include "ui/pages/chat/compare_view.h"
#include "ui/pages/chat/message_view.h"
#include "ui/pages/chat/next_token_view.h"
#include "ui/pages/chat/steer_panel.h"
#include "ui/pages/chat/token_inspector.h"
#include "widgets/delta_strip.h"
#include "widgets/token_strip.h"

using namespace caravan;
using namespace caravan::test;
using namespace caravan::ui;

namespace {
constexpr int kSteps = 4, kTokens = 24;
}

class TestJourneyOfAnswers : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase() { m_bench.close(); }
    void init() { m_bench.beginStage(); }
    void cleanup() { m_bench.endStage(); }
    void a_anAnswerShowsItsExperts();
    void b_withoutItsExpertTheAnswerIsAnother();
    void c_forcedBiasedAndThree();
    void d_whatMutingWouldChange();
    void e_anEditedQuestionIsABranch();
    void f_theNextToken();
    void g_aMixtureBesideItsBase();
    void h_foundAgainAndWritten();

  private:
    [[nodiscard]] ChatPage* page() const { return m_bench.page<ChatPage>("chat"); }
    [[nodiscard]] ChatSession* session() const { return page()->session(); }
    [[nodiscard]] MessageView* view(int turn) const { return page()->findChild<ChatView*>()->message(turn); }
    [[nodiscard]] SteerPanel* steer() const { return page()->findChild<SteerPanel*>(); }
    template <class W>
    [[nodiscard]] W* named(const QString& name) const {
        for (W* widget : page()->findChildren<W*>())
            if (widget->accessibleName() == name) return widget;
        return nullptr;
    }
    void key(Qt::Key which, Qt::KeyboardModifiers with = Qt::NoModifier) {
        m_bench.activate();
        QTest::keyClick(m_bench.window(), which, with);
    }
    // The last answer, when it is whole.
    void answered(std::size_t turns) {
        QTRY_VERIFY_WITH_TIMEOUT(session()->path().size() == turns && !session()->isStreaming(), kPatience);
        const ChatTurn& answer = session()->path().back();
        QVERIFY2(answer.error.isEmpty(), qPrintable(answer.error));
        QVERIFY(!answer.tokens.empty());
    }
    void ask(const QString& question) {
        auto* input = named<QPlainTextEdit>(QStringLiteral("Message"));
        QVERIFY(input != nullptr);
        m_bench.activate();
        input->setFocus();
        QTest::keyClicks(input, question);
        QTest::keyClick(input, Qt::Key_Return);
    }
    // With the same seed and what the steer panel says; a branch beside the answer before.
    void regenerate() {
        const std::int64_t before = session()->path().back().message.id;
        key(Qt::Key_Return, Qt::ControlModifier);
        QTRY_VERIFY_WITH_TIMEOUT(session()->path().back().message.id != before, kPatience);
        answered(2);
    }
    static std::vector<std::int32_t> idsOf(const ChatTurn& turn) {
        std::vector<std::int32_t> ids;
        for (const engine::TokenEvent& token : turn.tokens)
            ids.push_back(token.id);
        return ids;
    }

    JourneyBench m_bench;
    std::vector<std::int32_t> m_first;  // tokens of the answer that nothing was changed for
};

// A mixture of a few steps: what is told of its experts is not of interest here, only that it is true.
void TestJourneyOfAnswers::initTestCase() {
    if (JourneyBench::engineProgram().isEmpty()) QSKIP("built without an engine; CARAVAN_ENGINE names none");
    m_bench.open();
    QVERIFY(m_bench.engine()->isUsable());
    const QString base = m_bench.path(QStringLiteral("base")),
                  rows = m_bench.path(QStringLiteral("math.jsonl"));
    QVERIFY(copyFolder(QStringLiteral(CARAVAN_SOURCE_DIR "/resources/demo/base-16m"), base));
    QVERIFY(sliceOf(QStringLiteral(CARAVAN_SOURCE_DIR "/resources/demo/data/math.train.jsonl"), rows, 24));
    m_bench.project()->addModelFolder(base);
    QTRY_VERIFY_WITH_TIMEOUT(m_bench.project()->model(base)->status == ModelEntry::Status::Ready, kPatience);
    engine::Recipe recipe;
    recipe.model.path = base.toStdString();
    recipe.upcycle.adapterSize = 16;
    recipe.data.files = {{.path = rows.toStdString(), .name = "math"}};
    recipe.tune.steps = kSteps;
    recipe.tune.batchRows = 4;
    recipe.tune.sequenceLength = 128;
    recipe.tune.loraRank = 8;
    recipe.tune.learningRate = 0.01;  // experts that differ
    m_bench.project()->setRecipe(recipe, QStringLiteral("settings"));
    QString made;
    m_bench.project()->createRun(m_bench.window(), [&](const engine::Result<QString>& run) {
        made = run ? *run : QStringLiteral("none");
    });
    QTRY_VERIFY_WITH_TIMEOUT(!made.isEmpty() && m_bench.project()->run(made) != nullptr, kPatience);
    m_bench.project()->startRun(made);
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.project()->run(made)->state, engine::RunState::Finished, kPatience);
}

void TestJourneyOfAnswers::a_anAnswerShowsItsExperts() {
    m_bench.goTo("chat");
    auto* models = page()->findChildren<QComboBox*>().at(0);
    QTRY_VERIFY_WITH_TIMEOUT(models->findData(QStringLiteral("run:0001")) >= 0, kPatience);
    models->setFocus();
    for (int tries = 0; tries < models->count() && models->currentData() != QStringLiteral("run:0001");
         ++tries)
        QTest::keyClick(models, tries == 0 ? Qt::Key_Home : Qt::Key_Down);
    QCOMPARE(models->currentData().toString(), QStringLiteral("run:0001"));
    QTRY_VERIFY_WITH_TIMEOUT(QString::fromStdString(session()->source().source.path).contains("runs/0001@"),
                             kPatience);
    click(buttonIn(page(), QStringLiteral("Sampling")));
    QSpinBox* longest = nullptr;
    for (auto* box : QApplication::activePopupWidget()->findChildren<QSpinBox*>())
        if (box->value() == 256) longest = box;
    QVERIFY(longest != nullptr);
    longest->setFocus();
    longest->selectAll();
    QTest::keyClicks(longest, QString::number(kTokens));
    QTest::keyClick(QApplication::activePopupWidget(), Qt::Key_Escape);
    QCOMPARE(session()->options().maxTokens, kTokens);
    ask(QStringLiteral("What is 2 and 3?"));
    answered(2);
    m_first = idsOf(session()->path().back());
    auto* strip = view(1)->strip();
    QTRY_VERIFY(strip->tokenRect(0).width() > 0);
    QTest::mouseClick(strip, Qt::LeftButton, {}, strip->tokenRect(0).center());
    QTest::keyClick(strip, Qt::Key_Right);
    QCOMPARE(strip->selected(), 1);
    auto* inspector = page()->findChild<TokenInspector*>();
    const engine::TokenEvent& token = session()->path().back().tokens[1];
    QCOMPARE(token.experts.size(), 8u);
    QVERIFY2(inspector->gateText().startsWith(QStringLiteral("expert %1 ").arg(token.experts[0][0])),
             qPrintable(inspector->gateText()));
    QTest::keyClick(strip, Qt::Key_PageDown);  // the next layer
    QTRY_VERIFY2(inspector->gateText().startsWith(QStringLiteral("expert %1 ").arg(token.experts[1][0])),
                 qPrintable(inspector->gateText()));
    QTest::keyClick(strip, Qt::Key_PageUp);
    qInfo("Chat: %zu tokens; %s", m_first.size(), qPrintable(inspector->gateText().section('\n', 0, 1)));
}

void TestJourneyOfAnswers::b_withoutItsExpertTheAnswerIsAnother() {
    const int muted = session()->path().back().tokens[1].experts[0][0];
    key(Qt::Key_M, Qt::ControlModifier);  // the first choice of the token
    QTRY_COMPARE(session()->change().steer.size(), std::size_t(1));
    QCOMPARE(session()->change().steer[0].expert, muted);
    QCOMPARE(session()->change().steer[0].layer, 0);
    regenerate();
    const ChatTurn& answer = session()->path().back();
    for (const engine::TokenEvent& token : answer.tokens)
        for (const std::int32_t expert : token.experts[0])
            QVERIFY(expert != muted);
    QCOMPARE(view(1)->branchText(), QStringLiteral("2 of 2"));
    const ChatTurn* before = session()->tree().find(session()->tree().siblings(answer.message.id)[0]);
    QVERIFY(before != nullptr);
    std::size_t same = 0;
    while (same < std::min(before->tokens.size(), answer.tokens.size()) &&
           before->tokens[same].id == answer.tokens[same].id)
        ++same;
    if (same > 0) {  // their changes stand under the answer, one by one
        QTRY_VERIFY(view(1)->deltas() != nullptr && view(1)->deltas()->isVisible());
        QCOMPARE(view(1)->deltas()->count(), static_cast<int>(same));
        double most = 0;
        for (std::size_t i = 0; i < same; ++i) {
            const double delta = answer.tokens[i].logprob - before->tokens[i].logprob;
            QVERIFY(std::abs(view(1)->deltas()->delta(static_cast<int>(i)) - delta) < 1e-6);
            most = std::max(most, std::abs(delta));
        }
        QVERIFY(most > 0);
        qInfo(
            "Chat: without expert %d in layer 0 the first %zu tokens stay, log-probability changes by up to "
            "%.3f",
            muted, same, most);
    }
    click(buttonIn(steer(), QStringLiteral("Reset")));
    QTRY_VERIFY(session()->change().none());
    regenerate();
    QVERIFY2(idsOf(session()->path().back()) == m_first, "the same seed without a change: the same answer");
}

void TestJourneyOfAnswers::c_forcedBiasedAndThree() {
    const auto& plain = session()->path().back().tokens[0].experts[0];
    int forced = 0;
    while (std::find(plain.begin(), plain.end(), forced) != plain.end())
        ++forced;
    click(named<QToolButton>(QStringLiteral("Force expert %1").arg(forced)));
    auto* bias = named<QDoubleSpinBox>(QStringLiteral("Bias of expert %1").arg((forced + 1) % 8));
    bias->setFocus();
    bias->selectAll();
    QTest::keyClicks(bias, QStringLiteral("-2"));
    QTest::keyClick(bias, Qt::Key_Return);
    auto* active = named<QSpinBox>(QStringLiteral("Active experts for each token"));
    active->setFocus();
    QTest::keyClick(active, Qt::Key_Up);
    QCOMPARE(session()->change().activeExperts.value_or(0), 3);
    QCOMPARE(session()->change().steer.size(), 2u);
    regenerate();
    for (const engine::TokenEvent& token : session()->path().back().tokens) {
        QCOMPARE(token.experts[0].size(), 3u);
        QVERIFY(std::find(token.experts[0].begin(), token.experts[0].end(), forced) !=
                token.experts[0].end());
    }
    QCOMPARE(view(1)->branchText(), QStringLiteral("4 of 4"));
}

void TestJourneyOfAnswers::d_whatMutingWouldChange() {
    click(buttonIn(steer(), QStringLiteral("Reset")));
    QTRY_VERIFY(session()->change().none());
    regenerate();
    QVERIFY(idsOf(session()->path().back()) == m_first);
    QPushButton* measure = buttonIn(steer(), QStringLiteral("Measure"));
    QVERIFY(measure != nullptr && measure->isEnabled());
    click(measure);
    auto* strip = view(1)->strip();
    QTest::mouseClick(strip, Qt::LeftButton, {}, strip->tokenRect(0).center());
    const int first = session()->path().back().tokens[0].experts[0][0];
    const auto told = [&] { return steer()->rowText(first); };
    QTRY_VERIFY2_WITH_TIMEOUT(
        told().contains(QRegularExpression(QStringLiteral("[0-9]\\.[0-9]+ .?[0-9.]+$"))), qPrintable(told()),
        kPatience);
    qInfo("Chat: muting the first choice of the first token: %s", qPrintable(told()));
}

void TestJourneyOfAnswers::e_anEditedQuestionIsABranch() {
    click(view(0)->editButton());
    QPlainTextEdit* editor = view(0)->editor();
    QVERIFY(editor != nullptr && editor->isVisible());
    QTest::keyClick(editor, Qt::Key_A, Qt::ControlModifier);
    QTest::keyClicks(editor, QStringLiteral("What is 7 and 1?"));
    QTest::keyClick(editor, Qt::Key_Return);
    QTRY_VERIFY_WITH_TIMEOUT(
        session()->path().front().message.content == "What is 7 and 1?" && !session()->isStreaming(),
        kPatience);
    answered(2);
    QCOMPARE(view(0)->branchText(), QStringLiteral("2 of 2"));
    QToolButton* earlier = nullptr;
    for (auto* button : view(0)->findChildren<QToolButton*>())
        if (button->accessibleName() == QStringLiteral("Earlier branch")) earlier = button;
    QVERIFY(earlier != nullptr && earlier->isVisible());
    click(earlier);
    QTRY_COMPARE(QString::fromStdString(session()->path().front().message.content),
                 QStringLiteral("What is 2 and 3?"));
}

void TestJourneyOfAnswers::f_theNextToken() {
    m_bench.chooseFromMenus("chat.next_token");
    auto* next = page()->findChild<NextTokenView*>();
    QTRY_VERIFY(next->isVisible());
    next->input()->setFocus();
    const QString text = QStringLiteral("2 + 3 =");
    QTest::keyClicks(next->input(), text);
    QTRY_VERIFY_WITH_TIMEOUT(next->table()->rowCount() >= 5, kPatience);
    QTRY_VERIFY_WITH_TIMEOUT(next->table()->item(0, 1) != nullptr, kPatience);
    const auto percent = [&](int row) {
        static const QRegularExpression number(QStringLiteral("^[0-9.]+"));
        return number.match(next->table()->item(row, 1)->text()).captured().toDouble();
    };
    QVERIFY(percent(0) > 0 && percent(0) >= percent(1) && percent(1) >= percent(4));
    const QString most = next->table()->item(0, 0)->text();
    next->table()->setFocus();
    next->table()->selectRow(0);
    QTest::keyClick(next->table(), Qt::Key_Return);
    QTRY_VERIFY2(next->input()->toPlainText().size() > text.size(), qPrintable(most));
    qInfo("Chat: after “%s” comes “%s” with %.2f %%", qPrintable(text), qPrintable(most), percent(0));
    m_bench.chooseFromMenus("chat.next_token");
}

void TestJourneyOfAnswers::g_aMixtureBesideItsBase() {
    key(Qt::Key_D, Qt::ControlModifier | Qt::ShiftModifier);
    auto* compare = page()->findChild<CompareView*>();
    QTRY_VERIFY(compare->isVisible());
    const char* wanted[] = {"checkpoint", "dense base"};
    for (int column = 0; column < 2; ++column) {
        QComboBox* box = compare->column(column)->box();
        box->setFocus();
        for (int tries = 0;
             tries < box->count() && !box->currentText().contains(QLatin1String(wanted[column])); ++tries)
            QTest::keyClick(box, tries == 0 ? Qt::Key_Home : Qt::Key_Down);
        QVERIFY2(box->currentText().contains(QLatin1String(wanted[column])), qPrintable(box->currentText()));
    }
    ask(QStringLiteral("Count to five."));
    QTRY_VERIFY_WITH_TIMEOUT(session()->compared().size() == 2 && !session()->isStreaming(), kPatience);
    const ChatTurn* mixture = session()->tree().find(session()->compared()[0]);
    const ChatTurn* dense = session()->tree().find(session()->compared()[1]);
    QVERIFY(mixture != nullptr && dense != nullptr);
    QCOMPARE(mixture->tokens.front().experts.size(), 8u);
    QVERIFY(dense->tokens.front().experts.empty());
    QVERIFY2(compare->summaryText().contains(QStringLiteral("Mean log-probability")),
             qPrintable(compare->summaryText()));
    // The mixture's layers can be chosen although the other has none.
    QVERIFY(named<QSpinBox>(QStringLiteral("Layer whose experts color the tokens"))->isVisible());
    qInfo("Chat: %s", qPrintable(compare->summaryText().replace('\n', QStringLiteral("; "))));
    key(Qt::Key_D, Qt::ControlModifier | Qt::ShiftModifier);
    QTRY_VERIFY(!compare->isVisible());
}

void TestJourneyOfAnswers::h_foundAgainAndWritten() {
    click(buttonIn(page(), QStringLiteral("New conversation")));
    ask(QStringLiteral("Something about oases."));
    answered(2);
    auto* list = page()->findChild<QListWidget*>();
    QTRY_COMPARE(list->count(), 3);  // the day and two conversations
    auto* search = named<QLineEdit>(QStringLiteral("Search chats"));
    QVERIFY(search != nullptr);
    search->setFocus();
    QTest::keyClicks(search, QStringLiteral("Count to five"));
    QTRY_COMPARE_WITH_TIMEOUT(list->count(), 2, kPatience);
    QTest::mouseClick(list->viewport(), Qt::LeftButton, {}, list->visualItemRect(list->item(1)).center());
    QTRY_VERIFY_WITH_TIMEOUT(
        !session()->path().empty() && session()->path().front().message.content == "What is 2 and 3?",
        kPatience);
    for (const bool json : {false, true}) {
        const QString file = m_bench.path(json ? QStringLiteral("c.json") : QStringLiteral("c.md"));
        page()->writeExport(file, json);  // what the two entries of the menu do with the chosen name
        QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(file), kPatience);
        QFile written(file);
        QVERIFY(written.open(QIODevice::ReadOnly));
        const QByteArray text = written.readAll();
        QVERIFY2(text.contains("What is 2 and 3?"), text.constData());
        if (json) QVERIFY(nlohmann::json::parse(text.toStdString())["messages"].size() >= 8);
    }
}

QTEST_MAIN(TestJourneyOfAnswers)
#include "tst_journey_of_answers.moc"

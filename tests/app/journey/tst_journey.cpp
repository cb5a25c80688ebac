// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The whole journey by mouse and keyboard against the real engine process on the demo model: drop a model,
// upcycle, data, tune, compare the heat map with the database, pause, chat with the live weights, inspect a
// token, kill the engine, resume.
#include <QComboBox>
#include <QFile>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>

#include "projects/run_catalogue.h"
#include "tests/app/journey/journey_bench.h"
#include "ui/pages/chat/chat_page.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/pages/chat/message_view.h"
#include "ui/pages/chat/token_inspector.h"
#include "ui/pages/data/batch_view.h"
#include "ui/pages/data/data_page.h"
#include "ui/pages/models/models_page.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/pages/tune/live_routing.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/pages/upcycle/plan_panel.h"
#include "ui/shell/banners.h"
#include "widgets/heat_map.h"
#include "widgets/token_strip.h"

using namespace caravan;
using namespace caravan::ui;
using namespace caravan::test;

namespace {

constexpr int kSteps = 40, kPauseAt = 30, kCheckpointEvery = 10;
}  // namespace

class TestJourney : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase();
    void a_dropAModel();
    void b_upcycle();
    void c_chooseData();
    void d_tuneAndPause();
    void e_theMapHasTheDatabasesNumbers();
    void f_chatWithTheLiveWeights();
    void g_killTheEngineAndResume();

  private:
    JourneyBench m_bench;
    QString m_run;
};

void TestJourney::initTestCase() {
    if (JourneyBench::engineProgram().isEmpty()) QSKIP("built without an engine; CARAVAN_ENGINE names none");
    m_bench.open();
    QVERIFY(m_bench.engine()->isUsable());
}

void TestJourney::cleanupTestCase() {
    m_bench.close();
}

void TestJourney::a_dropAModel() {
    const QString model = m_bench.path(QStringLiteral("my-base"));
    QVERIFY(copyFolder(QStringLiteral(CARAVAN_SOURCE_DIR "/resources/demo/base-16m"), model));
    m_bench.window()->showPage(QStringLiteral("models"));
    m_bench.drop({model});
    QTRY_VERIFY_WITH_TIMEOUT(
        m_bench.window()->project()->model(model) != nullptr &&
            m_bench.window()->project()->model(model)->status == ModelEntry::Status::Ready,
        kPatience);
    const ModelEntry* entry = m_bench.window()->project()->model(model);
    QVERIFY(entry->inspection.canUpcycle);
    QCOMPARE(entry->inspection.parameters, 15735168);
    m_bench.page<ModelsPage>("models")->select(model);
    QTRY_VERIFY(m_bench.page<ModelsPage>("models")->mainAction()->isEnabled());
    m_bench.page<ModelsPage>("models")->mainAction()->trigger();
    QTRY_COMPARE(m_bench.window()->currentPage()->id(), QStringLiteral("upcycle"));
    QCOMPARE(QString::fromStdString(m_bench.window()->project()->recipe().model.path), model);
}

void TestJourney::b_upcycle() {
    auto* upcycle = m_bench.page<UpcyclePage>("upcycle");
    m_bench.type("upcycle.adapter_size", QStringLiteral("32"));
    m_bench.type("tune.lora_rank", QStringLiteral("8"));
    m_bench.type("tune.batch_rows", QStringLiteral("4"));
    m_bench.type("tune.sequence_length", QStringLiteral("128"));
    m_bench.type("tune.steps", QString::number(kSteps));
    m_bench.type("tune.checkpoint_every", QString::number(kCheckpointEvery));
    m_bench.type("tune.learning_rate", QStringLiteral("0.001"));
    const engine::Recipe& recipe = m_bench.window()->project()->recipe();
    QCOMPARE(recipe.upcycle.adapterSize, 32);
    QCOMPARE(recipe.tune.steps, std::optional<std::int64_t>(kSteps));
    // total = dense + L E (2 D r + D)
    const std::int64_t total = 15735168 + 8 * 8 * (2 * 384 * 32 + 384);
    QTRY_VERIFY2_WITH_TIMEOUT(upcycle->panel()->totalText().contains(QStringLiteral("17.3")),
                              qPrintable(upcycle->panel()->totalText() + QString::number(total)), kPatience);
    click(buttonIn(upcycle, QStringLiteral("Check step 0")));
    QTRY_VERIFY_WITH_TIMEOUT(upcycle->panel()->proofBox()->tone() == VerdictBox::Tone::Good, kPatience);
    click(buttonIn(upcycle, QStringLiteral("Create and go to Data")));
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.window()->currentPage()->id(), QStringLiteral("data"), kPatience);
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.window()->project()->runs().size(), 1, kPatience);
    m_run = m_bench.window()->project()->runs().front().id;
    QCOMPARE(m_bench.window()->project()->runs().front().state, engine::RunState::Created);
}

void TestJourney::c_chooseData() {
    QStringList files;
    for (const char* name :
         {"general.train", "code.train", "math.train", "general.heldout", "code.heldout", "math.heldout"}) {
        const QString file = m_bench.path(QString::fromLatin1(name) + QStringLiteral(".jsonl"));
        QVERIFY(sliceOf(QStringLiteral(CARAVAN_SOURCE_DIR "/resources/demo/data/") +
                            QString::fromLatin1(name) + QStringLiteral(".jsonl"),
                        file, 60));
        files.push_back(file);
    }
    // The last line of one file is broken: named with its line, and nothing else is lost.
    QFile broken(files.at(2));
    QVERIFY(broken.open(QIODevice::Append));
    broken.write("{\"conversation\": [{\"input\": \"x\"\n");
    broken.close();
    m_bench.drop(files);
    auto* data = m_bench.page<DataPage>("data");
    QTRY_VERIFY2_WITH_TIMEOUT(data->hindrance().isEmpty(), qPrintable(data->hindrance()), kPatience);
    QCOMPARE(m_bench.window()->project()->recipe().data.files.size(), 3u);
    QCOMPARE(m_bench.window()->project()->recipe().data.heldout.size(), 3u);
    auto* batch = data->findChild<BatchView*>();
    QVERIFY(!batch->strips().isEmpty());
    QVERIFY(batch->strips().at(0)->plainText().contains(QStringLiteral("### Human:")));
    click(buttonIn(data, QStringLiteral("Start tuning")));
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.window()->currentPage()->id(), QStringLiteral("tune"), kPatience);
}

void TestJourney::d_tuneAndPause() {
    auto* tune = m_bench.page<TunePage>("tune");
    QTRY_COMPARE_WITH_TIMEOUT(tune->shownRun(), m_run, kPatience);
    QTRY_VERIFY_WITH_TIMEOUT(tune->history().lastStep() >= kPauseAt, kPatience);
    QPushButton* pause = buttonIn(tune, QStringLiteral("Pause"));
    QVERIFY(pause != nullptr);
    click(pause);
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.window()->runController()->live().state, engine::RunState::Paused,
                              kPatience);
    QVERIFY(tune->history().steps().front().loss > tune->history().steps().back().loss);
    QVERIFY(tune->history().evaluations().size() >= 1);
    QCOMPARE(tune->history().evaluations().front().heldoutLoss.size(), 3u);
}

void TestJourney::e_theMapHasTheDatabasesNumbers() {
    auto* tune = m_bench.page<TunePage>("tune");
    const engine::StepIndex step = m_bench.window()->runController()->live().step;
    auto catalogue = projects::RunCatalogue::open(m_bench.window()->project()->folder().toStdString());
    QVERIFY(catalogue);
    engine::Result<std::vector<engine::StepMetrics>> rows;
    QTRY_VERIFY_WITH_TIMEOUT(
        (rows = (*catalogue)->steps(m_run.toStdString(), step, step)) && rows->size() == 1, kPatience);
    const auto& load = rows->front().expertLoad;
    QCOMPARE(load.size(), 8u);
    QTRY_COMPARE(tune->history().lastStep(), step);
    const widgets::HeatMap* map = tune->liveRouting()->map();
    QCOMPARE(map->mapData().rows, 8);
    QCOMPARE(map->mapData().columns, 8);
    const auto agrees = [&] {
        for (int layer = 0; layer < 8; ++layer)
            for (int expert = 0; expert < 8; ++expert)
                if (std::abs(map->value(layer, expert) -
                             load[static_cast<std::size_t>(layer)][static_cast<std::size_t>(expert)] * 8) >
                    1e-3F)
                    return false;
        return true;
    };
    QTRY_VERIFY_WITH_TIMEOUT(agrees(), 10000);
}

void TestJourney::f_chatWithTheLiveWeights() {
    m_bench.window()->showPage(QStringLiteral("chat"));
    auto* chat = m_bench.page<ChatPage>("chat");
    auto* models = chat->findChildren<QComboBox*>().at(0);
    QTRY_VERIFY_WITH_TIMEOUT(models->findData(QStringLiteral("run:") + m_run) >= 0, kPatience);
    models->setCurrentIndex(models->findData(QStringLiteral("run:") + m_run));
    QVERIFY(chat->session()->source().source.live);
    QPlainTextEdit* input = nullptr;
    for (QPlainTextEdit* edit : chat->findChildren<QPlainTextEdit*>())
        if (edit->accessibleName() == QStringLiteral("Message")) input = edit;
    QVERIFY(input != nullptr);
    QTest::keyClicks(input, QStringLiteral("What is 2 and 3?"));
    QTest::keyClick(input, Qt::Key_Return);
    QTRY_VERIFY_WITH_TIMEOUT(chat->session()->path().size() == 2 && !chat->session()->isStreaming(),
                             kPatience);
    const ChatTurn& answer = chat->session()->path().back();
    QVERIFY2(answer.error.isEmpty(), qPrintable(answer.error));
    QVERIFY(!answer.tokens.empty());
    auto* strip = chat->findChild<ChatView*>()->message(1)->strip();
    QTRY_VERIFY(strip->tokenRect(0).width() > 0);
    QTest::mouseClick(strip, Qt::LeftButton, {}, strip->tokenRect(0).center());
    auto* inspector = chat->findChild<TokenInspector*>();
    const auto& token = answer.tokens[static_cast<std::size_t>(strip->selected())];
    QCOMPARE(token.experts.size(), 8u);
    QVERIFY2(inspector->gateText().startsWith(QStringLiteral("expert %1 ").arg(token.experts[0][0])),
             qPrintable(inspector->gateText()));
    double sum = 0;
    for (const float p : token.probabilities[0])
        sum += p;
    QVERIFY(std::abs(sum - 1) < 1e-4);
    QVERIFY(std::abs(token.weights[0][0] + token.weights[0][1] - 1) < 1e-4);
}

void TestJourney::g_killTheEngineAndResume() {
    const auto pids = enginePids(m_bench.socket());
    QCOMPARE(pids.size(), 1);
    QSignalSpy died(m_bench.engine(), &EngineLink::died);
    const std::size_t said = m_bench.page<ChatPage>("chat")->session()->path().size();
    QCOMPARE(::kill(static_cast<pid_t>(pids.front()), SIGKILL), 0);
    QTRY_COMPARE_WITH_TIMEOUT(died.count(), 1, 1000);
    QVERIFY(m_bench.window()->isVisible());
    QTRY_VERIFY_WITH_TIMEOUT(m_bench.engine()->isUsable(), kPatience);  // restarted by itself
    QCOMPARE(m_bench.page<ChatPage>("chat")->session()->path().size(), said);
    QTRY_VERIFY_WITH_TIMEOUT(
        buttonIn(m_bench.window()->banners(), QStringLiteral("Resume from step")) != nullptr, kPatience);
    QPushButton* resume = buttonIn(m_bench.window()->banners(), QStringLiteral("Resume from step"));
    QTRY_VERIFY_WITH_TIMEOUT(resume->isEnabled(), kPatience);
    click(resume);
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.window()->runController()->live().state, engine::RunState::Finished,
                              kPatience);
    QCOMPARE(m_bench.window()->runController()->live().step, kSteps);
    // Steps 1 .. kSteps stand in the database, each once.
    auto catalogue = projects::RunCatalogue::open(m_bench.window()->project()->folder().toStdString());
    QVERIFY(catalogue);
    engine::Result<std::vector<engine::StepMetrics>> rows;
    QTRY_VERIFY_WITH_TIMEOUT(
        (rows = (*catalogue)->steps(m_run.toStdString(), 1, kSteps)) && rows->size() == kSteps, 10000);
    for (int i = 0; i < kSteps; ++i)
        QCOMPARE((*rows)[static_cast<std::size_t>(i)].step, i + 1);
}

QTEST_MAIN(TestJourney)
#include "tst_journey.moc"

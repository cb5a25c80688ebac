// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAction>

#include "tests/support/data_bench.h"

using namespace caravan;
using namespace caravan::ui;
using test::DataBench;

// When the Data page asks the engine for a preview, and which answer it takes.
class TestDataPageRequests : public QObject {
    Q_OBJECT
  public:
    explicit TestDataPageRequests(test::Sandbox&) {}

  private Q_SLOTS:
    void theEngineGettingBusyAsksNothingAgain() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.engine.hold("preview");
        bench.chooseModel();
        bench.page->addFiles({QStringLiteral("/d/math.jsonl")}, false);
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("preview"), 1, 5000);
        bench.engine.become(EngineState::Busy);  // as the real one does with the request
        QTest::qWait(500);
        QCOMPARE(bench.engine.count("preview"), 1);
        QCOMPARE(bench.engine.count("cancel"), 0);
    }
    void aCancelledReadingMayAnswerLast() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.engine.hold("preview");
        bench.chooseModel();
        bench.page->addFiles({QStringLiteral("/d/math.jsonl")}, false);
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("preview"), 1, 5000);
        const quint64 first = bench.engine.last("preview")->id;
        bench.page->addFiles({QStringLiteral("/d/code.jsonl")}, false);
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("preview"), 2, 5000);
        bench.project->undoStack()->undo();  // what the first one read
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("preview"), 3, 5000);
        const FakeEngineLink::Asked last = *bench.engine.last("preview");
        bench.engine.finish(last.id, nlohmann::json(test::dataPreview(last.body["recipe"])));
        QCOMPARE(bench.page->hindrance(), QString());
        bench.engine.finish(first, engine::fail(engine::ErrorCode::Interrupted, {}));
        QCOMPARE(bench.page->hindrance(), QString());
        QVERIFY(bench.page->mainAction()->isEnabled());
    }
    void anEditUndoneWhileItIsReadLeavesThePageReady() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.chooseModel();
        bench.page->addFiles({QStringLiteral("/d/math.jsonl")}, false);
        QTRY_VERIFY_WITH_TIMEOUT(bench.page->mainAction()->isEnabled(), 5000);
        bench.engine.hold("preview");
        bench.page->addFiles({QStringLiteral("/d/code.jsonl")}, false);
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("preview"), 2, 5000);
        const quint64 dropped = bench.engine.last("preview")->id;
        bench.project->undoStack()->undo();
        QCOMPARE(bench.page->hindrance(), QString());
        bench.engine.finish(dropped, engine::fail(engine::ErrorCode::Interrupted, {}));
        QCOMPARE(bench.page->hindrance(), QString());
        QVERIFY(bench.page->mainAction()->isEnabled());
    }
    void anEngineThatDiesWhileItReadsIsAskedAgain() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.engine.hold("preview");
        bench.chooseModel();
        bench.page->addFiles({QStringLiteral("/d/math.jsonl")}, false);
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("preview"), 1, 5000);
        bench.engine.die(QStringLiteral("signal 9"));
        bench.engine.become(EngineState::Ready);
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("preview"), 2, 5000);
    }
    void aHiddenPageAsksNothing() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.page->setActive(false);
        bench.chooseModel();
        bench.page->addFiles({QStringLiteral("/d/math.jsonl")}, false);
        QTest::qWait(500);
        QCOMPARE(bench.engine.count("preview"), 0);
        bench.page->setActive(true);
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("preview"), 1, 5000);
    }
};

CARAVAN_UI_TEST_MAIN(TestDataPageRequests)
#include "tst_data_page_requests.moc"

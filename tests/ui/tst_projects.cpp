// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Before a project is open, how one is opened, by whom, and what is dropped on it.
#include <QApplication>
#include <QComboBox>
#include <QDropEvent>
#include <QMimeData>
#include <QScrollArea>
#include <QScrollBar>
#include <QSettings>
#include <QSplitter>
#include <QTableView>
#include <QWheelEvent>
#include <QtTest>

#include "tests/support/run_fixture.h"
#include "tests/support/shell_test.h"
#include "ui/actions/action_registry.h"
#include "ui/format/format.h"
#include "ui/pages/chat/chat_session.h"
#include "ui/pages/routing/routing_page.h"
#include "ui/pages/runs/runs_model.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/pages/tune/tune_plots.h"
#include "ui/shell/banners.h"
#include "ui/shell/fit_dialog.h"
#include "ui/shell/instance.h"
#include "ui/shell/rail.h"
#include "ui/shell/surface.h"
#include "ui/shell/welcome.h"
#include "widgets/curve_plot.h"
#include "widgets/heat_map.h"

using namespace caravan;
using namespace caravan::ui;

class TestProjects : public test::ShellTest {
    Q_OBJECT
  public:
    using ShellTest::ShellTest;
  private Q_SLOTS:
    void init() { start(); }
    void cleanup() { end(); }
    void startsWithTheWelcome();
    void theLastProjectAndItsSplittersComeBack();
    void recentProjectsAreToldApart();
    void theRunAndTheConversationComeBack();
    void listsComeBackWhereTheyWereScrolledTo();
    void theKeysThatThePageNamesWorkAtOnce();
    void anUnreadableProjectGoesBackToTheWelcome();
    void aSecondWindowBringsTheFirstToTheFront();
    void whatIsDroppedFindsItsPage();
    void whatFitsIsAskedOfTheEngine();
};

void TestProjects::startsWithTheWelcome() {
    QVERIFY(m_window->findChild<Welcome*>()->isVisible());
    QVERIFY(!m_window->findChild<Rail*>()->isVisible());
    QCOMPARE(m_window->windowTitle(), QStringLiteral("Caravan"));
    QVERIFY(!m_window->actionRegistry()->find("run.pause")->isEnabled());
    openProject();
    QVERIFY(m_window->findChild<Rail*>()->isVisible());
    QVERIFY(m_window->windowTitle().endsWith(QStringLiteral("— Caravan")));
}

void TestProjects::theLastProjectAndItsSplittersComeBack() {
    openProject();
    const QString folder = m_window->project()->folder();
    m_window->showPage("models");
    auto* splitter = m_window->page("models")->findChild<QSplitter*>();
    QVERIFY(splitter);
    splitter->setSizes({splitter->width() - 500, 500});
    const QList<int> sizes = splitter->sizes();
    m_window->close();
    QCOMPARE(MainWindow::lastProject(), folder);
    start();
    openProject();
    m_window->showPage("models");
    QTRY_COMPARE(m_window->page("models")->findChild<QSplitter*>()->sizes(), sizes);
    m_window->resetLayout();
    QVERIFY(m_window->page("models")->findChild<QSplitter*>()->sizes() != sizes);
}

void TestProjects::recentProjectsAreToldApart() {
    const QStringList folders{m_sandbox.makeFolder("a/same"), m_sandbox.makeFolder("b/same"),
                              m_sandbox.makeFolder("alone")};
    QSettings().setValue("projects/recent", folders + QStringList{m_sandbox.path("gone")});
    end();
    start();
    QStringList names;
    LinkButton* second = nullptr;
    for (auto* link : m_window->findChild<Welcome*>()->findChildren<LinkButton*>()) {
        names << link->text();
        if (link->toolTip() == homePath(folders[1])) second = link;
    }
    QVERIFY2(names.contains("alone") && !names.contains("gone"), qPrintable(names.join(' ')));
    QCOMPARE(names.filter("same in ").size(), 2);
    QVERIFY(second != nullptr && second->text().endsWith("/b"));
    QTest::mouseClick(second, Qt::LeftButton);
    QTRY_VERIFY(m_window->project() && m_window->project()->folder() == folders[1]);
    QSettings().remove("projects/recent");
}

// Which run and which conversation were looked at, in the next window.
void TestProjects::theRunAndTheConversationComeBack() {
    const QString folder = m_sandbox.path("places");
    for (const char* run : {"0001", "0002"})
        QVERIFY(!test::writeRun(folder, run, test::RunStory(), engine::RunState::Finished).isEmpty());
    const auto open = [&] {
        m_window->openProject(folder);
        QTRY_VERIFY(m_window->project() && m_window->project()->runs().size() == 2);
    };
    const auto chats = [&] { return m_window->page("chat")->findChild<ChatSession*>(); };
    open();
    QTRY_VERIFY(!m_window->project()->selectedRun().isEmpty());
    const QString first = m_window->project()->selectedRun(),
                  other = first == QStringLiteral("0001") ? QStringLiteral("0002") : QStringLiteral("0001");
    m_window->project()->selectRun(other);
    m_window->showPage("tune");
    ChatSource source;
    source.source.path = "/models/x";
    chats()->setSource(source);
    for (const char* question : {"One?", "Two?"}) {
        chats()->newChat();
        chats()->send(QString::fromLatin1(question));
        chats()->stop();
        m_engine->finish(m_engine->last("generate")->id, engine::fail(engine::ErrorCode::Interrupted, {}));
    }
    QTRY_COMPARE(chats()->chats().size(), std::size_t(2));
    const QString newest = chats()->currentChat();
    QString older;
    for (const auto& chat : chats()->chats())
        if (QString::fromStdString(chat.id) != newest) older = QString::fromStdString(chat.id);
    chats()->openChat(older);
    QCOMPARE(chats()->currentChat(), older);
    QTRY_VERIFY(!chats()->path().empty());
    end();
    start();
    open();
    QTRY_COMPARE(m_window->project()->selectedRun(), other);
    QTRY_COMPARE(static_cast<TunePage*>(m_window->page("tune"))->shownRun(), other);
    QTRY_COMPARE(chats()->currentChat(), older);
    QTRY_VERIFY(!chats()->path().empty());
    chats()->newChat();  // a choice of the user's own stays
    QTest::qWait(100);
    QVERIFY(chats()->currentChat().isEmpty());
    // A run that is gone since: the newest instead.
    m_window->project()->trashRun(other);
    QTRY_COMPARE(m_window->project()->runs().size(), 1);
    QTRY_COMPARE(m_window->project()->selectedRun(), first);
}

void TestProjects::listsComeBackWhereTheyWereScrolledTo() {
    const QString folder = m_sandbox.path("long");
    test::RunStory story;
    story.steps = 2;
    constexpr int kRuns = 40;
    for (int run = 1; run <= kRuns; ++run)
        QVERIFY(
            !test::writeRun(folder, std::to_string(1000 + run), story, engine::RunState::Finished).isEmpty());
    const auto open = [&] {
        m_window->openProject(folder);
        QTRY_VERIFY(m_window->project() && m_window->project()->runs().size() == kRuns);
    };
    const auto table = [&] { return m_window->page("runs")->findChild<QTableView*>(); };
    const auto bar = [&] { return table()->verticalScrollBar(); };
    const auto form = [&]() -> QScrollBar* {
        for (auto* area : m_window->page("upcycle")->findChildren<QScrollArea*>())
            if (area->isVisible() && area->verticalScrollBar()->maximum() > 0)
                return area->verticalScrollBar();
        return nullptr;
    };
    open();
    m_window->showPage("upcycle");
    QTRY_VERIFY(form() != nullptr);
    form()->setValue(form()->maximum() / 2);
    const int fields = form()->value();
    m_window->showPage("runs");
    QTRY_VERIFY(bar()->maximum() > 0);
    const QString first = m_window->project()->selectedRun();
    const int middle = bar()->maximum() / 2;
    bar()->setValue(middle);
    m_window->project()->setRunNote(first, QStringLiteral("new"));  // what comes in does not move the list
    QTRY_COMPARE(table()->model()->index(0, 0).data(RunsModel::NoteRole).toString(), QStringLiteral("new"));
    QTest::qWait(100);
    QCOMPARE(bar()->value(), middle);
    m_window->close();
    end();
    start();
    open();
    QCOMPARE(m_window->currentPage()->id(), QStringLiteral("runs"));
    QTRY_COMPARE(bar()->value(), middle);
    QTest::qWait(1500);  // the selected run, far above, was selected meanwhile
    QCOMPARE(bar()->value(), middle);
    QCOMPARE(m_window->project()->selectedRun(), first);
    // Whoever scrolls has the list, also before it was long enough; a page that was not shown keeps its
    // place.
    m_window->actionRegistry()->find("file.close")->trigger();
    open();
    QWheelEvent up(QPointF(9, 9), table()->viewport()->mapToGlobal(QPointF(9, 9)), {}, {0, 120000},
                   Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase, false);
    for (int page = 0; page < 10; ++page)  // an event moves by a page at most
        QCoreApplication::sendEvent(table()->viewport(), &up);
    QTest::qWait(300);
    QCOMPARE(bar()->value(), 0);
    m_window->close();
    end();
    start();
    open();
    QTRY_VERIFY(bar()->maximum() > 0);
    QTest::qWait(300);
    QCOMPARE(bar()->value(), 0);
    m_window->showPage("upcycle");
    QTRY_VERIFY(form() != nullptr);
    QTRY_COMPARE(form()->value(), fields);
}

void TestProjects::theKeysThatThePageNamesWorkAtOnce() {
    const QString folder = m_sandbox.path("keys");
    QVERIFY(!test::writeRun(folder, "0001", test::RunStory(), engine::RunState::Finished).isEmpty());
    m_window->openProject(folder);
    m_window->showPage("models");
    QTRY_VERIFY(m_window->project() && m_window->project()->runs().size() == 1);
    m_window->showPage("tune");
    auto* tune = static_cast<TunePage*>(m_window->page("tune"));
    QTRY_COMPARE(QApplication::focusWidget(), static_cast<QWidget*>(tune->plots()->plot()));
    m_window->showPage("routing");
    auto* routing = static_cast<RoutingPage*>(m_window->page("routing"));
    QTRY_COMPARE(QApplication::focusWidget(), static_cast<QWidget*>(routing->map()));
    QTest::keyClick(QApplication::focusWidget(), Qt::Key_Right);
    QVERIFY(routing->map()->currentColumn() >= 0);
    // Afterwards the focus is where one left it.
    auto* box = tune->findChild<QComboBox*>();
    m_window->showPage("tune");
    box->setFocus();
    m_window->showPage("routing");
    m_window->showPage("tune");
    QTRY_COMPARE(QApplication::focusWidget(), static_cast<QWidget*>(box));
}

void TestProjects::anUnreadableProjectGoesBackToTheWelcome() {
    const QString file = m_sandbox.path("not-a-folder");
    QFile(file).open(QIODevice::WriteOnly);
    m_window->openProject(file);
    QTRY_VERIFY(m_window->banners()->has("project.failed"));
    QVERIFY(!m_window->project());
    QVERIFY(m_window->findChild<Welcome*>()->isVisible());
}

void TestProjects::aSecondWindowBringsTheFirstToTheFront() {
    const QString folder = m_sandbox.path("shared");
    auto first = Instance::claim(folder);
    QVERIFY(first);
    QSignalSpy activated(first.get(), &Instance::activated);
    QVERIFY(!Instance::claim(folder));
    QTRY_COMPARE(activated.count(), 1);
    QVERIFY(Instance::claim(m_sandbox.path("other")));
    m_window->openProject(folder);
    QVERIFY(!m_window->project());
    QVERIFY(m_window->banners()->has("project.open"));
    first.reset();
    m_window->openProject(folder);
    QVERIFY(m_window->project());
}

// Wherever it is dropped: a run into Runs, a model's file into Models; what nothing can be done with is told.
void TestProjects::whatIsDroppedFindsItsPage() {
    const auto drop = [&](const QString& path) {
        QMimeData data;
        data.setUrls({QUrl::fromLocalFile(path)});
        QDragEnterEvent enter(m_window->rect().center(), Qt::CopyAction, &data, Qt::LeftButton,
                              Qt::NoModifier);
        QApplication::sendEvent(m_window.get(), &enter);
        QDropEvent event(m_window->rect().center(), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QApplication::sendEvent(m_window.get(), &event);
    };
    const QString run = test::writeRun(m_sandbox.path("elsewhere"), "0001", test::RunStory());
    QFile(m_sandbox.path("rows.jsonl")).open(QIODevice::WriteOnly);
    drop(run);
    QVERIFY(m_window->banners()->has("drop.refused"));
    QVERIFY2(m_window->banners()->bar("drop.refused")->title().startsWith("0001"),
             qPrintable(m_window->banners()->bar("drop.refused")->title()));
    openProject();
    m_window->showPage("settings");
    drop(run);
    QCOMPARE(m_window->currentPage()->id(), QStringLiteral("runs"));
    QTRY_COMPARE(m_window->project()->runs().size(), 1);
    QVERIFY(!m_window->banners()->has("drop.refused"));
    const QString model = m_sandbox.makeFolder("dropped");
    QFile(model + "/config.json").open(QIODevice::WriteOnly);
    m_window->showPage("tune");
    drop(model + "/config.json");
    QCOMPARE(m_window->currentPage()->id(), QStringLiteral("models"));
    QVERIFY(m_window->project()->model(model) != nullptr);
    drop(run);  // onto Models: a run is no model
    QCOMPARE(m_window->currentPage()->id(), QStringLiteral("runs"));
    QVERIFY(m_window->project()->model(run) == nullptr);
    drop(m_sandbox.path("rows.jsonl"));
    QCOMPARE(m_window->currentPage()->id(), QStringLiteral("data"));
}

// The window goes on while the engine is asked; its numbers are shown as they are.
void TestProjects::whatFitsIsAskedOfTheEngine() {
    m_engine->become(EngineState::Restarting);
    m_window->actionRegistry()->find("help.fits")->trigger();
    auto* dialog = m_window->findChild<FitDialog*>();
    QVERIFY(dialog != nullptr && dialog->isVisible() && !dialog->table()->isVisible());
    QVERIFY2(dialog->note().contains(m_engine->stateWords()), qPrintable(dialog->note()));
    QTRY_COMPARE(m_engine->count("fits"), 1);
    constexpr engine::Bytes gib = 1LL << 30;
    engine::FitTable fits{"NVIDIA H200", true, 24 * gib, 20 * gib, 2048, {{"qlora", ""}, {"pesc", ""}}, {}};
    fits.rows = {{"Llama 2 7B", 6738415616, {9 * gib, 20 * gib}},
                 {"Yi 34B", 34388917248, {23 * gib, 60 * gib}}};
    m_engine->finish(m_engine->last("fits")->id, nlohmann::json(fits));
    QVERIFY(dialog->table()->isVisible());
    QCOMPARE(dialog->windowTitle(), QStringLiteral("What fits on this card"));
    const auto* model = dialog->table()->model();
    QCOMPARE(model->index(0, 3).data().toString(), memoryText(20 * gib));
    test::picture(*dialog, QStringLiteral("fits"));
    QVERIFY(model->index(0, 3).data(Qt::AccessibleTextRole).toString().contains(QStringLiteral(": fits")));
    QVERIFY(model->index(1, 3).data(Qt::AccessibleTextRole).toString().contains(QStringLiteral("not fit")));
    dialog->close();
    m_window->actionRegistry()->find("help.fits")->trigger();
    m_engine->finish(m_engine->last("fits")->id,
                     engine::fail(engine::ErrorCode::Unsupported, {{"what", "fits"}, {"detail", ""}}));
    QVERIFY(!m_window->findChildren<FitDialog*>().last()->table()->isVisible());
    QVERIFY(!m_window->findChildren<FitDialog*>().last()->note().isEmpty());
}

CARAVAN_UI_TEST_MAIN(TestProjects)
#include "tst_projects.moc"

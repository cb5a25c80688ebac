// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractButton>
#include <QCheckBox>
#include <QDialog>
#include <QLineEdit>
#include <QListWidget>
#include <QMenuBar>
#include <QPushButton>
#include <QSplitter>
#include <QtTest>

#include <QTableView>
#include "tests/support/window_fixture.h"
#include "ui/actions/action_registry.h"
#include "ui/format/format.h"
#include "ui/main_window.h"
#include "ui/page.h"
#include "ui/project_context.h"
#include "ui/shell/banners.h"
#include "ui/shell/choice_card.h"
#include "ui/shell/close_dialog.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/fit_dialog.h"
#include "ui/shell/instance.h"
#include "ui/shell/rail.h"
#include "ui/shell/run_pill.h"
#include "ui/shell/welcome.h"

using namespace caravan;
using namespace caravan::ui;

class TestShell : public QObject {
    Q_OBJECT
  public:
    explicit TestShell(test::Sandbox& sandbox) : m_sandbox(sandbox) {}
  private Q_SLOTS:
    void init();
    void cleanup();
    void startsWithTheWelcome();
    void whatFitsIsAskedOfTheEngine();
    void altNumbersGoToPages();
    void everyActionIsInAMenuOrHasNoShortcutTwice();
    void everyButtonHasAName();
    void f6WalksThePanes();
    void paletteFindsActions();
    void paletteRanksPrefixFirst();
    void paletteFindsSettingsByTheirPrefix();
    void helpTellsWhatAControlIsFor();
    void theLastProjectAndItsSplittersComeBack();
    void titlePillAndRailFollowTheRun();
    void engineDeathOffersToResume();
    void engineThatDoesNotStartIsSaid();
    void closingWhileTuningAsks();
    void anUnreadableProjectGoesBackToTheWelcome();
    void aSecondWindowBringsTheFirstToTheFront();
    void numbersAreWrittenAlike();

  private:
    void openProject();
    void tellRunning(engine::StepIndex step);
    test::Sandbox& m_sandbox;
    int m_round = 0;
    std::unique_ptr<FakeEngineLink> m_engine;
    std::unique_ptr<MainWindow> m_window;
};

void TestShell::init() {
    m_engine = std::make_unique<FakeEngineLink>();
    test::answerModels(*m_engine);
    test::answerPlans(*m_engine);
    test::answerNoRuns(*m_engine);
    m_window = std::make_unique<MainWindow>(m_engine.get());
    m_window->resize(1366, 768);
    m_window->show();
    m_engine->start();
    QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
    m_window->activateWindow();
}

void TestShell::cleanup() {
    m_window.reset();
    m_engine.reset();
}

void TestShell::openProject() {
    m_window->openProject(m_sandbox.path(QStringLiteral("p%1").arg(++m_round)));
    QTRY_VERIFY(m_window->project() && m_window->project()->isOpen());
}

void TestShell::tellRunning(engine::StepIndex step) {
    const QString run = m_window->project()->folder() + QStringLiteral("/runs/0001");
    engine::StateChange change;
    change.to = engine::RunState::Running;
    change.run = run.toStdString();
    m_engine->tellRun(run, change);
    engine::StepMetrics metrics;
    metrics.step = step;
    metrics.seconds = static_cast<double>(step);
    m_engine->tellRun(run, metrics);
    m_window->runController()->setSteps(run, 100);
}

// The window goes on while the engine is asked; its numbers are shown as they are.
void TestShell::whatFitsIsAskedOfTheEngine() {
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

void TestShell::startsWithTheWelcome() {
    QVERIFY(m_window->findChild<Welcome*>()->isVisible());
    QVERIFY(!m_window->findChild<Rail*>()->isVisible());
    QCOMPARE(m_window->windowTitle(), QStringLiteral("Caravan"));
    QVERIFY(!m_window->actionRegistry()->find("run.pause")->isEnabled());
    openProject();
    QVERIFY(m_window->findChild<Rail*>()->isVisible());
    QVERIFY(m_window->windowTitle().endsWith(QStringLiteral("— Caravan")));
}

void TestShell::altNumbersGoToPages() {
    openProject();
    QTest::keyClick(m_window.get(), Qt::Key_2, Qt::AltModifier);
    QCOMPARE(m_window->currentPage()->id(), QStringLiteral("upcycle"));
    QVERIFY(m_window->currentPage()->isActive());
    QTest::keyClick(m_window.get(), Qt::Key_1, Qt::AltModifier);
    QCOMPARE(m_window->currentPage()->id(), QStringLiteral("models"));
    QVERIFY(!m_window->page("upcycle")->isActive());
    QVERIFY(m_window->findChild<Rail*>()->button("models")->isChecked());
    QVERIFY(!m_window->findChild<Rail*>()->button("upcycle")->isChecked());
}

void TestShell::everyActionIsInAMenuOrHasNoShortcutTwice() {
    openProject();
    for (const QString& id : m_window->pageIds()) {
        m_window->showPage(id);
        QHash<QString, QString> owner;
        for (QAction* action : m_window->actionRegistry()->actions()) {
            const QString keys = action->shortcut().toString();
            if (keys.isEmpty() || !action->isVisible() || action->shortcutContext() != Qt::WindowShortcut)
                continue;
            QVERIFY2(!owner.contains(keys), qPrintable(id + ": " + keys + " of " + owner.value(keys) +
                                                       " and " + action->objectName()));
            owner.insert(keys, action->objectName());
        }
    }
}

void TestShell::everyButtonHasAName() {
    openProject();
    for (const QString& id : m_window->pageIds()) {
        m_window->showPage(id);
        for (auto* button : m_window->currentPage()->findChildren<QAbstractButton*>()) {
            if (!button->isVisible() || button->inherits("QTableCornerButton") ||
                button->inherits("QLineEditIconButton"))
                continue;
            const QString name = button->accessibleName() + button->text() + button->toolTip();
            QVERIFY2(!name.isEmpty() || button->parentWidget()->inherits("QTabBar") ||
                         button->objectName().startsWith("qt_"),
                     qPrintable(id + QLatin1String(": ") + QLatin1String(button->metaObject()->className()) +
                                QLatin1Char(' ') + button->objectName()));
        }
    }
}

void TestShell::f6WalksThePanes() {
    openProject();
    m_window->showPage("models");
    QList<QWidget*> seen;
    for (int i = 0; i < 4; ++i) {
        QTest::keyClick(m_window.get(), Qt::Key_F6);
        QVERIFY(QApplication::focusWidget());
        seen << QApplication::focusWidget();
    }
    QVERIFY2(QSet<QWidget*>(seen.begin(), seen.end()).size() >= 3,
             "rail, header and content each get the focus");
    QVERIFY(m_window->findChild<Rail*>()->isAncestorOf(seen.first()) ||
            m_window->findChild<Rail*>()->isAncestorOf(seen.last()) ||
            std::any_of(seen.begin(), seen.end(),
                        [&](QWidget* w) { return m_window->findChild<Rail*>()->isAncestorOf(w); }));
}

void TestShell::paletteFindsActions() {
    openProject();
    m_window->showPage("models");
    QTest::keyClick(m_window.get(), Qt::Key_K, Qt::ControlModifier);
    auto* palette = m_window->findChild<CommandPalette*>();
    QVERIFY(palette->isVisible());
    QTest::keyClicks(palette->findChild<QLineEdit*>(), "upcycl");
    auto* list = palette->findChild<QListWidget*>();
    QVERIFY(list->count() >= 1);
    QTest::keyClick(palette->findChild<QLineEdit*>(), Qt::Key_Return);
    QVERIFY(!palette->isVisible());
    QCOMPARE(m_window->currentPage()->id(), QStringLiteral("upcycle"));
    QTest::keyClick(m_window.get(), Qt::Key_K, Qt::ControlModifier);
    QTest::keyClick(palette->findChild<QLineEdit*>(), Qt::Key_Escape);
    QVERIFY(!palette->isVisible());
}

void TestShell::paletteRanksPrefixFirst() {
    QVERIFY(CommandPalette::score("Pause", "pa") < CommandPalette::score("Next pane", "pa"));
    QVERIFY(CommandPalette::score("Next pane", "pa") < CommandPalette::score("Upas", "pa"));
    QVERIFY(CommandPalette::score("Save checkpoint", "svc") >= 0);
    QCOMPARE(CommandPalette::score("Pause", "xyz"), -1);
}

void TestShell::paletteFindsSettingsByTheirPrefix() {
    openProject();
    m_window->showPage("models");
    m_window->actionRegistry()->find("view.palette")->trigger();
    auto* palette = m_window->findChild<CommandPalette*>();
    auto* query = palette->findChild<QLineEdit*>();
    auto* list = palette->findChild<QListWidget*>();
    QTest::keyClicks(query, ":adapter s");
    QVERIFY(list->count() >= 2);
    QCOMPARE(list->item(0)->text(), QStringLiteral("Settings"));  // a heading
    QVERIFY(list->currentItem()->text().startsWith(QStringLiteral("Adapter")));
    QTest::keyClick(query, Qt::Key_Tab);
    QVERIFY(query->text().startsWith(QStringLiteral(":Adapter")));
    QTest::keyClick(query, Qt::Key_Return);
    QCOMPARE(m_window->currentPage()->id(), QStringLiteral("upcycle"));
    m_window->actionRegistry()->find("view.palette")->trigger();
    QTest::keyClicks(query, "?");
    for (int row = 1; row < list->count(); ++row)
        QVERIFY(!list->item(row)->text().startsWith(QStringLiteral("Pause")));
    QTest::keyClick(query, Qt::Key_Down);
    QTest::keyClick(query, Qt::Key_Up);
    QCOMPARE(list->currentRow(), 1);  // never a heading
    QTest::keyClick(query, Qt::Key_Escape);
}

void TestShell::helpTellsWhatAControlIsFor() {
    openProject();
    m_window->showPage("routing");
    QVERIFY(m_window->helpText(nullptr).contains(QStringLiteral("expert")));
    m_window->showPage("upcycle");
    QVERIFY(m_window->helpText(nullptr).contains(QStringLiteral("memory")));
    for (const QString& id : m_window->pageIds()) {
        m_window->showPage(id);
        QVERIFY2(!m_window->helpText(m_window->currentPage()).isEmpty(), qPrintable(id));
    }
}

void TestShell::theLastProjectAndItsSplittersComeBack() {
    openProject();
    const QString folder = m_window->project()->folder();
    m_window->showPage("models");
    auto* splitter = m_window->page("models")->findChild<QSplitter*>();
    QVERIFY(splitter);
    splitter->setSizes({splitter->width() - 500, 500});
    const QList<int> sizes = splitter->sizes();
    m_window->close();
    QCOMPARE(MainWindow::lastProject(), folder);
    init();
    openProject();
    m_window->showPage("models");
    QTRY_COMPARE(m_window->page("models")->findChild<QSplitter*>()->sizes(), sizes);
    m_window->resetLayout();
    QVERIFY(m_window->page("models")->findChild<QSplitter*>()->sizes() != sizes);
}

void TestShell::titlePillAndRailFollowTheRun() {
    openProject();
    tellRunning(62);
    QVERIFY(m_window->findChild<RunPill*>()->isVisible());
    QVERIFY2(m_window->windowTitle().startsWith(QStringLiteral("62")), qPrintable(m_window->windowTitle()));
    QVERIFY(m_window->actionRegistry()->find("run.pause")->isEnabled());
    m_window->actionRegistry()->find("run.pause")->trigger();
    QCOMPARE(m_engine->count("run.pause"), 1);
    engine::StateChange paused;
    paused.from = engine::RunState::Running;
    paused.to = engine::RunState::Paused;
    m_engine->tellRun(m_window->runController()->live().folder, paused);
    QVERIFY(m_window->actionRegistry()->find("run.pause")->text().contains("Continue"));
    m_window->actionRegistry()->find("run.pause")->trigger();
    QCOMPARE(m_engine->count("run.continue"), 1);
}

void TestShell::engineDeathOffersToResume() {
    openProject();
    m_window->showPage("models");
    tellRunning(37);
    m_engine->tellRun(m_window->runController()->live().folder, engine::CheckpointInfo{20, "x", 1});
    m_engine->die("The process was ended by signal 9");
    widgets::MessageBar* bar = m_window->banners()->bar("engine.died");
    QVERIFY(bar);
    QVERIFY(bar->isVisible());
    QVERIFY(bar->title().contains("37"));
    QVERIFY(bar->text().contains("signal 9") && bar->text().contains("20") && bar->text().contains("17"));
    QVERIFY(!bar->buttons().first()->isEnabled());  // not before the engine is back
    QVERIFY(!m_window->actionRegistry()->find("run.pause")->isEnabled());
    m_engine->become(EngineState::Ready);
    QVERIFY(bar->buttons().first()->isEnabled());
    QVERIFY(bar->buttons().first()->text().contains("20"));
    m_window->showPage("upcycle");
    QTRY_VERIFY(bar->isVisible());  // the message goes along to the next page
}

void TestShell::engineThatDoesNotStartIsSaid() {
    Q_EMIT m_engine->doesNotStart("It ended 3 times within a minute.");
    widgets::MessageBar* bar = m_window->banners()->bar("engine.died");
    QVERIFY(bar && bar->isVisible());
    QVERIFY(bar->text().contains("3 times"));
    QCOMPARE(bar->buttons().size(), 2);
}

void TestShell::closingWhileTuningAsks() {
    openProject();
    tellRunning(50);
    bool asked = false;
    QTimer::singleShot(0, this, [&] {
        auto* dialog = m_window->findChild<CloseDialog*>();
        QVERIFY(dialog);
        asked = true;
        QTest::keyClick(dialog, Qt::Key_Escape);
    });
    m_window->close();
    QVERIFY(asked);
    QVERIFY(m_window->isVisible());  // Esc = Cancel
    QTimer::singleShot(0, this, [&] {
        auto* dialog = m_window->findChild<CloseDialog*>();
        const auto cards = dialog->findChildren<ChoiceCard*>();
        QCOMPARE(cards.size(), 3);
        QVERIFY(cards[0]->isChecked());  // keep is the default
        test::picture(*dialog, "close");
        QTest::mouseClick(cards[1], Qt::LeftButton);
        dialog->accept();
    });
    m_window->close();
    QCOMPARE(m_engine->count("run.stop"), 1);
    QVERIFY2(m_window->isVisible(), "waits for the checkpoint");
    engine::StateChange stopped;
    stopped.to = engine::RunState::Stopped;
    m_engine->tellRun(m_window->runController()->live().folder, stopped);
    QTRY_VERIFY(!m_window->isVisible());
}

void TestShell::anUnreadableProjectGoesBackToTheWelcome() {
    const QString file = m_sandbox.path("not-a-folder");
    QFile(file).open(QIODevice::WriteOnly);
    m_window->openProject(file);
    QTRY_VERIFY(m_window->banners()->has("project.failed"));
    QVERIFY(!m_window->project());
    QVERIFY(m_window->findChild<Welcome*>()->isVisible());
}

void TestShell::aSecondWindowBringsTheFirstToTheFront() {
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

void TestShell::numbersAreWrittenAlike() {
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

CARAVAN_UI_TEST_MAIN(TestShell)
#include "tst_shell.moc"

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractButton>
#include <QCheckBox>
#include <QDialog>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QMenuBar>
#include <QPushButton>
#include <QtTest>

#include "tests/support/run_fixture.h"
#include "tests/support/shell_test.h"
#include "ui/actions/action_registry.h"
#include "ui/main_window.h"
#include "ui/page.h"
#include "ui/project_context.h"
#include "ui/shell/banners.h"
#include "ui/shell/choice_card.h"
#include "ui/shell/close_dialog.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/rail.h"
#include "ui/shell/run_pill.h"
#include "ui/shell/status_line.h"

using namespace caravan;
using namespace caravan::ui;

class TestShell : public test::ShellTest {
    Q_OBJECT
  public:
    using ShellTest::ShellTest;
  private Q_SLOTS:
    void init() { start(); }
    void cleanup() { end(); }
    void altNumbersGoToPages();
    void everyActionIsInAMenuOrHasNoShortcutTwice();
    void everyButtonHasAName();
    void f6WalksThePanes();
    void paletteFindsActions();
    void paletteRanksPrefixFirst();
    void paletteFindsSettingsByTheirPrefix();
    void helpTellsWhatAControlIsFor();
    void titlePillAndRailFollowTheRun();
    void engineDeathOffersToResume();
    void aDeadRunIsResumedWhereverOneIs();
    void settingsAreKeptWithoutBeingClosed();
    void engineThatDoesNotStartIsSaid();
    void closingWhileTuningAsks();

  private:
    void tellRunning(engine::StepIndex step);
};

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
    auto* list = palette->findChild<QListWidget*>();
    QStringList listed;  // before a word is typed
    for (int row = 0; row < list->count(); ++row)
        listed << list->item(row)->text();
    for (const QString& id : m_window->pageIds())
        QVERIFY2(listed.contains(m_window->page(id)->title()), qPrintable(id));
    QTest::keyClicks(palette->findChild<QLineEdit*>(), "upcycl");
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

// As a killed window leaves them: nothing is closed, and a second project begins with a copy of the folder.
void TestShell::settingsAreKeptWithoutBeingClosed() {
    openProject();
    engine::Recipe recipe = m_window->project()->recipe();
    recipe.tune.learningRate = 0.0125;
    m_window->project()->setRecipe(recipe, "rate");
    const QString left = m_window->project()->folder() + "/draft.json",
                  found = m_sandbox.makeFolder("killed");
    const auto kept = [&] {
        QFile file(left);
        return file.open(QIODevice::ReadOnly) && file.readAll().contains("0.0125");
    };
    QTRY_VERIFY(kept());
    QVERIFY(QFile::copy(left, found + "/draft.json"));
    const auto open = [&] {
        m_window->openProject(found);
        QTRY_VERIFY(m_window->project() && m_window->project()->isOpen());
    };
    open();
    QCOMPARE(m_window->project()->recipe().tune.learningRate, 0.0125);
    QVERIFY(!m_window->banners()->has("project.failed"));
    // Damaged ones are kept aside and told of; the project opens.
    m_window->actionRegistry()->find("file.close")->trigger();
    QFile draft(found + "/draft.json");
    QVERIFY(draft.open(QIODevice::WriteOnly) && draft.write("{\"tune\": {\"learn") > 0);
    draft.close();
    open();
    QTRY_VERIFY(m_window->banners()->has("project.failed"));
    const auto* bar = m_window->banners()->bar("project.failed");
    QVERIFY2((bar->title() + bar->text()).contains("draft.json.damaged"),
             qPrintable(bar->title() + bar->text()));
    QVERIFY(QFile::exists(found + "/draft.json.damaged"));
}

// From the welcome and from another project: its own is opened first.
void TestShell::aDeadRunIsResumedWhereverOneIs() {
    const QString folder = m_sandbox.path("dead");
    QVERIFY(!test::writeRun(folder, "0001", test::RunStory(), engine::RunState::Interrupted).isEmpty());
    m_window->openProject(folder);
    QTRY_VERIFY(m_window->project() && m_window->project()->runs().size() == 1);
    tellRunning(37);
    m_engine->tellRun(m_window->runController()->live().folder, engine::CheckpointInfo{20, "x", 1});
    m_engine->die("The process was ended by signal 9");
    m_engine->become(EngineState::Ready);
    m_window->actionRegistry()->find("file.close")->trigger();
    QVERIFY(m_window->project() == nullptr);
    auto* pill = m_window->findChild<RunPill*>();
    QVERIFY(pill->isVisible());
    const auto labels = m_window->findChild<StatusLine*>()->findChildren<QLabel*>();
    QVERIFY(std::any_of(labels.begin(), labels.end(),  // what is ready is another engine
                        [](const QLabel* label) { return label->text().contains("restarted"); }));
    QTest::mouseClick(pill, Qt::LeftButton);
    QTRY_VERIFY(m_window->project() && m_window->project()->runs().size() == 1);
    QCOMPARE(m_window->currentPage()->id(), QStringLiteral("tune"));
    openProject();  // another one
    widgets::MessageBar* bar = m_window->banners()->bar("engine.died");
    QVERIFY(bar && bar->isVisible());
    QTest::mouseClick(bar->buttons().first(), Qt::LeftButton);
    QTRY_COMPARE(m_engine->count("run.resume"), 1);
    QCOMPARE(m_window->project()->folder(), folder);
    QCOMPARE(m_window->currentPage()->id(), QStringLiteral("tune"));
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
        LiveRun later = m_window->runController()->live();
        later.step += 20;  // the run goes on while it is asked
        dialog->setRun(later);
        const QString step = QStringLiteral("step %1 ").arg(later.step);
        QVERIFY2(cards[1]->accessibleDescription().contains(step),
                 qPrintable(cards[1]->accessibleDescription()));
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

CARAVAN_UI_TEST_MAIN(TestShell)
#include "tst_shell.moc"

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QTest>

#include "tests/support/window_fixture.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/run_controller.h"
#include "ui/pages/settings/settings_page.h"
#include "ui/pages/settings/shortcuts_model.h"
#include "ui/shell/close_dialog.h"
#include "widgets/segmented.h"

using namespace caravan;
using namespace caravan::ui;

namespace {

struct Bench {
    FakeEngineLink engine;
    RunController runs{&engine};
    ActionRegistry actions;
    std::unique_ptr<SettingsPage> page;
    int paused = 0;

    Bench() {
        actions.add({.id = "run.pause", .text = "&Pause", .menu = "run", .shortcut = QKeySequence("Ctrl+P")},
                    &engine, [this] { ++paused; });
        actions.add({.id = "run.stop", .text = "S&top", .menu = "run"}, &engine, {});
        actions.add({.id = "data.start",
                     .text = "Start",
                     .menu = "run",
                     .shortcut = QKeySequence("Ctrl+J"),
                     .page = "data"},
                    &engine, {});
        actions.add({.id = "chat.send", .text = "Send", .menu = "chat", .page = "chat"}, &engine, {});
        test::answerNoRuns(engine);
        engine.start();
        page = std::make_unique<SettingsPage>(Services{&engine, &runs, &actions}, nullptr);
        page->resize(1364, 800);
        page->setActive(true);
        page->show();
    }
    [[nodiscard]] QModelIndex keysOf(const QString& action) const {
        ShortcutsModel* model = page->shortcuts();
        for (int row = 0; row < model->rowCount(); ++row)
            if (model->index(row, 0).data().toString() == action)
                return model->index(row, ShortcutsModel::Keys);
        return {};
    }
};

}  // namespace

class TestSettingsPage : public QObject {
    Q_OBJECT
  public:
    explicit TestSettingsPage(test::Sandbox&) {}

  private Q_SLOTS:
    void cleanup() { QSettings().clear(); }

    void colorsFollowAndAreKept() {
        Bench bench;
        bench.page->colors()->setCurrent(2);
        QVERIFY(Theme::instance().isDark());
        bench.page->colors()->setCurrent(1);
        QVERIFY(!Theme::instance().isDark());
        Theme::instance().setScheme(Scheme::Dark);  // from the menu
        QCOMPARE(bench.page->colors()->current(), 2);
        Theme::instance().setScheme(Scheme::Light);
    }

    void closingCanBeAskedAgain() {
        QSettings().setValue("run/when_closing", static_cast<int>(CloseChoice::PauseAndSave));
        Bench bench;
        QCOMPARE(bench.page->closing()->currentData().toInt(), static_cast<int>(CloseChoice::PauseAndSave));
        bench.page->closing()->setCurrentIndex(0);
        Q_EMIT bench.page->closing()->activated(0);
        QVERIFY(!QSettings().contains("run/when_closing"));
    }

    void deviceIsKeptAndTheEngineStartsAnew() {
        Bench bench;
        const int cpu = bench.page->device()->findData("cpu");
        bench.page->device()->setCurrentIndex(cpu);
        Q_EMIT bench.page->device()->activated(cpu);
        QCOMPARE(QSettings().value("engine/device").toString(), QStringLiteral("cpu"));
        QVERIFY(bench.page->restartButton()->isEnabled());
        QSignalSpy states(&bench.engine, &EngineLink::stateChanged);
        bench.page->restartButton()->click();
        QVERIFY(states.size() >= 2);  // stopped, ready
        engine::StateChange change;
        change.to = engine::RunState::Running;
        change.run = "/p/runs/0001";
        bench.engine.tellRun(QStringLiteral("/p/runs/0001"), change);
        QTRY_VERIFY(!bench.page->restartButton()->isEnabled());
    }

    void keysCanBeChangedButNotShared() {
        Bench bench;
        ShortcutsModel* model = bench.page->shortcuts();
        QAbstractItemModelTester tester(model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        QSignalSpy refused(model, &ShortcutsModel::refused);
        const QModelIndex stop = bench.keysOf(QStringLiteral("Stop"));
        QVERIFY(!model->setData(stop, QVariant::fromValue(QKeySequence("Ctrl+P")), Qt::EditRole));
        QCOMPARE(refused.size(), 1);
        QVERIFY(refused[0][0].toString().contains(QStringLiteral("Pause")));
        QVERIFY(model->setData(stop, QVariant::fromValue(QKeySequence("Ctrl+Shift+P")), Qt::EditRole));
        QCOMPARE(bench.actions.find("run.stop")->shortcut(), QKeySequence("Ctrl+Shift+P"));
        QVERIFY(model->isChanged(stop.row()));
        // Actions of two pages are never on at the same time.
        QVERIFY(model->setData(bench.keysOf(QStringLiteral("Send")),
                               QVariant::fromValue(QKeySequence("Ctrl+J")), Qt::EditRole));
        {
            ActionRegistry later;  // as after a new start
            QAction* again = later.add({.id = "run.stop", .text = "Stop", .menu = "run"}, this, {});
            QCOMPARE(again->shortcut(), QKeySequence("Ctrl+Shift+P"));
        }
        model->resetAll();
        QVERIFY(bench.actions.find("run.stop")->shortcut().isEmpty());
        QVERIFY(!QSettings().contains("shortcuts/run.stop"));
    }

    void thePaletteFindsThem() {
        Bench bench;
        bench.page->activateWindow();
        QTRY_VERIFY(bench.page->isActiveWindow());
        const QVector<FoundItem> items = bench.page->found();
        QCOMPARE(items.size(), 3);
        QCOMPARE(items[0].note, bench.page->colors()->currentText());
        QCOMPARE(items[2].note, bench.page->device()->currentText());
        QSignalSpy links(bench.page.get(), &Page::linkActivated);
        items[1].act();
        QCOMPARE(links.size(), 1);
        QCOMPARE(links[0][0].toString(), bench.page->id());
        bench.page->openLink(links[0][1].toMap());
        QVERIFY(bench.page->closing()->hasFocus());
    }

    void everythingHasAName() {
        Bench bench;
        for (QWidget* widget : bench.page->findChildren<QWidget*>()) {
            if (!(widget->focusPolicy() & Qt::TabFocus) || !widget->isVisibleTo(bench.page.get())) continue;
            if (widget->objectName().startsWith(QLatin1String("qt_"))) continue;
            const auto* button = qobject_cast<QAbstractButton*>(widget);
            const bool area = widget->inherits("QScrollArea");
            QVERIFY2(area || !widget->accessibleName().isEmpty() ||
                         (button != nullptr && !button->text().isEmpty()),
                     widget->metaObject()->className());
        }
    }
};

CARAVAN_UI_TEST_MAIN(TestSettingsPage)
#include "tst_settings_page.moc"

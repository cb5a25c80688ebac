// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What runs leave behind, read by mouse and keyboard in the window over the real engine process: two runs
// over each other, notes and trash, where tokens went, a measured checkpoint, how wide adapters would have to
// be, colors and keys; then a new window finds all of it.
#include <QComboBox>
#include <QInputDialog>
#include <QKeySequenceEdit>
#include <QLabel>
#include <QPlainTextEdit>
#include <QSpinBox>
#include <QTableView>

#include "tests/app/journey/journey_bench.h"
#include "tests/support/tuned_copy.h"
#include "ui/analysis_source.h"
#include "ui/bridge/run_controller.h"
#include "ui/pages/data/data_page.h"
#include "ui/pages/routing/analysis_panes.h"
#include "ui/pages/routing/approximation_dialog.h"
#include "ui/pages/routing/approximation_plot.h"
#include "ui/pages/routing/routing_filters.h"
#include "ui/pages/routing/routing_page.h"
#include "ui/pages/routing/token_list.h"
#include "ui/pages/runs/run_differences.h"
#include "ui/pages/runs/run_overlay.h"
#include "ui/pages/runs/runs_page.h"
#include "ui/pages/settings/settings_page.h"
#include "ui/pages/settings/shortcuts_model.h"
#include "ui/shell/welcome.h"
#include "widgets/chart_pane.h"
#include "widgets/curve_plot.h"
#include "widgets/heat_map.h"
#include "widgets/message_bar.h"
#include "widgets/segmented.h"
#include "widgets/timeline_scrubber.h"

using namespace caravan;
using namespace caravan::ui;
using namespace caravan::test;

namespace {
constexpr int kSteps = 8;
}

class TestJourneyOfResults : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase() { m_bench.close(); }
    void init() { m_bench.beginStage(); }
    void cleanup() { m_bench.endStage(); }
    void a_runsOverEachOther();
    void b_notesTagsAndTrash();
    void c_whereTokensWent();
    void d_aMeasuredCheckpoint();
    void d_widthsAgainstATunedModel();
    void e_colorsAndKeys();
    void f_aNewWindowFindsAll();
    void g_theWelcomePage();

  private:
    void tune(double learningRate);
    JourneyBench m_bench;
    QStringList m_runs;  // first, second
};

// Two runs with another rate; how one makes them by hand is tst_journey_of_pages.cpp.
void TestJourneyOfResults::initTestCase() {
    if (JourneyBench::engineProgram().isEmpty()) QSKIP("built without an engine; CARAVAN_ENGINE names none");
    m_bench.open();
    QVERIFY(m_bench.engine()->isUsable());
    const QString base = m_bench.path(QStringLiteral("base"));
    QVERIFY(copyFolder(QStringLiteral(CARAVAN_SOURCE_DIR "/resources/demo/base-16m"), base));
    m_bench.project()->addModelFolder(base);
    QTRY_VERIFY_WITH_TIMEOUT(m_bench.project()->model(base)->status == ModelEntry::Status::Ready, kPatience);
    engine::Recipe recipe;
    recipe.model.path = base.toStdString();
    recipe.upcycle.adapterSize = 16;
    for (const char* name : {"math.train", "general.train", "general.heldout"}) {
        const QString file = m_bench.path(QLatin1String(name) + QStringLiteral(".jsonl"));
        QVERIFY(sliceOf(
            QStringLiteral(CARAVAN_SOURCE_DIR "/resources/demo/data/%1.jsonl").arg(QLatin1String(name)), file,
            24));
        const engine::DataFile added{.path = file.toStdString(),
                                     .name = std::string(name).substr(0, std::string(name).find('.'))};
        (QLatin1String(name).endsWith(QLatin1String("heldout")) ? recipe.data.heldout : recipe.data.files)
            .push_back(added);
    }
    recipe.tune.steps = kSteps;
    recipe.tune.batchRows = 4;
    recipe.tune.sequenceLength = 128;
    recipe.tune.loraRank = 8;
    recipe.tune.checkpointEvery = recipe.tune.evaluateEvery = kSteps / 2;
    m_bench.project()->setRecipe(recipe, QStringLiteral("settings"));
    for (const double rate : {0.0002, 0.002}) {
        tune(rate);
        if (QTest::currentTestFailed()) return;
    }
}

void TestJourneyOfResults::tune(double learningRate) {
    engine::Recipe recipe = m_bench.project()->recipe();
    recipe.tune.learningRate = learningRate;
    m_bench.project()->setRecipe(recipe, QStringLiteral("rate"));
    QString made;
    m_bench.project()->createRun(m_bench.window(), [&](const engine::Result<QString>& run) {
        made = run ? *run : QStringLiteral("none");
    });
    QTRY_VERIFY_WITH_TIMEOUT(!made.isEmpty() && m_bench.project()->run(made) != nullptr, kPatience);
    m_runs << made;
    m_bench.project()->startRun(made);
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.project()->run(made)->state, engine::RunState::Finished, kPatience);
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.project()->run(made)->step, engine::StepIndex(kSteps), kPatience);
}

void TestJourneyOfResults::a_runsOverEachOther() {
    m_bench.goTo("runs");
    auto* page = m_bench.page<RunsPage>("runs");
    QTableView* table = page->table();
    QTRY_COMPARE(table->model()->rowCount(), 2);
    for (int row = 0; row < 2; ++row) {
        clickRow(table, table->model()->index(row, RunsModel::Name));
        const QString id = table->currentIndex().data(RunsModel::IdRole).toString();
        if (!page->model()->checked().contains(id)) QTest::keyClick(table, Qt::Key_Space);
        QVERIFY(page->model()->checked().contains(id));
    }
    widgets::CurvePlot* plot = page->overlay()->plot();
    QTRY_COMPARE(plot->curveCount(), 2);
    QTRY_COMPARE(plot->series(0).size(), std::size_t(kSteps));
    QTRY_COMPARE(plot->series(1).size(), std::size_t(kSteps));
    QCOMPARE(plot->series(0).y(0), plot->series(1).y(0));  // the same weights and rows before the first step
    QVERIFY(plot->series(0).y(kSteps - 1) != plot->series(1).y(kSteps - 1));
    page->overlay()->figureBox()->setFocus();
    QTest::keyClick(page->overlay()->figureBox(), Qt::Key_Down);  // held out
    QTRY_VERIFY(plot->series(0).size() >= 2 && plot->series(0).size() < std::size_t(kSteps));
    QStringList differ;
    for (int row = 0; row < page->differences()->rowCount(); ++row)
        differ << page->differences()->index(row, 0).data().toString();
    QVERIFY2(differ.contains(QStringLiteral("Learning rate")), qPrintable(differ.join(',')));
    QVERIFY2(!differ.contains(QStringLiteral("Experts")), qPrintable(differ.join(',')));
    qInfo("Runs: two curves over each other; what differs: %s",
          qPrintable(differ.join(QStringLiteral(", "))));
}

void TestJourneyOfResults::b_notesTagsAndTrash() {
    auto* page = m_bench.page<RunsPage>("runs");
    QTableView* table = page->table();
    const auto select = [&](const QString& id) {
        for (int row = 0; row < table->model()->rowCount(); ++row)
            if (const QModelIndex at = table->model()->index(row, RunsModel::Name);
                at.data(RunsModel::IdRole).toString() == id)
                clickRow(table, at);
        QCOMPARE(table->currentIndex().data(RunsModel::IdRole).toString(), id);
    };
    select(m_runs.at(0));
    m_bench.chooseFromMenus("runs.note");
    auto* note = page->findChild<QInputDialog*>();
    QTRY_VERIFY(note != nullptr && note->isVisible());
    QTest::keyClicks(note->findChild<QPlainTextEdit*>(), QStringLiteral("the careful rate"));
    click(buttonIn(note, QStringLiteral("OK")));
    QTRY_COMPARE(m_bench.project()->run(m_runs.at(0))->note, QStringLiteral("the careful rate"));
    m_bench.chooseFromMenus("runs.tags");
    auto* tags = table->findChild<QLineEdit*>();
    QTRY_VERIFY(tags != nullptr && tags->isVisible());
    QTest::keyClicks(tags, QStringLiteral("paper, slow"));
    QTest::keyClick(tags, Qt::Key_Return);
    QTRY_COMPARE(m_bench.project()->run(m_runs.at(0))->tags,
                 (QStringList{QStringLiteral("paper"), QStringLiteral("slow")}));
    QCOMPARE(m_bench.shownPage(), QStringLiteral("runs"));  // the key that ends the editor opens no run
    QLineEdit* search = nullptr;
    for (QLineEdit* each : page->findChildren<QLineEdit*>())
        if (each->accessibleName() == QStringLiteral("Search runs")) search = each;
    QVERIFY(search != nullptr);
    QTest::keyClicks(search, QStringLiteral("careful"));
    QTRY_COMPARE(table->model()->rowCount(), 1);
    QTest::keyClick(search, Qt::Key_A, Qt::ControlModifier);
    QTest::keyClick(search, Qt::Key_Delete);
    QTRY_COMPARE(table->model()->rowCount(), 2);
    select(m_runs.at(1));
    m_bench.activate();
    table->setFocus();
    const QString folder = m_bench.project()->run(m_runs.at(1))->folder;
    QTest::keyClick(table, Qt::Key_Delete);
    QTRY_COMPARE(table->model()->rowCount(), 1);
    QTRY_VERIFY(!QFile::exists(folder));
    click(buttonIn(page->findChild<widgets::MessageBar*>(), QStringLiteral("Undo")));
    QTRY_COMPARE(table->model()->rowCount(), 2);
    QTRY_VERIFY(QFile::exists(folder + QStringLiteral("/metrics.jsonl")));
    QTRY_COMPARE(m_bench.project()->run(m_runs.at(1))->step, kSteps);
    select(m_runs.at(1));
    qInfo("Runs: a note and two tags found by the search; a run deleted and taken back, step %lld of %d",
          static_cast<long long>(m_bench.project()->run(m_runs.at(1))->step), kSteps);
}

void TestJourneyOfResults::c_whereTokensWent() {
    m_bench.goTo("routing");
    auto* page = m_bench.page<RoutingPage>("routing");
    page->map()->setFocus();
    QTRY_COMPARE_WITH_TIMEOUT(page->shownStep(), kSteps, kPatience);
    QTRY_COMPARE(page->timeline()->points().size(), kSteps);
    const float last = page->map()->value(0, 0);
    QTest::mouseClick(page->timeline(), Qt::LeftButton, {},
                      QPoint(qRound(page->timeline()->pixelOf(2)), page->timeline()->height() / 2));
    QTRY_COMPARE(page->shownStep(), 2);
    QTRY_VERIFY(page->map()->value(0, 0) != last);
    QTest::keyClick(page->timeline(), Qt::Key_Right);
    QTRY_COMPARE(page->shownStep(), 3);
    widgets::Segmented* domain = page->filters()->domain();
    QCOMPARE(domain->segments().size(), 3);  // all, sums, general
    const double all = page->view().tokens;
    QTest::mouseClick(domain, Qt::LeftButton, {}, domain->segmentRect(1).center());
    QTRY_VERIFY(page->view().tokens <= all);  // the step may have rows of one domain only
    const double first = page->view().tokens;
    page->map()->setFocus();
    QTest::keyClick(page->map(), Qt::Key_D);
    QTRY_VERIFY(page->view().tokens != first);
    QVERIFY(std::abs(first + page->view().tokens - all) < 0.5);
    const QString shown = domain->currentText();
    QTest::keyClick(page->map(), Qt::Key_D);
    QTRY_COMPARE(page->view().tokens, all);
    auto* pane = qobject_cast<widgets::ChartPane*>(page->map()->parentWidget());
    QVERIFY(pane != nullptr);
    page->map()->setFocus();
    QTest::keyClick(page->map(), Qt::Key_T, Qt::ControlModifier);
    QTRY_VERIFY(pane->isTableShown());
    QCOMPARE(pane->tableView()->model()->rowCount(), 8);
    QTest::keyClick(pane->tableView(), Qt::Key_T, Qt::ControlModifier);
    QTRY_VERIFY(!pane->isTableShown());
    qInfo("Routing: step 3, %.0f answer tokens, of %s %.0f; the map and its table", all, qPrintable(shown),
          all - first);
}

void TestJourneyOfResults::d_aMeasuredCheckpoint() {
    auto* page = m_bench.page<RoutingPage>("routing");
    QTest::keyClick(page->timeline(), Qt::Key_End);
    QTRY_COMPARE(page->shownStep(), kSteps);
    QPushButton* analyse = buttonIn(page, QStringLiteral("Analyse"));
    QVERIFY(analyse != nullptr);
    const auto offered = [&] {
        QMenu* menu = page->analyseMenu();
        return !menu->actions().isEmpty() && menu->actions().first()->isEnabled();
    };
    QTRY_VERIFY_WITH_TIMEOUT(offered(), kPatience);
    click(analyse);
    QAction* checkpoint = nullptr;
    QMenu* menu = nullptr;
    for (QMenu* each : page->findChildren<QMenu*>())
        if (each->isVisible()) menu = each;
    QVERIFY(menu != nullptr);
    checkpoint = menu->actions().first();
    const QString words = checkpoint->text();
    m_bench.choose(menu, checkpoint);
    QTRY_VERIFY_WITH_TIMEOUT(page->analysis()->current() != nullptr && !page->analysis()->isBusy(),
                             kPatience);
    AnalysisPanes* panes = page->analysisPanes();
    QTRY_COMPARE(panes->togetherMap()->gridRows(), 8);
    page->map()->setFocus();
    page->map()->setCurrentCell(0, 0);
    QTest::keyClick(page->map(), Qt::Key_Down);
    QCOMPARE(page->map()->currentRow(), 1);
    const auto& record = page->analysis()->current()->statistics.record;
    QCOMPARE(record.experts, 8);
    QVERIFY(page->analysis()->current()->tokens > 0);
    // Of each expert's partners the shares add up to one.
    double sum = 0;
    for (int column = 0; column < 8; ++column)
        if (column != 2) sum += panes->togetherMap()->value(2, column);
    QVERIFY2(std::abs(sum - 1) < 1e-3 || std::isnan(sum), qPrintable(QString::number(sum)));
    QTRY_VERIFY(page->tokens()->contexts()->model()->rowCount() > 0);
    qInfo("Routing: %s measured on %lld tokens; layer 1, expert 0: %s", qPrintable(words),
          static_cast<long long>(page->analysis()->current()->tokens),
          qPrintable(page->tokens()->words().left(60)));
}

// The base beside a copy with other FFNs: chosen, measured by the engine, drawn, found again.
void TestJourneyOfResults::d_widthsAgainstATunedModel() {
    const QString base = m_bench.path(QStringLiteral("base")), tuned = m_bench.path(QStringLiteral("tuned"));
    test::writeTunedCopy(base.toStdString(), tuned.toStdString(), test::louder);
    m_bench.project()->addModelFolder(tuned);
    QTRY_VERIFY_WITH_TIMEOUT(m_bench.project()->model(tuned)->status == ModelEntry::Status::Ready, kPatience);
    auto* page = m_bench.page<RoutingPage>("routing");
    QMenu* menu = page->analyseMenu();
    QVERIFY(menu->actions().last()->isEnabled());
    menu->actions().last()->trigger();
    ApproximationDialog* dialog = page->approximation();
    QVERIFY(dialog != nullptr && dialog->isVisible());
    QVERIFY2(dialog->tunedBox()->findText(tuned) >= 0, "the project's models of its shape are offered");
    dialog->tunedBox()->setEditText(tuned);
    dialog->tokensBox()->setValue(2048);
    const auto type = [](QLineEdit* edit, const char* text) {
        edit->selectAll();
        QTest::keyClicks(edit, QLatin1String(text));
    };
    type(dialog->widthsEdit(), "4, 32");
    type(dialog->layersEdit(), "2, 9");
    QVERIFY(!dialog->measureButton()->isEnabled());  // it has eight layers
    type(dialog->layersEdit(), "2");
    click(dialog->measureButton());
    QTRY_VERIFY_WITH_TIMEOUT(dialog->progressWords().contains(QStringLiteral("fitting")), kPatience);
    click(dialog->cancelButton());
    QTRY_VERIFY_WITH_TIMEOUT(!dialog->isWorking(), kPatience);
    QCOMPARE(dialog->plot()->gridRows(), 0);
    click(dialog->measureButton());
    QTRY_VERIFY_WITH_TIMEOUT(!dialog->isWorking(), kPatience);
    const engine::Approximation found = dialog->plot()->approximation();
    QCOMPARE(found.layers.size(), std::size_t(1));
    QVERIFY(std::abs(found.layers[0].change - 0.25) < 0.01);  // half as much again, squared
    QCOMPARE(found.layers[0].fits.size(), std::size_t(2));
    QVERIFY(found.layers[0].fits[1].fitted < found.layers[0].fits[0].fitted);
    QTest::keyClick(dialog, Qt::Key_Escape);
    QTRY_VERIFY(page->approximation() == nullptr);
    page->openApproximation();
    QTRY_COMPARE(page->approximation()->plot()->gridRows(), 2);
    QVERIFY(page->approximation()->plot()->approximation() == found);
    page->approximation()->reject();
    qInfo(
        "Approximation error of widths 4 and 32 in layer 2: %.3f and %.3f, on rows of the fit %.3f and %.3f",
        found.layers[0].fits[0].heldOut, found.layers[0].fits[1].heldOut, found.layers[0].fits[0].fitted,
        found.layers[0].fits[1].fitted);
}

void TestJourneyOfResults::e_colorsAndKeys() {
    m_bench.goTo("settings");
    auto* page = m_bench.page<SettingsPage>("settings");
    QTest::mouseClick(page->colors(), Qt::LeftButton, {}, page->colors()->segmentRect(2).center());
    QTRY_VERIFY(Theme::instance().isDark());
    QTableView* keys = tableIn(page, QStringLiteral("Keys of all actions"));
    const auto press = [&](const QString& action, int key) {
        const QModelIndex row = rowWith(keys->model(), ShortcutsModel::Action, action);
        QVERIFY2(row.isValid(), qPrintable(action));
        clickRow(keys, row.siblingAtColumn(ShortcutsModel::Keys));
        keys->setFocus();
        QTest::keyClick(keys, Qt::Key_F2);
        auto* edit = keys->findChild<QKeySequenceEdit*>();
        QTRY_VERIFY(edit != nullptr);
        QTest::keyClick(edit, static_cast<Qt::Key>(key), Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_VERIFY_WITH_TIMEOUT(keys->findChild<QKeySequenceEdit*>() == nullptr, kPatience);
    };
    const QString reset = m_bench.action("view.reset")->text().remove(QLatin1Char('&'));
    press(reset, Qt::Key_L);
    QTRY_COMPARE(m_bench.action("view.reset")->shortcut(), QKeySequence(QStringLiteral("Ctrl+Shift+L")));
    press(reset, Qt::Key_O);  // belongs to another action
    QTRY_COMPARE(m_bench.action("view.reset")->shortcut(), QKeySequence(QStringLiteral("Ctrl+Shift+L")));
    qInfo("Settings: dark; “%s” on %s, not on keys of another action", qPrintable(reset),
          qPrintable(m_bench.action("view.reset")->shortcut().toString()));
}

void TestJourneyOfResults::f_aNewWindowFindsAll() {
    const engine::Recipe recipe = m_bench.project()->recipe();
    m_bench.window()->close();
    m_bench.openWindow();
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.project()->runs().size(), 2, kPatience);
    QCOMPARE(m_bench.project()->run(m_runs.at(0))->note, QStringLiteral("the careful rate"));
    QCOMPARE(m_bench.project()->run(m_runs.at(0))->tags.size(), 2);
    QVERIFY(m_bench.project()->recipe() == recipe);
    QCOMPARE(m_bench.action("view.reset")->shortcut(), QKeySequence(QStringLiteral("Ctrl+Shift+L")));
    QVERIFY(Theme::instance().isDark());
    m_bench.goTo("routing");
    auto* page = m_bench.page<RoutingPage>("routing");
    QTRY_VERIFY_WITH_TIMEOUT(page->analysis()->current() != nullptr, kPatience);
    qInfo("A new window: two runs, note, tags, settings, keys and the measured checkpoint are there");
}

// The project closed: what this computer is, from the engine; the project among the recent ones; the demo.
void TestJourneyOfResults::g_theWelcomePage() {
    const QString folder = m_bench.project()->folder();
    m_bench.chooseFromMenus("file.close");
    auto* welcome = m_bench.window()->findChild<Welcome*>();
    QTRY_VERIFY(welcome != nullptr && welcome->isVisible());
    const auto told = [&](const QString& words) {
        for (const QLabel* label : welcome->findChildren<QLabel*>())
            if (label->isVisible() && label->text().contains(words)) return true;
        return false;
    };
    const QString device = QString::fromStdString(m_bench.engine()->device().name);
    QTRY_VERIFY2_WITH_TIMEOUT(told(device), qPrintable(device), kPatience);
    LinkButton* recent = nullptr;
    for (auto* link : welcome->findChildren<LinkButton*>())
        if (link->isVisible() && link->text() == QFileInfo(folder).fileName()) recent = link;
    QVERIFY(recent != nullptr);
    recent->setFocus();
    QTest::keyClick(recent, Qt::Key_Space);
    QTRY_VERIFY_WITH_TIMEOUT(m_bench.project() != nullptr && m_bench.project()->isOpen(), kPatience);
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.project()->runs().size(), 2, kPatience);
    m_bench.chooseFromMenus("file.close");
    QTRY_VERIFY(welcome->isVisible());
    QAbstractButton* demo = nullptr;
    for (auto* button : welcome->findChildren<QAbstractButton*>())
        if (button->isVisible() && button->accessibleName().startsWith(QStringLiteral("Open the demo")))
            demo = button;
    QVERIFY(demo != nullptr);
    click(demo);
    QTRY_VERIFY_WITH_TIMEOUT(m_bench.project() != nullptr && m_bench.project()->isOpen(), kPatience);
    QTRY_VERIFY_WITH_TIMEOUT(m_bench.project()->baseModel() != nullptr &&
                                 m_bench.project()->baseModel()->status == ModelEntry::Status::Ready,
                             kPatience);
    QVERIFY(m_bench.project()->recipe().data.files.size() >= 3);  // ready to start
    m_bench.goTo("data");
    auto* data = m_bench.page<DataPage>("data");
    QTRY_VERIFY_WITH_TIMEOUT(data->mainAction()->isEnabled(), kPatience);
    qInfo("Welcome: %s; a recent project opened; the demo can be started with %zu files", qPrintable(device),
          m_bench.project()->recipe().data.files.size());
}

QTEST_MAIN(TestJourneyOfResults)
#include "tst_journey_of_results.moc"

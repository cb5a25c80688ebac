// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What the whole journey passes by, page after page, by mouse and keyboard against the real engine process:
// a model that is refused and why, presets and undo, a table with columns of other names and broken rows, two
// runs over each other, a measured checkpoint, colors and keys; then a new window finds all of it.
#include <QComboBox>
#include <QInputDialog>
#include <QKeySequenceEdit>
#include <QPlainTextEdit>
#include <QSpinBox>
#include <QTableView>
#include <QTreeView>

#include "tests/app/journey/journey_bench.h"
#include "ui/analysis_source.h"
#include "ui/pages/data/batch_view.h"
#include "ui/pages/data/data_files_model.h"
#include "ui/pages/data/data_page.h"
#include "ui/pages/data/data_problems_model.h"
#include "ui/pages/data/mapping_dialog.h"
#include "ui/pages/models/model_details.h"
#include "ui/pages/models/models_page.h"
#include "ui/pages/models/token_chips.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/pages/routing/analysis_panes.h"
#include "ui/pages/routing/routing_filters.h"
#include "ui/pages/routing/routing_page.h"
#include "ui/pages/routing/token_list.h"
#include "ui/pages/runs/run_differences.h"
#include "ui/pages/runs/run_overlay.h"
#include "ui/pages/runs/runs_page.h"
#include "ui/pages/settings/settings_page.h"
#include "ui/pages/settings/shortcuts_model.h"
#include "ui/pages/tune/step_batch_dialog.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/pages/tune/tune_plots.h"
#include "ui/pages/upcycle/plan_panel.h"
#include "ui/run_history.h"
#include "widgets/chart_pane.h"
#include "widgets/curve_plot.h"
#include "widgets/heat_map.h"
#include "widgets/message_bar.h"
#include "widgets/segmented.h"
#include "widgets/timeline_scrubber.h"
#include "widgets/token_strip.h"

using namespace caravan;
using namespace caravan::ui;
using namespace caravan::test;

namespace {

constexpr int kSteps = 8;

QTableView* tableIn(const QWidget* parent, const QString& name) {
    for (QTableView* table : parent->findChildren<QTableView*>())
        if (table->accessibleName() == name) return table;
    return nullptr;
}

void clickRow(QAbstractItemView* view, const QModelIndex& index) {
    view->scrollTo(index);
    QTest::mouseClick(view->viewport(), Qt::LeftButton, {}, view->visualRect(index).center());
}

QModelIndex rowWith(const QAbstractItemModel* model, int column, const QString& text) {
    for (int row = 0; row < model->rowCount(); ++row)
        if (model->index(row, column).data().toString() == text) return model->index(row, column);
    return {};
}

// Into an editable combo box of a dialog.
void typeInto(QComboBox* box, const QString& text) {
    box->lineEdit()->setFocus();
    box->lineEdit()->selectAll();
    QTest::keyClicks(box->lineEdit(), text);
}

}  // namespace

class TestJourneyOfPages : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase() { m_bench.close(); }
    void init() {
        if (m_failed) QSKIP("the stage before failed");
    }
    void cleanup() { m_failed = m_failed || QTest::currentTestFailed(); }
    void a_modelsSayWhatTheyAre();
    void b_settingsAreTakenAndUndone();
    void c_oddTables();
    void d_aSecondRunWithAnotherRate();
    void e_runsOverEachOther();
    void f_notesTagsAndTrash();
    void g_whereTokensWent();
    void h_aMeasuredCheckpoint();
    void i_colorsAndKeys();
    void j_aNewWindowFindsAll();

  private:
    void tuneToTheEnd(int runs);
    void seeABatch();
    JourneyBench m_bench;
    bool m_failed = false;
    QStringList m_runs;  // first, second
};

void TestJourneyOfPages::initTestCase() {
    if (JourneyBench::engineProgram().isEmpty()) QSKIP("built without an engine; CARAVAN_ENGINE names none");
    m_bench.open();
    QVERIFY(m_bench.engine()->isUsable());
}

void TestJourneyOfPages::a_modelsSayWhatTheyAre() {
    const QString good = m_bench.path(QStringLiteral("base")), bad = m_bench.path(QStringLiteral("packed"));
    for (const QString& folder : {good, bad})
        QVERIFY(copyFolder(QStringLiteral(CARAVAN_SOURCE_DIR "/resources/demo/base-16m"), folder));
    QFile config(bad + QStringLiteral("/config.json"));
    QVERIFY(config.open(QIODevice::ReadWrite));
    QByteArray text = config.readAll();
    text.replace(text.lastIndexOf('}'), 1, ", \"quantization_config\": {\"quant_method\": \"awq\"}}");
    QVERIFY(config.resize(0) && config.seek(0) && config.write(text) == text.size());
    config.close();
    m_bench.goTo("models");
    m_bench.drop({good, bad});
    const auto ready = [&](const QString& folder) {
        const ModelEntry* entry = m_bench.project()->model(folder);
        return entry != nullptr && entry->status != ModelEntry::Status::Reading;
    };
    QTRY_VERIFY_WITH_TIMEOUT(ready(good) && ready(bad), kPatience);
    auto* page = m_bench.page<ModelsPage>("models");
    auto* view = page->findChild<QTreeView*>();
    auto* details = page->findChild<ModelDetails*>();
    const auto click = [&](const QString& name) {
        const QModelIndexList found = view->model()->match(view->model()->index(0, 0), Qt::DisplayRole, name,
                                                           1, Qt::MatchExactly | Qt::MatchRecursive);
        QVERIFY2(!found.isEmpty(), qPrintable(name));
        clickRow(view, found.first());
    };
    click(QStringLiteral("packed"));
    QTRY_COMPARE(page->selectedPath(), bad);
    QVERIFY(details->verdict()->tone() != VerdictBox::Tone::Good);
    const QString why = details->verdict()->title() + details->verdict()->texts().join(QLatin1Char(' '));
    QVERIFY2(why.contains(QStringLiteral("awq"), Qt::CaseInsensitive), qPrintable(why));
    QVERIFY(!page->mainAction()->isEnabled());
    click(QStringLiteral("base"));
    QTRY_COMPARE(page->selectedPath(), good);
    QCOMPARE(details->verdict()->tone(), VerdictBox::Tone::Good);
    QTest::keyClicks(details->tryText(), QStringLiteral(" caravans"));
    QTRY_VERIFY_WITH_TIMEOUT(details->chips()->pieces().join(QString()).contains(QStringLiteral("van")),
                             kPatience);
    view->setFocus();
    QTest::keyClick(view, Qt::Key_Return);
    QTRY_COMPARE(m_bench.shownPage(), QStringLiteral("upcycle"));
    qInfo("Models: one of two folders is refused: %s", qPrintable(why));
}

void TestJourneyOfPages::b_settingsAreTakenAndUndone() {
    auto* upcycle = m_bench.page<UpcyclePage>("upcycle");
    const engine::Recipe before = m_bench.project()->recipe();
    click(buttonIn(upcycle, QStringLiteral("Presets")));
    QMenu* presets = nullptr;
    for (QMenu* menu : upcycle->findChildren<QMenu*>())
        if (menu->isVisible()) presets = menu;
    QVERIFY(presets != nullptr && presets->actions().size() >= 2);
    m_bench.choose(presets, presets->actions().at(1));
    QTRY_COMPARE(m_bench.project()->recipe().tune.steps, std::optional<std::int64_t>(60));
    QVERIFY(m_bench.project()->recipe().data.files.empty());  // a preset brings no data
    QTest::keyClick(m_bench.window(), Qt::Key_Z, Qt::ControlModifier);
    QTRY_VERIFY(m_bench.project()->recipe() == before);
    m_bench.type("upcycle.adapter_size", QStringLiteral("16"));
    m_bench.type("tune.lora_rank", QStringLiteral("8"));
    m_bench.type("tune.batch_rows", QStringLiteral("4"));
    m_bench.type("tune.sequence_length", QStringLiteral("128"));
    m_bench.type("tune.steps", QString::number(kSteps));
    m_bench.type("tune.checkpoint_every", QString::number(kSteps / 2));
    m_bench.type("tune.evaluate_every", QString::number(kSteps / 2));
    const engine::Recipe made = m_bench.project()->recipe();
    QTest::keyClick(m_bench.window(), Qt::Key_Z, Qt::ControlModifier);
    QTRY_VERIFY(m_bench.project()->recipe() != made);
    QTest::keyClick(m_bench.window(), Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
    QTRY_VERIFY(m_bench.project()->recipe() == made);
    click(upcycle->panel()->proofButton());
    QTRY_VERIFY2_WITH_TIMEOUT(upcycle->panel()->proofBox()->tone() == VerdictBox::Tone::Good,
                              qPrintable(upcycle->panel()->proofBox()->title()), kPatience);
    qInfo("Upcycle: a preset taken and undone; %s", qPrintable(upcycle->panel()->proofBox()->title()));
    click(buttonIn(upcycle, QStringLiteral("Create and go to Data")));
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.shownPage(), QStringLiteral("data"), kPatience);
}

void TestJourneyOfPages::c_oddTables() {
    const QString sums = m_bench.path(QStringLiteral("sums.csv"));
    QFile csv(sums);
    QVERIFY(csv.open(QIODevice::WriteOnly));
    csv.write("nr;frage;antwort;quelle\n");
    for (int i = 1; i <= 40; ++i)
        csv.write(QStringLiteral("%1;What is %1 and 2?;It is %2.;leaflet7\n").arg(i).arg(i + 2).toUtf8());
    csv.write("41;What is missing?;;leaflet7\n42;Too few columns\n");
    csv.close();
    QStringList files{sums};
    for (const char* name : {"general.train.jsonl", "general.heldout.jsonl"}) {
        files << m_bench.path(QLatin1String(name));
        QVERIFY(sliceOf(QStringLiteral(CARAVAN_SOURCE_DIR "/resources/demo/data/") + QLatin1String(name),
                        files.last(), 24));
    }
    m_bench.drop(files);
    auto* page = m_bench.page<DataPage>("data");
    QTableView* table = tableIn(page, QStringLiteral("Data files"));
    const auto cell = [&](int row, int column) {
        return table->model()->index(row, column).data().toString();
    };
    QTRY_COMPARE(table->model()->rowCount(), 3);
    QTRY_VERIFY_WITH_TIMEOUT(cell(1, DataFilesModel::Rows).toInt() > 0, kPatience);
    QVERIFY(cell(0, DataFilesModel::Rows) != QStringLiteral("40"));  // which column is the answer?
    qInfo("Data: before the mapping: %s rows of sums.csv", qPrintable(cell(0, DataFilesModel::Rows)));
    clickRow(table, table->model()->index(0, DataFilesModel::File));
    m_bench.chooseFromMenus("data.mapping");
    auto* mapping = page->findChild<MappingDialog*>();
    QTRY_VERIFY(mapping != nullptr && mapping->isVisible());
    mapping->shapeBox()->setFocus();
    QTest::keyClick(mapping->shapeBox(), Qt::Key_End);
    typeInto(mapping->columnBox(QStringLiteral("prompt")), QStringLiteral("frage"));
    typeInto(mapping->columnBox(QStringLiteral("answer")), QStringLiteral("antwort"));
    click(buttonIn(mapping, QStringLiteral("Use this mapping")));
    QTRY_COMPARE_WITH_TIMEOUT(cell(0, DataFilesModel::Rows), QStringLiteral("40"), kPatience);
    QTRY_VERIFY2_WITH_TIMEOUT(page->hindrance().isEmpty(), qPrintable(page->hindrance()), kPatience);
    QTableView* problems = nullptr;
    for (QTableView* each : page->findChildren<QTableView*>())
        if (each->model() != nullptr && each->model()->columnCount() == DataProblemsModel::ColumnCount)
            problems = each;
    QVERIFY(problems != nullptr);
    QStringList told;
    for (int row = 0; row < problems->model()->rowCount(); ++row)
        told << problems->model()->index(row, DataProblemsModel::Line).data().toString() + ' ' +
                    problems->model()->index(row, DataProblemsModel::Reason).data().toString();
    const QString all = told.join(QLatin1Char('\n'));
    told = told.filter(QRegularExpression(QStringLiteral("^(42|43) ")));
    QVERIFY2(told.size() == 2, qPrintable(all));
    auto* batch = page->findChild<BatchView*>();
    QVERIFY(!batch->strips().isEmpty());
    QString seen;
    for (const auto* strip : batch->strips())
        seen += strip->plainText();
    QVERIFY2(seen.contains(QStringLiteral("### Human:")), qPrintable(seen));
    QVERIFY(!seen.contains(QStringLiteral("leaflet7")));  // an unmapped column is not trained on
    qInfo("Data: 40 rows, refused: line %s; %s", qPrintable(told.join(QStringLiteral("; line "))),
          qPrintable(batch->countsText().remove(QRegularExpression(QStringLiteral("<[^>]*>|&nbsp;")))));
    QTRY_VERIFY_WITH_TIMEOUT(page->mainAction()->isEnabled(), kPatience);
    QTest::keyClick(m_bench.window(), Qt::Key_R, Qt::ControlModifier);  // the dialog has given the keys back
    tuneToTheEnd(1);
    seeABatch();
}

void TestJourneyOfPages::tuneToTheEnd(int runs) {
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.shownPage(), QStringLiteral("tune"), kPatience);
    auto* tune = m_bench.page<TunePage>("tune");
    QTRY_VERIFY_WITH_TIMEOUT(!tune->shownRun().isEmpty() && !m_runs.contains(tune->shownRun()), kPatience);
    m_runs << tune->shownRun();
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.window()->runController()->live().state, engine::RunState::Finished,
                              kPatience);
    QTRY_COMPARE_WITH_TIMEOUT(tune->history().lastStep(), kSteps, kPatience);
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.project()->runs().size(), runs, kPatience);
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.project()->run(m_runs.last())->state, engine::RunState::Finished,
                              kPatience);
    qInfo("Tune: run %s, loss %.3f to %.3f", qPrintable(m_runs.last()), tune->history().steps().front().loss,
          tune->history().steps().back().loss);
}

// From a point of the curves to what its step was trained on.
void TestJourneyOfPages::seeABatch() {
    auto* tune = m_bench.page<TunePage>("tune");
    widgets::CurvePlot* plot = tune->plots()->plot();
    const engine::StepIndex wanted = 3;
    m_bench.activate();
    plot->setFocus();
    QTest::keyClick(plot, Qt::Key_Home);
    while (tune->plots()->cursorStep().value_or(0) < wanted)
        QTest::keyClick(plot, Qt::Key_Right);
    QTest::keyClick(plot, Qt::Key_B);
    auto* dialog = tune->findChild<StepBatchDialog*>();
    QVERIFY(dialog != nullptr && dialog->isVisible());
    for (engine::StepIndex step = wanted; step <= kSteps; ++step) {  // each one is what the step logged
        QTRY_VERIFY_WITH_TIMEOUT(dialog->shown() && dialog->shown()->step == step, kPatience);
        const RunHistory& history = tune->history();
        QCOMPARE(static_cast<double>(dialog->shown()->tokens()),
                 history.tokensAt(step) - history.tokensAt(step - 1));
        QCOMPARE(dialog->warningText(), QString());
        QVERIFY(!dialog->view()->strips().isEmpty());
        if (step == wanted)
            qInfo("Tune: step %lld had %s", static_cast<long long>(step), qPrintable(dialog->factsText()));
        QTest::keyClick(dialog->stepBox(), Qt::Key_Up);
    }
    QTest::keyClick(dialog, Qt::Key_Escape);
    QTRY_VERIFY(tune->findChild<StepBatchDialog*>() == nullptr);
}

void TestJourneyOfPages::d_aSecondRunWithAnotherRate() {
    m_bench.goTo("runs");
    auto* page = m_bench.page<RunsPage>("runs");
    QTRY_COMPARE(page->table()->model()->rowCount(), 1);
    clickRow(page->table(), page->table()->model()->index(0, RunsModel::Name));
    click(buttonIn(page, QStringLiteral("Duplicate")));
    QTRY_COMPARE(m_bench.shownPage(), QStringLiteral("upcycle"));
    QCOMPARE(m_bench.project()->recipe().data.files.size(), 2u);
    m_bench.type("tune.learning_rate", QStringLiteral("0.002"));
    auto* upcycle = m_bench.page<UpcyclePage>("upcycle");
    QTRY_VERIFY_WITH_TIMEOUT(upcycle->panel()->dryButton()->isEnabled(), kPatience);
    click(upcycle->panel()->dryButton());
    QTRY_VERIFY_WITH_TIMEOUT(!upcycle->statusFact().isEmpty(), kPatience);
    qInfo("Upcycle: the settings of the first run, another rate; %s", qPrintable(upcycle->statusFact()));
    click(buttonIn(upcycle, QStringLiteral("Create and go to Data")));
    QTRY_COMPARE_WITH_TIMEOUT(m_bench.shownPage(), QStringLiteral("data"), kPatience);
    auto* data = m_bench.page<DataPage>("data");
    QTRY_VERIFY_WITH_TIMEOUT(data->mainAction()->isEnabled(), kPatience);
    click(buttonIn(data, QStringLiteral("Start tuning")));
    tuneToTheEnd(2);
}

void TestJourneyOfPages::e_runsOverEachOther() {
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

void TestJourneyOfPages::f_notesTagsAndTrash() {
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

void TestJourneyOfPages::g_whereTokensWent() {
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

void TestJourneyOfPages::h_aMeasuredCheckpoint() {
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

void TestJourneyOfPages::i_colorsAndKeys() {
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

void TestJourneyOfPages::j_aNewWindowFindsAll() {
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

QTEST_MAIN(TestJourneyOfPages)
#include "tst_journey_of_pages.moc"

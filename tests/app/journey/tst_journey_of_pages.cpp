// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What the whole journey passes by while runs are made, by mouse and keyboard against the real engine
// process: a model that is refused and why, what fits, presets and undo, a table with columns of other names
// and broken rows, a step's batch, a second run. What is read of runs: tst_journey_of_results.cpp; models of
// elsewhere: tst_journey_of_imports.cpp.
#include <QComboBox>
#include <QLabel>
#include <QTableView>
#include <QTreeView>

#include "tests/app/journey/journey_bench.h"
#include "ui/format/format.h"
#include "ui/pages/data/batch_view.h"
#include "ui/pages/data/data_files_model.h"
#include "ui/pages/data/data_page.h"
#include "ui/pages/data/data_problems_model.h"
#include "ui/pages/data/mapping_dialog.h"
#include "ui/pages/models/model_details.h"
#include "ui/pages/models/models_page.h"
#include "ui/pages/models/token_chips.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/pages/runs/runs_page.h"
#include "ui/pages/tune/step_batch_dialog.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/pages/tune/tune_plots.h"
#include "ui/pages/upcycle/plan_panel.h"
#include "ui/run_history.h"
#include "ui/shell/fit_dialog.h"
#include "widgets/curve_plot.h"
#include "widgets/token_strip.h"

using namespace caravan;
using namespace caravan::ui;
using namespace caravan::test;

namespace {

constexpr int kSteps = 8;

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
    void init() { m_bench.beginStage(); }
    void cleanup() { m_bench.endStage(); }
    void a_whatFitsIsSaid();
    void a_modelsSayWhatTheyAre();
    void b_settingsAreTakenAndUndone();
    void c_oddTables();
    void d_aSecondRunWithAnotherRate();

  private:
    void tuneToTheEnd(int runs);
    void seeABatch();
    JourneyBench m_bench;
    QStringList m_runs;  // first, second
};

void TestJourneyOfPages::initTestCase() {
    if (JourneyBench::engineProgram().isEmpty()) QSKIP("built without an engine; CARAVAN_ENGINE names none");
    m_bench.open();
    QVERIFY(m_bench.engine()->isUsable());
}

// The figures of the engine process itself, for its own device.
void TestJourneyOfPages::a_whatFitsIsSaid() {
    m_bench.chooseFromMenus("help.fits");
    auto* dialog = m_bench.window()->findChild<FitDialog*>();
    QTRY_VERIFY(dialog != nullptr && dialog->isVisible());
    QTRY_VERIFY_WITH_TIMEOUT(dialog->table()->isVisible(), kPatience);
    const QAbstractItemModel* model = dialog->table()->model();
    QVERIFY(model->rowCount() >= 5 && model->columnCount() >= 5);
    // The same that the link gets of the device; larger models need more, column by column.
    const engine::DeviceStatus& device = m_bench.engine()->device();
    QString head;
    for (const QLabel* label : dialog->findChildren<QLabel*>())
        if (label->text().contains(QString::fromStdString(device.name))) head = label->text();
    QVERIFY2(head.contains(memoryText(device.memoryTotal)), qPrintable(head));
    for (int column = 2; column < model->columnCount(); ++column) {
        const auto needs = [&](int row) {
            return model->index(row, column).data().toString().section(kThinSpace, 0, 0).toDouble();
        };
        QVERIFY(needs(0) > 0);
        QVERIFY(needs(model->rowCount() - 1) > needs(0));
    }
    qInfo("What fits: %s; %s", qPrintable(head),
          qPrintable(model->index(0, 2).data(Qt::AccessibleTextRole).toString()));
    QTest::keyClick(dialog, Qt::Key_Escape);
    QTRY_VERIFY(m_bench.window()->findChild<FitDialog*>() == nullptr);
    m_bench.activate();
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
    QTRY_VERIFY2_WITH_TIMEOUT(page->mainAction()->isEnabled(), qPrintable(page->hindrance()), kPatience);
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
    QTRY_VERIFY2_WITH_TIMEOUT(data->mainAction()->isEnabled(), qPrintable(data->hindrance()), kPatience);
    click(buttonIn(data, QStringLiteral("Start tuning")));
    tuneToTheEnd(2);
}

QTEST_MAIN(TestJourneyOfPages)
#include "tst_journey_of_pages.moc"

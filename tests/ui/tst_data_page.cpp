// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QAction>
#include <QComboBox>
#include <QInputDialog>
#include <QLabel>
#include <QProgressBar>
#include <QSignalSpy>

#include "engine/api/config/descriptors.h"
#include "tests/support/data_bench.h"
#include "ui/pages/data/batch_view.h"
#include "ui/pages/data/data_files_model.h"
#include "ui/pages/data/data_mix.h"
#include "ui/pages/data/data_problems_model.h"
#include "ui/pages/data/length_chart.h"
#include "ui/pages/data/length_plot.h"
#include "ui/pages/data/mapping_dialog.h"
#include "widgets/chart_pane.h"
#include "widgets/stack_bar.h"
#include "widgets/token_strip.h"

using namespace caravan;
using namespace caravan::ui;
using test::DataBench;

class TestDataPage : public QObject {
    Q_OBJECT
  public:
    explicit TestDataPage(test::Sandbox&) {}

  private Q_SLOTS:
    void modelsKeepTheContract() {
        DataFilesModel files;
        QAbstractItemModelTester filesTester(&files);
        engine::Recipe::Data data;
        data.files = {{"a.jsonl", "", 1}, {"b.jsonl", "code", 2}};
        files.setFiles(data);
        data.heldout = {{"c.jsonl", "", 1}};
        files.setFiles(data);
        files.setReports(test::dataPreview(nlohmann::json{{"data",
                                                           {{"files", {{{"path", "a.jsonl"}}}},
                                                            {"heldout", nlohmann::json::array()}}}})
                             .files);
        QCOMPARE(files.rowCount(), 3);
        DataProblemsModel problems;
        QAbstractItemModelTester problemsTester(&problems);
        problems.setProblems({{"a", 1, "x"}});
        problems.setProblems({});
    }
    void readingTellsHowFarItIsAndHowLongItTakes() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.engine.hold("preview");
        bench.chooseModel();
        QFile file(bench.folder.filePath(QStringLiteral("big.jsonl")));
        QVERIFY(file.open(QIODevice::WriteOnly));
        QVERIFY(bench.page->takeDrop({file.fileName()}));
        QTRY_COMPARE(bench.engine.count("preview"), 1);
        const quint64 request = bench.engine.last("preview")->id;
        bench.engine.tellProgress(request, {"reading big.jsonl", 0, 400'000'000});
        QVERIFY2(bench.page->hindrance().startsWith(QStringLiteral("Reading big.jsonl, 0")),
                 qPrintable(bench.page->hindrance()));
        auto* bar = bench.page->findChild<QProgressBar*>();
        QTest::qWait(2100);
        bench.engine.tellProgress(request, {"reading big.jsonl", 40'000'000, 400'000'000});
        QCOMPARE(bar->value() * 10, bar->maximum());
        const QString said = bench.page->hindrance();
        QVERIFY2(said.contains(QStringLiteral("40")) && said.contains(QStringLiteral("400")) &&
                     said.endsWith(QStringLiteral("left")),
                 qPrintable(said));
        bench.engine.finish(request,
                            nlohmann::json(test::dataPreview(bench.engine.last("preview")->body["recipe"])));
        QTRY_VERIFY(!bar->isVisible());
        QVERIFY(!bench.page->hindrance().contains(QStringLiteral("left")));
    }
    void theEmptyPageSaysWhatToDo() {
        DataBench bench;
        QVERIFY(bench.button(QStringLiteral("Add files…"))->isVisible());
        QVERIFY(!bench.page->mainAction()->isEnabled());
        QCOMPARE(bench.engine.count("preview"), 0);
    }
    void droppedFilesAreRecognizedAndPreviewed() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.chooseModel();
        for (const char* name : {"math.train.jsonl", "code.train.jsonl", "math.heldout.jsonl"}) {
            QFile file(bench.folder.filePath(QString::fromLatin1(name)));
            QVERIFY(file.open(QIODevice::WriteOnly));
        }
        QVERIFY(!bench.page->takeDrop({bench.folder.path()}));  // a folder is no data file
        QVERIFY(bench.page->takeDrop({bench.folder.filePath("math.train.jsonl"),
                                      bench.folder.filePath("code.train.jsonl"),
                                      bench.folder.filePath("math.heldout.jsonl")}));
        QCOMPARE(bench.project->recipe().data.files.size(), 2u);
        QCOMPARE(bench.project->recipe().data.heldout.size(), 1u);
        QTRY_VERIFY_WITH_TIMEOUT(bench.page->hindrance().isEmpty(), 5000);
        auto* table = bench.table();
        QCOMPARE(table->model()->rowCount(), 3);
        QCOMPARE(table->model()->index(0, DataFilesModel::Rows).data().toString(), QStringLiteral("600"));
        QCOMPARE(table->model()->index(1, DataFilesModel::Rejected).data().toString(), QStringLiteral("3"));
        QCOMPARE(table->model()->index(2, DataFilesModel::Use).data().toString(), QStringLiteral("Held out"));
        const auto bars = bench.page->findChildren<widgets::StackBar*>();
        QCOMPARE(bars.at(0)->parts().size(), 2);
        QCOMPARE(bars.at(0)->parts().at(0).value, 600.0);
        QCOMPARE(bars.at(1)->parts().at(0).value, 60000.0);
        auto* batch = bench.page->findChild<BatchView*>();
        QCOMPARE(batch->strips().size(), 2);
        QCOMPARE(batch->strips().at(0)->count(), 7);
        QVERIFY(batch->countsText().contains(QStringLiteral("trained")));
        test::picture(*bench.page, QStringLiteral("data"));
    }
    void editsAreUndoableAndAskForANewPreview() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.chooseModel();
        bench.page->addFiles({QStringLiteral("/d/math.jsonl"), QStringLiteral("/d/code.jsonl")}, false);
        QTRY_VERIFY_WITH_TIMEOUT(bench.page->hindrance().isEmpty(), 5000);
        const int before = bench.engine.count("preview");
        auto* model = bench.table()->model();
        QVERIFY(model->setData(model->index(0, DataFilesModel::Weight), 3.0));
        QCOMPARE(bench.project->recipe().data.files[0].weight, 3.0);
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("preview"), before + 1, 5000);
        QVERIFY(model->setData(model->index(1, DataFilesModel::Use), true));
        QCOMPARE(bench.project->recipe().data.heldout.size(), 1u);
        bench.project->undoStack()->undo();
        QCOMPARE(bench.project->recipe().data.heldout.size(), 0u);
        bench.project->undoStack()->undo();
        QCOMPARE(bench.project->recipe().data.files[0].weight, 1.0);
        QVERIFY(!model->setData(model->index(0, DataFilesModel::Weight), -1.0));
    }
    // More domains than can be told apart: the largest keep their order, the others are one.
    void manyDomainsAreToldTogether() {
        std::vector<DomainShare> many;
        for (const double rows : {3, 9, 1, 8, 2, 7, 6, 5, 4})
            many.push_back({QString::number(rows), rows, 10 * rows});
        const auto told = largestOf(many);
        QCOMPARE(told.size(), kMostDomains);
        QStringList names;
        for (const DomainShare& share : told)
            names << share.name;
        QCOMPARE(names.join(' '), QStringLiteral("9 8 7 6 5 others"));
        QCOMPARE(told.back().rows, 1.0 + 2 + 3 + 4);
        QCOMPARE(told.back().tokens, 100.0);
        const std::vector<DomainShare> equal(9, DomainShare{QStringLiteral("a"), 1, 1});
        QCOMPARE(largestOf(equal).size(), kMostDomains);
        QCOMPARE(largestOf(equal).back().rows, 4.0);
        many.resize(kMostDomains);
        QCOMPARE(largestOf(many).size(), kMostDomains);
        QCOMPARE(largestOf(many).back().name, QStringLiteral("7"));
    }
    void theCutIsASetting() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.chooseModel();
        bench.page->addFiles({QStringLiteral("/d/math.jsonl")}, false);
        QTRY_VERIFY_WITH_TIMEOUT(bench.page->hindrance().isEmpty(), 5000);
        Q_EMIT bench.page->findChild<LengthPlot*>()->cutChanged(128);
        QCOMPARE(bench.project->recipe().tune.sequenceLength, std::optional<std::int64_t>(128));
        // The palette finds it, and the template.
        bench.page->activateWindow();
        QTRY_VERIFY(bench.page->isActiveWindow());
        const QVector<FoundItem> items = bench.page->found();
        QCOMPARE(items.size(), 2);
        for (const char* name : {"template", "cut"}) {
            bench.page->openLink({{QStringLiteral("setting"), QLatin1String(name)}});
            const QWidget* focus = QApplication::focusWidget();
            QVERIFY2(focus != nullptr &&
                         (QLatin1String(name) == QLatin1String("cut")) == focus->inherits("QAbstractSpinBox"),
                     name);
        }
    }
    void rowLengthsAreATable() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.chooseModel();
        bench.page->addFiles({QStringLiteral("/d/math.jsonl")}, false);
        QTRY_VERIFY_WITH_TIMEOUT(bench.page->hindrance().isEmpty(), 5000);
        auto* lengths = bench.page->findChild<LengthPlot*>();
        auto* chart = bench.page->findChild<LengthChart*>();
        const engine::DataPreview told = test::dataPreview(engine::recipeToJson(bench.project->recipe()));
        QCOMPARE(chart->gridColumns(), 1);
        QCOMPARE(chart->gridColumnName(0), QStringLiteral("math"));
        QCOMPARE(chart->gridRows(), static_cast<int>(told.files[0].lengths.size()));
        QVERIFY(chart->gridRows() > 1);
        for (int bin = 0; bin < chart->gridRows(); ++bin)
            QCOMPARE(chart->gridValue(bin, 0).toDouble(),
                     static_cast<double>(told.files[0].lengths[static_cast<std::size_t>(bin)]));
        QCOMPARE(chart->gridRowName(1),
                 QStringLiteral("%1 to %2 tokens").arg(told.binWidth).arg(2 * told.binWidth - 1));
        chart->setFocus();
        QTest::keyClick(chart, Qt::Key_Home);
        QTest::keyClick(chart, Qt::Key_Right);
        QTest::keyClick(chart, Qt::Key_Down);  // one domain: it stays
        QCOMPARE(chart->gridCurrent(), QPoint(0, 1));
        QVERIFY(!chart->gridRect(1, 0).isEmpty());
        QTest::keyClick(chart, Qt::Key_End);
        QTest::keyClick(chart, Qt::Key_Right);
        QCOMPARE(chart->gridCurrent(), QPoint(0, chart->gridRows() - 1));
        QTest::keyClick(chart, Qt::Key_T, Qt::ControlModifier);
        QTRY_VERIFY(lengths->pane()->isTableShown());
        QCOMPARE(lengths->pane()->tableView()->model()->rowCount(), chart->gridRows());
        for (const QLabel* label : lengths->findChildren<QLabel*>())
            QVERIFY(!label->isVisible());  // the words of the cut line do not lie over the table
    }
    void columnsSplitTemplateAndLongRowsAreSettings() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.chooseModel();
        bench.page->addFiles({QStringLiteral("/d/math.csv")}, false);
        QTRY_VERIFY_WITH_TIMEOUT(bench.page->hindrance().isEmpty(), 5000);
        bench.actions.find(QStringLiteral("data.mapping"))->trigger();
        auto* mapping = bench.page->findChild<MappingDialog*>();
        QVERIFY(mapping != nullptr);
        mapping->formatBox()->setCurrentIndex(
            mapping->formatBox()->findData(static_cast<int>(engine::FileFormat::Csv)));
        mapping->shapeBox()->setCurrentIndex(
            mapping->shapeBox()->findData(static_cast<int>(engine::RowShape::Alpaca)));
        QVERIFY(mapping->columnBox(QStringLiteral("messages"))->isHidden());
        mapping->columnBox(QStringLiteral("prompt"))->setCurrentText(QStringLiteral("question"));
        mapping->accept();
        const auto columns = [&] { return bench.project->recipe().data.files[0].columns; };
        QCOMPARE(columns().prompt, std::string("question"));
        QVERIFY(columns().format == engine::FileFormat::Csv && columns().shape == engine::RowShape::Alpaca);
        bench.project->undoStack()->undo();
        QVERIFY(columns().isAutomatic());

        bench.actions.find(QStringLiteral("data.split"))->trigger();
        auto* split = bench.page->findChild<QInputDialog*>();
        QVERIFY(split != nullptr);
        split->setDoubleValue(5);
        split->accept();
        QCOMPARE(bench.project->recipe().data.heldoutFraction, 0.05);

        Q_EMIT bench.page->findChild<LengthPlot*>()->longRowsChosen(engine::LongRows::Drop);
        QVERIFY(bench.project->recipe().data.longRows == engine::LongRows::Drop);

        for (QComboBox* box : bench.page->findChildren<QComboBox*>())
            if (const int chatml = box->findData(QStringLiteral("chatml")); chatml >= 0) {
                box->setCurrentIndex(chatml);
                Q_EMIT box->activated(chatml);
            }
        QCOMPARE(bench.project->recipe().data.templateName, std::string("chatml"));
    }
    void startMakesARunAndStartsIt() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.chooseModel();
        bench.page->addFiles({QStringLiteral("/d/math.jsonl")}, false);
        QTRY_VERIFY_WITH_TIMEOUT(bench.page->mainAction()->isEnabled(), 5000);
        QSignalSpy link(bench.page.get(), &Page::linkActivated);
        QTest::mouseClick(bench.button(QStringLiteral("Start tuning")), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(link.count(), 1, 5000);
        QCOMPARE(link.at(0).at(0).toString(), QStringLiteral("tune"));
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("run.start"), 1, 5000);
    }
    // Before anything else happens: the list of runs is not read once more in between.
    void aRunThatWasJustMadeIsTheOneThatStarts() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.chooseModel();
        bench.page->addFiles({QStringLiteral("/d/math.jsonl")}, false);
        QTRY_VERIFY_WITH_TIMEOUT(bench.page->mainAction()->isEnabled(), 5000);
        QString made;
        bench.project->createRun(bench.page.get(), [&](const engine::Result<QString>& id) {
            made = id.value_or(QString());
            bench.page->mainAction()->trigger();
        });
        QTRY_COMPARE_WITH_TIMEOUT(bench.engine.count("run.start"), 1, 5000);
        const auto started = bench.engine.last("run.start")->body["run"].get<std::string>();
        QCOMPARE(QString::fromStdString(started).section(QLatin1Char('/'), -1), made);
        QCOMPARE(bench.project->runs().size(), 1);
    }
    void anEngineErrorIsSaidAndNothingIsLost() {
        DataBench bench;
        QTRY_VERIFY(bench.project->isOpen());
        bench.engine.answer("preview", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
            return engine::fail(engine::ErrorCode::FileMissing, {{"file", "/d/math.jsonl"}});
        });
        bench.chooseModel();
        bench.page->addFiles({QStringLiteral("/d/math.jsonl")}, false);
        QTRY_VERIFY_WITH_TIMEOUT(bench.page->hindrance().contains(QStringLiteral("/d/math.jsonl")), 5000);
        QVERIFY(!bench.page->mainAction()->isEnabled());
        QCOMPARE(bench.project->recipe().data.files.size(), 1u);
    }
};

CARAVAN_UI_TEST_MAIN(TestDataPage)
#include "tst_data_page.moc"

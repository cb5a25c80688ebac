// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QPushButton>
#include <QSpinBox>
#include <QTreeView>
#include <QtTest>

#include "tests/support/window_fixture.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/run_controller.h"
#include "ui/models/model_tree.h"
#include "ui/pages/models/card_need.h"
#include "ui/pages/models/import_dialog.h"
#include "ui/pages/models/model_details.h"
#include "ui/pages/models/models_page.h"
#include "ui/pages/models/token_chips.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/project_context.h"

using namespace caravan;
using namespace caravan::ui;

class TestModelsPage : public QObject {
    Q_OBJECT
  public:
    explicit TestModelsPage(test::Sandbox& sandbox) : m_sandbox(sandbox) {}
  private Q_SLOTS:
    void init();
    void cleanup();
    void treeKeepsTheRulesOfModels();
    void foldersAreGroupedByWhatTheyAre();
    void aDroppedFolderIsInspectedAndSelected();
    void theReasonIsSaid();
    void aBrokenFolderSaysFileAndPlace();
    void theTokenizerCanBeTried();
    void theFilterNarrows();
    void enterGoesToUpcycle();
    void modelsAreStillThereWhenTheProjectOpensAgain();
    void aHiddenPageDoesNotWork();
    void whatTheWeightsNeedIsSaid();
    void aMixtureIsImported();
    void aRunOfTheReleasedCodeNeedsItsBase();
    void whatCannotBeImportedSaysWhy();
    void anImportIsCancelled();

  private:
    void open();
    ImportDialog* openImport();
    [[nodiscard]] QStringList headings() const;
    test::Sandbox& m_sandbox;
    int m_round = 0;
    QString m_projectFolder;
    std::unique_ptr<FakeEngineLink> m_engine;
    std::unique_ptr<ActionRegistry> m_actions;
    std::unique_ptr<RunController> m_runs;
    std::unique_ptr<ProjectContext> m_project;
    std::unique_ptr<ModelsPage> m_page;
};

void TestModelsPage::init() {
    m_engine = std::make_unique<FakeEngineLink>();
    test::answerModels(*m_engine);
    m_engine->start();
    m_actions = std::make_unique<ActionRegistry>();
    m_runs = std::make_unique<RunController>(m_engine.get());
    m_page.reset(
        static_cast<ModelsPage*>(makeModelsPage({m_engine.get(), m_runs.get(), m_actions.get()}, nullptr)));
    m_page->resize(1300, 800);
    m_actions->setActivePage(QStringLiteral("models"));
    m_projectFolder = m_sandbox.path(QStringLiteral("project%1").arg(++m_round));
    open();
    m_page->show();
    m_page->setActive(true);
}

void TestModelsPage::open() {
    m_project = std::make_unique<ProjectContext>(m_projectFolder, m_engine.get(), m_runs.get());
    m_page->setProject(m_project.get());
    QTRY_VERIFY(m_project->isOpen());
}

void TestModelsPage::cleanup() {
    m_page->setProject(nullptr);
    m_project.reset();
    m_page.reset();
    m_runs.reset();
    m_actions.reset();
    m_engine.reset();
}

QStringList TestModelsPage::headings() const {
    const auto* view = m_page->findChild<QTreeView*>();
    QStringList result;
    for (int i = 0; i < view->model()->rowCount(); ++i)
        result << view->model()->index(i, 0).data().toString();
    return result;
}

void TestModelsPage::treeKeepsTheRulesOfModels() {
    ModelTree tree;
    QAbstractItemModelTester tester(&tree, QAbstractItemModelTester::FailureReportingMode::QtTest);
    ModelEntry reading{.path = "/a/one", .name = "one"};
    ModelEntry dense{.path = "/a/two",
                     .name = "two",
                     .status = ModelEntry::Status::Ready,
                     .inspection = test::denseModel("/a/two")};
    ModelEntry mixture{.path = "/a/moe",
                       .name = "moe",
                       .status = ModelEntry::Status::Ready,
                       .inspection = test::mixtureModel("/a/moe")};
    ModelEntry broken{.path = "/a/x",
                      .name = "x",
                      .status = ModelEntry::Status::Refused,
                      .error = engine::Error{engine::ErrorCode::FileMissing, {{"file", "/a/x/config.json"}}}};
    tree.setModels({reading, dense, mixture, broken});
    QCOMPARE(tree.rowCount(), 3);
    QCOMPARE(tree.modelCount(), 4);
    QCOMPARE(tree.indexOf("/a/moe").siblingAtColumn(ModelTree::Type).data().toString(),
             QStringLiteral("PESC 8 × 2"));
    QCOMPARE(
        tree.indexOf("/a/two").siblingAtColumn(ModelTree::Parameters).data(ModelTree::SortRole).toLongLong(),
        15'700'000LL);
    tree.setFilter("moe");
    QCOMPARE(tree.modelCount(), 1);
    tree.setModels({});
    QCOMPARE(tree.rowCount(), 0);
}

void TestModelsPage::foldersAreGroupedByWhatTheyAre() {
    for (const char* name : {"llama", "camel-moe", "thing-awq", "broken"})
        m_project->addModelFolder(m_sandbox.makeFolder(name));
    QTRY_COMPARE(headings().size(), 3);
    QCOMPARE(headings(),
             QStringList({"Dense, can be upcycled", "Mixtures of experts", "Cannot be used yet"}));
    test::picture(*m_page, "models");
}

void TestModelsPage::aDroppedFolderIsInspectedAndSelected() {
    const QString folder = m_sandbox.makeFolder("dropped");
    QVERIFY(m_page->takeDrop({folder}));
    QTRY_COMPARE(m_page->selectedPath(), folder);
    QTRY_VERIFY(m_actions->find("model.upcycle")->isEnabled());
    QCOMPARE(QString::fromStdString(m_engine->last("inspect")->body.at("path").get<std::string>()), folder);
    QVERIFY(!m_page->takeDrop({m_sandbox.path("notes.txt")}));
}

void TestModelsPage::theReasonIsSaid() {
    QVERIFY(m_page->takeDrop({m_sandbox.makeFolder("some-awq")}));
    auto* details = m_page->findChild<ModelDetails*>();
    QTRY_COMPARE(details->verdict()->title(), QStringLiteral("Cannot be upcycled"));
    QVERIFY(details->verdict()->texts().first().contains("AWQ"));
    QVERIFY(!m_actions->find("model.upcycle")->isEnabled());
    QVERIFY(m_actions->find("model.upcycle")->toolTip().contains("AWQ"));
    // With other colors its words stand at once, not after an empty frame.
    QEvent colors(QEvent::PaletteChange);
    QCoreApplication::sendEvent(details->verdict(), &colors);
    qsizetype lines = 0;
    for (const QLabel* label :
         details->verdict()->findChildren<QLabel*>(QString(), Qt::FindDirectChildrenOnly))
        if (!label->text().isEmpty() && label->isVisible() && label->height() > 8 &&
            details->verdict()->rect().contains(label->geometry()))
            ++lines;
    QCOMPARE(lines, 1 + details->verdict()->texts().size());
}

void TestModelsPage::aBrokenFolderSaysFileAndPlace() {
    QVERIFY(m_page->takeDrop({m_sandbox.makeFolder("broken-one")}));
    auto* details = m_page->findChild<ModelDetails*>();
    QTRY_COMPARE(details->verdict()->tone(), VerdictBox::Tone::Bad);
    const QString all = details->verdict()->title() + details->verdict()->texts().join(' ');
    QVERIFY2(all.contains("config.json") && all.contains("byte 7"), qPrintable(all));
}

void TestModelsPage::theTokenizerCanBeTried() {
    QVERIFY(m_page->takeDrop({m_sandbox.makeFolder("words")}));
    auto* details = m_page->findChild<ModelDetails*>();
    QTRY_COMPARE(details->chips()->pieces().size(), 5);
    QTest::keyClick(details->tryText(), Qt::Key_A, Qt::ControlModifier);
    QTest::keyClicks(details->tryText(), "two words");
    QTRY_COMPARE(details->chips()->pieces(), QStringList({"▁two", "▁words"}));
}

void TestModelsPage::theFilterNarrows() {
    for (const char* name : {"alpha", "beta"})
        m_project->addModelFolder(m_sandbox.makeFolder(name));
    auto* filter = m_page->findChild<QLineEdit*>();
    QTest::keyClicks(filter, "alph");
    auto* tree = m_page->findChild<ModelTree*>();
    QTRY_COMPARE(tree->modelCount(), 1);
    filter->clear();
    QVERIFY(tree->modelCount() >= 2);
}

void TestModelsPage::enterGoesToUpcycle() {
    QVERIFY(m_page->takeDrop({m_sandbox.makeFolder("go")}));
    QTRY_VERIFY(m_actions->find("model.upcycle")->isEnabled());
    QSignalSpy links(m_page.get(), &Page::linkActivated);
    QTest::keyClick(m_page->findChild<QTreeView*>(), Qt::Key_Return);
    QCOMPARE(links.count(), 1);
    QCOMPARE(links.first().at(0).toString(), QStringLiteral("upcycle"));
    QCOMPARE(links.first().at(1).toMap().value("model").toString(), m_sandbox.path("go"));
}

void TestModelsPage::modelsAreStillThereWhenTheProjectOpensAgain() {
    const QString folder = m_sandbox.makeFolder("kept");
    QVERIFY(m_page->takeDrop({folder}));
    QTRY_VERIFY(m_actions->find("model.upcycle")->isEnabled());
    m_page->setProject(nullptr);
    m_project.reset();
    m_engine->hold("inspect");  // what is shown now comes from the project
    open();
    QTRY_VERIFY(m_project->model(folder));
    QCOMPARE(m_project->model(folder)->status, ModelEntry::Status::Ready);
}

void TestModelsPage::aHiddenPageDoesNotWork() {
    auto* tree = m_page->findChild<ModelTree*>();
    const int before = tree->modelCount();
    m_page->setActive(false);
    m_project->addModelFolder(m_sandbox.makeFolder("later"));
    QTest::qWait(50);
    QCOMPARE(tree->modelCount(), before);
    m_page->setActive(true);
    QCOMPARE(tree->modelCount(), before + 1);
}

void TestModelsPage::whatTheWeightsNeedIsSaid() {
    m_engine->answer("plan", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
        const bool nf4 = body.at("recipe").at("model").at("quantization") == "nf4";
        engine::RunPlan plan;
        plan.memory = {{"base_weights", (nf4 ? 3LL : 12LL) << 30},
                       {"embeddings", 1LL << 29},
                       {"activations", 40LL << 30}};  // of tuning: does not count here
        return nlohmann::json{{"plan", plan}, {"problems", nlohmann::json::array()}};
    });
    m_engine->tellDevice({"NVIDIA A2000", true, 0, 2LL << 30, -1, ""});
    const QString dense = m_sandbox.makeFolder("fits"), mixture = m_sandbox.makeFolder("some-moe");
    m_page->takeDrop({dense});
    auto* need = m_page->findChild<CardNeed*>();
    QTRY_VERIFY(need->isVisible());
    QVERIFY2(need->text().contains("3.50") && need->text().contains("12.50"), qPrintable(need->text()));
    QVERIFY2(need->text().contains("only"), qPrintable(need->text()));  // more than the card has
    QTRY_COMPARE(need->width(), need->parentWidget()->width());  // no run uses it: nothing stands beside it
    m_page->takeDrop({mixture});
    QTRY_VERIFY(!need->isVisible());
}

ImportDialog* TestModelsPage::openImport() {
    m_engine->answer("inspect", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
        const QString path = QString::fromStdString(body.at("path").get<std::string>());
        if (path.endsWith("dense")) return nlohmann::json(test::denseModel(path));
        if (path.endsWith("moe")) return nlohmann::json(test::mixtureModel(path));
        if (!path.contains("checkpoint"))
            return engine::fail(engine::ErrorCode::FileMissing, {{"file", path.toStdString()}});
        engine::ModelInspection run;
        run.kind = "reference_run";
        run.bytes = 2'000'000;
        if (path.endsWith("named")) run.base = "/models/llama";
        return nlohmann::json(run);
    });
    m_actions->find("model.import")->trigger();
    auto* dialog = m_page->findChild<ImportDialog*>();
    Q_ASSERT(dialog != nullptr);
    return dialog;
}

void TestModelsPage::aMixtureIsImported() {
    m_engine->answer("export", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
        return nlohmann::json(engine::ExportOutcome{0.0, 3'100'000});
    });
    ImportDialog* dialog = openImport();
    QVERIFY(dialog->isVisible() && !dialog->importButton()->isEnabled());
    QTest::keyClicks(dialog->sourceEdit(), "/elsewhere/camel-moe");
    QTRY_VERIFY(dialog->importButton()->isEnabled());
    QVERIFY(!dialog->baseBox()->isVisible() && !dialog->topKBox()->isVisible());
    const QString copy = m_projectFolder + "/models/camel-moe";
    QCOMPARE(dialog->targetEdit()->text(), copy);
    test::picture(*dialog, "import");
    QTest::mouseClick(dialog->importButton(), Qt::LeftButton);
    QTRY_COMPARE(dialog->verdict()->tone(), VerdictBox::Tone::Good);
    const nlohmann::json& asked = m_engine->last("export")->body;
    QCOMPARE(asked.at("source").at("path"), "/elsewhere/camel-moe");
    QVERIFY(asked.at("source").at("base").is_null() && !asked.at("source").contains("top_k"));
    QCOMPARE(QString::fromStdString(asked.at("folder").get<std::string>()), copy);
    QVERIFY(m_project->model(copy) != nullptr);
    QTRY_COMPARE(m_page->selectedPath(), copy);
    QVERIFY(dialog->verdict()->texts().join(' ').contains("difference to the source 0"));
    QVERIFY(!dialog->importButton()->isVisible());  // done; a second one starts anew
    QTest::mouseClick(dialog->cancelButton(), Qt::LeftButton);
    QTRY_VERIFY(m_page->findChild<ImportDialog*>() == nullptr);
}

void TestModelsPage::aRunOfTheReleasedCodeNeedsItsBase() {
    m_project->addModelFolder(m_sandbox.makeFolder("a-dense"));
    QTRY_VERIFY(m_project->model(m_sandbox.path("a-dense"))->status == ModelEntry::Status::Ready);
    ImportDialog* dialog = openImport();
    dialog->setSource("/runs/checkpoint-90");
    QTRY_VERIFY(dialog->baseBox()->isVisible() && dialog->scalingBox()->isVisible());
    QVERIFY(!dialog->importButton()->isEnabled());
    QVERIFY2(dialog->importButton()->toolTip().contains("base"),
             qPrintable(dialog->importButton()->toolTip()));
    QStringList bases;
    for (int i = 0; i < dialog->baseBox()->count(); ++i)
        bases << dialog->baseBox()->itemText(i);
    QVERIFY2(bases.contains(m_sandbox.path("a-dense")), qPrintable(bases.join(' ')));  // one of the project's
    dialog->baseBox()->setCurrentText(m_sandbox.path("a-dense"));
    dialog->topKBox()->setValue(3);
    dialog->scalingBox()->setValue(0.5);
    QTRY_VERIFY(dialog->importButton()->isEnabled());
    test::picture(*dialog, "import-run");
    QTest::mouseClick(dialog->importButton(), Qt::LeftButton);
    const nlohmann::json source = m_engine->last("export")->body.at("source");
    QCOMPARE(QString::fromStdString(source.at("base").get<std::string>()), m_sandbox.path("a-dense"));
    QCOMPARE(source.at("top_k"), 3);
    QCOMPARE(source.at("scaling"), 0.5);
    dialog->reject();
    m_engine->finish(m_engine->last("export")->id,
                     engine::fail(engine::ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}}));
    dialog->setSource("/runs/checkpoint-named");  // its LoRA names one
    dialog->baseBox()->setCurrentText({});
    QTRY_VERIFY(dialog->importButton()->isEnabled());
}

void TestModelsPage::whatCannotBeImportedSaysWhy() {
    ImportDialog* dialog = openImport();
    const auto said = [&] {
        QStringList all;
        for (const auto* label : dialog->findChildren<QLabel*>())
            if (label->isVisible()) all << label->text();
        return all.join(' ') + dialog->importButton()->toolTip();
    };
    dialog->setSource("/elsewhere/dense");
    QTRY_VERIFY(said().contains("dense model"));
    QVERIFY(!dialog->importButton()->isEnabled());
    dialog->setSource("/elsewhere/nothing");
    QTRY_VERIFY(said().contains("missing") && said().contains("/elsewhere/nothing"));
    QVERIFY(!dialog->importButton()->isEnabled());
    // What the engine finds later: what, where, why, what to do; then again with other settings.
    m_engine->answer("export", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
        return engine::fail(
            engine::ErrorCode::FileBad,
            {{"file", "/r/moe_model.bin"}, {"place", "byte 12"}, {"detail", "it would run os system"}});
    });
    dialog->setSource("/elsewhere/moe");
    QTRY_VERIFY(dialog->importButton()->isEnabled());
    QTest::mouseClick(dialog->importButton(), Qt::LeftButton);
    QTRY_COMPARE(dialog->verdict()->tone(), VerdictBox::Tone::Bad);
    const QString words = dialog->verdict()->title() + dialog->verdict()->texts().join(' ');
    for (const char* part : {"damaged", "moe_model.bin", "byte 12", "os system", "again"})
        QVERIFY2(words.contains(part), qPrintable(words));
    QVERIFY(dialog->importButton()->isEnabled());
    m_engine->answer("export", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
        return engine::fail(engine::ErrorCode::BadOption,
                            {{"key", "--top-k"}, {"value", "9"}, {"range", "1 to 8"}});
    });
    QTest::mouseClick(dialog->importButton(), Qt::LeftButton);
    QTRY_VERIFY(dialog->verdict()->title().startsWith("Experts per token cannot be 9"));
    QVERIFY(m_project->model(dialog->targetEdit()->text()) == nullptr);
}

void TestModelsPage::anImportIsCancelled() {
    m_engine->hold("export");
    ImportDialog* dialog = openImport();
    dialog->setSource("/elsewhere/moe");
    QTRY_VERIFY(dialog->importButton()->isEnabled());
    QTest::mouseClick(dialog->importButton(), Qt::LeftButton);
    const quint64 id = m_engine->last("export")->id;
    QVERIFY(dialog->isWorking() && !dialog->importButton()->isEnabled());
    m_engine->tellProgress(id, {"writing weights", 3, 40});
    QCOMPARE(dialog->progressWords(), QStringLiteral("writing weights, 3 of 40"));
    QTest::keyClick(dialog, Qt::Key_Escape);
    QVERIFY(dialog->isVisible());  // until the engine has stopped
    QCOMPARE(m_engine->last("cancel")->body.at("id").get<quint64>(), id);
    m_engine->finish(id, engine::fail(engine::ErrorCode::Interrupted, {{"run", ""}, {"step", "0"}}));
    QVERIFY(dialog->verdict()->title().contains("nothing was written"));
    QVERIFY(dialog->importButton()->isEnabled());
    // An engine that dies is no end of the dialog either.
    QTest::mouseClick(dialog->importButton(), Qt::LeftButton);
    m_engine->die("signal 9");
    QCOMPARE(dialog->verdict()->tone(), VerdictBox::Tone::Bad);
    QVERIFY(!dialog->importButton()->isEnabled() && !dialog->isWorking());
    m_engine->start();
    QVERIFY(dialog->importButton()->isEnabled());
    QTest::keyClick(dialog, Qt::Key_Escape);
    QTRY_VERIFY(m_page->findChild<ImportDialog*>() == nullptr);
}

CARAVAN_UI_TEST_MAIN(TestModelsPage)
#include "tst_models_page.moc"

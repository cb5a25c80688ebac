// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractSpinBox>
#include <QClipboard>
#include <QLineEdit>
#include <QPushButton>
#include <QtTest>

#include "tests/support/window_fixture.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/run_controller.h"
#include "ui/forms/field_editor.h"
#include "ui/forms/number_field.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/pages/upcycle/command_line.h"
#include "ui/pages/upcycle/method_card.h"
#include "ui/pages/upcycle/plan_panel.h"
#include "ui/pages/upcycle/presets.h"
#include "ui/pages/upcycle/upcycle_form.h"
#include "ui/pages/upcycle/upcycle_page.h"
#include "ui/project_context.h"
#include "widgets/layer_strip.h"
#include "widgets/message_bar.h"

using namespace caravan;
using namespace caravan::ui;

class TestUpcyclePage : public QObject {
    Q_OBJECT
  public:
    explicit TestUpcyclePage(test::Sandbox& sandbox) : m_sandbox(sandbox) {}
  private Q_SLOTS:
    void init();
    void cleanup();
    void everySettingHasAnEditor();
    void typingChangesTheRecipeAndThePlan();
    void badNumbersStayWithASentence();
    void undoAndRedoEveryEdit();
    void topKBeyondExpertsIsNamedWithANeighbour();
    void denseQloraHidesTheExperts();
    void layersAreToggledByMouseAndKeys();
    void proofAndDryStepGoStale();
    void aDryStepWaitsForData();
    void aPlanThatDoesNotFitOffersRemedies();
    void createWritesARunWithoutWeights();
    void commandLineSaysWhatDiffers();
    void everySettingIsUndone();
    void presetsKeepSettingsWithoutModelAndData();
    void aBrokenPresetChangesNothing();

  private:
    [[nodiscard]] NumberField* number(const char* key) const {
        return qobject_cast<NumberField*>(m_page->form()->editor(key)->control());
    }
    void type(const char* key, const QString& text) {
        NumberField* field = number(key);
        field->setFocus();
        field->selectAll();
        QTest::keyClicks(field->edit(), text);
    }
    void chooseData() {
        engine::Recipe recipe = m_project->recipe();
        recipe.data.files.push_back({.path = "rows.jsonl"});
        m_project->setRecipe(recipe, "Data");
    }
    test::Sandbox& m_sandbox;
    int m_round = 0;
    std::unique_ptr<FakeEngineLink> m_engine;
    std::unique_ptr<ActionRegistry> m_actions;
    std::unique_ptr<RunController> m_runs;
    std::unique_ptr<ProjectContext> m_project;
    std::unique_ptr<UpcyclePage> m_page;
};

void TestUpcyclePage::init() {
    m_engine = std::make_unique<FakeEngineLink>();
    test::answerModels(*m_engine);
    test::answerPlans(*m_engine);
    m_engine->start();
    m_engine->tellDevice({"CPU, 2 cores", false, std::int64_t(1) << 30, std::int64_t(16) << 30, -1, ""});
    m_actions = std::make_unique<ActionRegistry>();
    m_runs = std::make_unique<RunController>(m_engine.get());
    m_page.reset(
        static_cast<UpcyclePage*>(makeUpcyclePage({m_engine.get(), m_runs.get(), m_actions.get()}, nullptr)));
    m_page->resize(1360, 860);
    m_actions->setActivePage(QStringLiteral("upcycle"));
    m_project = std::make_unique<ProjectContext>(m_sandbox.path(QStringLiteral("up%1").arg(++m_round)),
                                                 m_engine.get(), m_runs.get());
    m_page->setProject(m_project.get());
    QTRY_VERIFY(m_project->isOpen());
    const QString base = m_sandbox.makeFolder("base");
    m_project->addModelFolder(base);
    QVERIFY(m_project->setField("model.path", base.toStdString(), "Base model"));
    QTRY_VERIFY(m_project->baseModel() && m_project->baseModel()->status == ModelEntry::Status::Ready);
    m_page->show();
    m_page->setActive(true);
    QTRY_VERIFY(!m_page->panel()->memoryTotalText().isEmpty());
    m_project->undoStack()->clear();
}

void TestUpcyclePage::cleanup() {
    m_page->setProject(nullptr);
    m_project.reset();
    m_page.reset();
    m_runs.reset();
    m_actions.reset();
    m_engine.reset();
}

void TestUpcyclePage::everySettingHasAnEditor() {
    for (const engine::FieldDescriptor& field : engine::recipeFields()) {
        if (field.group == engine::FieldGroup::Data || field.key == "model.path" ||
            field.key == "upcycle.method" || field.key == "upcycle.layers")
            continue;
        QVERIFY2(m_page->form()->editor(field.key), field.key.c_str());
        QVERIFY2(!m_page->form()->editor(field.key)->control()->accessibleName().isEmpty(),
                 field.key.c_str());
    }
}

void TestUpcyclePage::typingChangesTheRecipeAndThePlan() {
    const QString before = m_page->panel()->memoryTotalText();
    type("upcycle.adapter_size", "64");
    QCOMPARE(m_project->recipe().upcycle.adapterSize, 64);
    QTRY_VERIFY(m_page->panel()->memoryTotalText() != before);
    QCOMPARE(m_engine->last("plan")->body["recipe"]["upcycle"]["adapter_size"], 64);
    QTest::keyClick(number("upcycle.experts"), Qt::Key_Up);
    QCOMPARE(m_project->recipe().upcycle.experts, 9);
}

void TestUpcyclePage::badNumbersStayWithASentence() {
    type("upcycle.experts", "500");
    QCOMPARE(number("upcycle.experts")->edit()->text(), QStringLiteral("500"));
    QVERIFY(m_page->form()->editor("upcycle.experts")->problem().contains("128"));
    QVERIFY(m_project->recipe().upcycle.experts <= 128);
    QVERIFY(!m_actions->find("upcycle.create")->isEnabled());
    QVERIFY(m_actions->find("upcycle.create")->toolTip().contains("128"));
    type("tune.learning_rate", "fast");
    QVERIFY(!m_page->form()->editor("tune.learning_rate")->problem().isEmpty());
    type("upcycle.experts", "16");
    type("tune.learning_rate", "3e-4");
    QVERIFY(m_page->form()->editor("upcycle.experts")->problem().isEmpty());
    QCOMPARE(m_project->recipe().tune.learningRate, 3e-4);
    QVERIFY(m_actions->find("upcycle.create")->isEnabled());
}

void TestUpcyclePage::undoAndRedoEveryEdit() {
    type("upcycle.adapter_size", "96");
    m_page->form()->card(engine::UpcycleMethod::None)->click();
    QCOMPARE(m_project->recipe().upcycle.method, engine::UpcycleMethod::None);
    m_project->undoStack()->undo();
    QCOMPARE(m_project->recipe().upcycle.method, engine::UpcycleMethod::Pesc);
    QVERIFY(m_page->form()->card(engine::UpcycleMethod::Pesc)->isChecked());
    m_project->undoStack()->undo();  // both typed digits are one edit
    QCOMPARE(m_project->recipe().upcycle.adapterSize, 512);
    QCOMPARE(number("upcycle.adapter_size")->value(), nlohmann::json(512));
    QVERIFY(!m_project->undoStack()->canUndo());
    m_project->undoStack()->redo();
    QCOMPARE(m_project->recipe().upcycle.adapterSize, 96);
}

void TestUpcyclePage::topKBeyondExpertsIsNamedWithANeighbour() {
    type("upcycle.experts", "4");
    type("upcycle.top_k", "6");
    const QString sentence = m_page->form()->editor("upcycle.top_k")->problem();
    QVERIFY2(!sentence.isEmpty(), "k over E must be told");
    QVERIFY2(sentence.contains('4'), qPrintable(sentence));
    QVERIFY(!m_actions->find("upcycle.create")->isEnabled());
}

void TestUpcyclePage::denseQloraHidesTheExperts() {
    QVERIFY(m_page->form()->editor("upcycle.experts")->isVisible());
    m_page->form()->card(engine::UpcycleMethod::None)->click();
    QVERIFY(!m_page->form()->editor("upcycle.experts")->isVisible());
    QVERIFY(!m_page->form()->layerStrip()->isVisible());
    QVERIFY(m_page->form()->editor("tune.lora_rank")->isVisible());
}

void TestUpcyclePage::layersAreToggledByMouseAndKeys() {
    widgets::LayerStrip* strip = m_page->form()->layerStrip();
    QCOMPARE(strip->cells().size(), 8);
    QCOMPARE(strip->countOn(), 8);
    QTest::mouseClick(strip, Qt::LeftButton, {}, strip->cellRect(3).center());
    QCOMPARE(QString::fromStdString(m_project->recipe().upcycle.layers), QStringLiteral("0-2,4-7"));
    QTest::keyClick(strip, Qt::Key_Home);
    QTest::keyClick(strip, Qt::Key_Space);
    QCOMPARE(QString::fromStdString(m_project->recipe().upcycle.layers), QStringLiteral("1-2,4-7"));
    m_project->undoStack()->undo();
    m_project->undoStack()->undo();
    QCOMPARE(strip->countOn(), 8);
}

void TestUpcyclePage::proofAndDryStepGoStale() {
    m_engine->answer("proof", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
        return nlohmann::json(engine::StepZeroProof{0, 512, 2'097'152, -1, 0.4});
    });
    m_engine->answer("dry_step", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
        return nlohmann::json(engine::DryStep{0.5, 700 << 20, 2048});
    });
    m_page->panel()->proofButton()->click();
    QTRY_COMPARE(m_page->panel()->proofBox()->tone(), VerdictBox::Tone::Good);
    chooseData();
    m_page->panel()->dryButton()->click();
    QTRY_VERIFY(m_page->statusFact().contains("Dry step"));
    test::picture(*m_page, "upcycle");
    type("upcycle.adapter_size", "32");
    QTRY_COMPARE(m_page->panel()->proofBox()->tone(), VerdictBox::Tone::Neutral);
    QVERIFY(m_page->panel()->proofBox()->texts().join(' ').contains("changed"));
    m_project->undoStack()->undo();
    QTRY_COMPARE(m_page->panel()->proofBox()->tone(), VerdictBox::Tone::Good);  // the same settings again
    m_engine->answer("proof", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
        return nlohmann::json(engine::StepZeroProof{0.25, 512, 2'097'152, 3, 0.4});
    });
    m_page->panel()->proofButton()->click();
    QTRY_COMPARE(m_page->panel()->proofBox()->tone(), VerdictBox::Tone::Bad);
    QVERIFY(m_page->panel()->proofBox()->texts().join(' ').contains("layer 3"));
}

void TestUpcyclePage::aDryStepWaitsForData() {
    QPushButton* dry = m_page->panel()->dryButton();
    QVERIFY(m_page->panel()->proofButton()->isEnabled());  // the check of step 0 brings its own tokens
    QVERIFY(!dry->isEnabled());
    QVERIFY(!m_actions->find("upcycle.dry")->isEnabled());
    QVERIFY2(dry->toolTip().contains("choose data"), qPrintable(dry->toolTip()));
    QVERIFY2(m_page->panel()->dryNeed().contains("choose data"), qPrintable(m_page->panel()->dryNeed()));
    test::picture(*m_page, "upcycle-no-data");
    QSignalSpy links(m_page.get(), &Page::linkActivated);
    QAbstractButton* choose = nullptr;
    for (auto* button : m_page->panel()->findChildren<QAbstractButton*>())
        if (button->text() == "Choose data") choose = button;
    QVERIFY(choose && choose->isVisible());
    QTest::keyClick(choose, Qt::Key_Space);
    QCOMPARE(links.count(), 1);
    QCOMPARE(links.first().at(0).toString(), QStringLiteral("data"));
    chooseData();
    QTRY_VERIFY(dry->isEnabled());
    QCOMPARE(m_page->panel()->dryNeed(), QString());
    QVERIFY(!choose->isVisible());
    QVERIFY(dry->toolTip().contains("longest batch"));
    m_project->undoStack()->undo();
    QTRY_VERIFY(!dry->isEnabled());
    engine::StateChange running;
    running.to = engine::RunState::Running;
    running.run = m_sandbox.path("elsewhere").toStdString();
    m_engine->tellRun(QString::fromStdString(running.run), running);
    QTRY_VERIFY2(m_page->panel()->dryNeed().contains("holds the engine"),
                 qPrintable(m_page->panel()->dryNeed()));
    QVERIFY(!choose->isVisible());  // data would not help now
}

void TestUpcyclePage::aPlanThatDoesNotFitOffersRemedies() {
    m_engine->tellDevice({"small", true, 0, 400 << 20, -1, ""});
    type("upcycle.experts", "7");
    QTRY_VERIFY(!m_page->panel()->fits());
    QVERIFY(!m_actions->find("upcycle.create")->isEnabled());
    QSignalSpy chosen(m_page->panel(), &PlanPanel::remedyChosen);
    QAbstractButton* apply = nullptr;
    const auto find = [&] {
        for (auto* button : m_page->panel()->findChildren<QAbstractButton*>())
            if (button->text() == "Apply" && button->isVisible()) apply = button;
        return apply != nullptr;
    };
    QTRY_VERIFY(find());
    test::picture(*m_page, "upcycle-over");
    apply->click();
    QCOMPARE(chosen.count(), 1);
    QCOMPARE(m_project->recipe().tune.recompute, engine::Recompute::All);
}

void TestUpcyclePage::createWritesARunWithoutWeights() {
    QSignalSpy links(m_page.get(), &Page::linkActivated);
    QTRY_VERIFY(m_actions->find("upcycle.create")->isEnabled());
    m_actions->find("upcycle.create")->trigger();
    QTRY_COMPARE(links.count(), 1);
    QCOMPARE(links.first().at(0).toString(), QStringLiteral("data"));
    const QString id = links.first().at(1).toMap().value("run").toString();
    QTRY_VERIFY(m_project->run(id));
    QCOMPARE(m_project->run(id)->state, engine::RunState::Created);
    QCOMPARE(m_project->selectedRun(), id);
    QVERIFY(m_project->run(id)->title.contains("pesc-8x2"));
    QCOMPARE(m_engine->count("run.start"), 0);
}

void TestUpcyclePage::commandLineSaysWhatDiffers() {
    engine::Recipe recipe;
    recipe.model.path = "/models/my model";
    recipe.upcycle.experts = 16;
    recipe.data.files.push_back({"/d/a.jsonl", "code", 2.0});
    recipe.tune.samples = {"What is it?"};
    const QString line = tuneCommandLine(recipe, QStringLiteral("/p"));
    QVERIFY(
        line.startsWith("caravan-cli tune --model '/models/my model' --data /d/a.jsonl,name=code,weight=2"));
    QVERIFY(line.contains("--set upcycle.experts=16"));
    QVERIFY(!line.contains("top_k"));
    QVERIFY(line.contains("'tune.samples=[\"What is it?\"]'"));
    QVERIFY(line.endsWith("--project /p"));
}

// Another valid value of the field, by its kind; null = none is known.
static nlohmann::json otherValue(const engine::FieldDescriptor& field, const nlohmann::json& now) {
    if (now.is_boolean()) return !now.get<bool>();
    if (!field.choices.empty()) {
        for (const auto& choice : field.choices)
            if (nlohmann::json(choice) != now) return choice;
        return {};
    }
    if (now.is_number_integer())
        return now.get<std::int64_t>() < field.maximum ? now.get<std::int64_t>() + 1
                                                       : now.get<std::int64_t>() - 1;
    if (now.is_number()) return now == field.minimum ? (field.minimum + field.maximum) / 2 : field.minimum;
    return {};
}

void TestUpcyclePage::everySettingIsUndone() {
    int tried = 0;
    for (const engine::FieldDescriptor& field : engine::recipeFields()) {
        const engine::Recipe before = m_project->recipe();
        const nlohmann::json other = otherValue(field, field.get(before));
        if (other.is_null() || !m_project->setField(field.key, other, "edit") ||
            m_project->recipe() == before)
            continue;
        ++tried;
        m_project->undoStack()->undo();
        QVERIFY2(m_project->recipe() == before, field.key.c_str());
        m_project->undoStack()->redo();
        QVERIFY2(!(m_project->recipe() == before), field.key.c_str());
        m_project->undoStack()->undo();
        m_project->undoStack()->clear();
    }
    QVERIFY2(tried > 15, qPrintable(QString::number(tried)));
}

void TestUpcyclePage::presetsKeepSettingsWithoutModelAndData() {
    QVERIFY(m_project->setField("upcycle.experts", 12, "Experts"));
    QVERIFY(m_project->setField("tune.learning_rate", 3e-4, "Rate"));
    const engine::Recipe kept = m_project->recipe();
    const QString file = presetFolder() + QStringLiteral("/mine & yours.json");
    QVERIFY(savePreset(kept, file));
    QFile written(file);
    QVERIFY(written.open(QIODevice::ReadOnly));
    const auto json = nlohmann::json::parse(written.readAll().toStdString());
    QVERIFY2(!json.contains("data") && !json["model"].contains("path"),
             "a shared file names no folders of mine");
    bool listed = false;
    for (const PresetFile& preset : presetFiles())
        listed = listed || (!preset.bundled && preset.name == QStringLiteral("mine & yours"));
    QVERIFY(listed);
    engine::Recipe other = kept;
    other.upcycle.experts = 4;
    other.tune.learningRate = 1e-5;
    other.data.files = {{"/data/a.jsonl", "a"}};
    m_project->setRecipe(other, "other");
    m_page->takePreset(file, QStringLiteral("mine"));
    QCOMPARE(m_project->recipe().upcycle.experts, 12);
    QCOMPARE(m_project->recipe().tune.learningRate, 3e-4);
    QCOMPARE(m_project->recipe().data.files.size(), std::size_t(1));
    QCOMPARE(m_project->recipe().model.path, kept.model.path);
    QCOMPARE(m_project->undoStack()->undoText(), QStringLiteral("preset mine"));
    m_project->undoStack()->undo();
    QVERIFY(m_project->recipe() == other);
}

void TestUpcyclePage::aBrokenPresetChangesNothing() {
    const engine::Recipe before = m_project->recipe();
    const QString file = m_sandbox.path(QStringLiteral("broken.json"));
    for (const char* text :
         {"{", "[]", "{\"upcycle\": {\"experts\": 1000}}", "{\"upcycle\": {\"expertz\": 3}}"}) {
        QFile out(file);
        QVERIFY(out.open(QIODevice::WriteOnly));
        out.write(text);
        out.close();
        m_page->takePreset(file, QStringLiteral("broken"));
        QVERIFY2(m_project->recipe() == before, text);
        auto* message = m_page->findChild<widgets::MessageBar*>();
        QVERIFY2(message != nullptr && message->isVisible(), text);
        message->hide();
    }
    QVERIFY(!m_project->undoStack()->canUndo());
}

CARAVAN_UI_TEST_MAIN(TestUpcyclePage)
#include "tst_upcycle_page.moc"

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Models of elsewhere, taken in by mouse and keyboard in the window over the real engine process: a run of
// the released code, mixtures in both released layouts, damaged ones.
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QSpinBox>
#include <QTreeView>

#include "tests/app/journey/journey_bench.h"
#include "tests/support/reference_run_fixture.h"
#include "ui/pages/models/import_dialog.h"
#include "ui/pages/models/models_page.h"
#include "ui/pages/models/verdict_box.h"

using namespace caravan;
using namespace caravan::ui;
using namespace caravan::test;

class TestJourneyOfImports : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase() { m_bench.close(); }
    void init() { m_bench.beginStage(); }
    void cleanup() { m_bench.endStage(); }
    void a_aRunOfTheReleasedCode();
    void b_mixtures_data();
    void b_mixtures();
    void c_aDamagedMixture();

  private:
    [[nodiscard]] const ModelEntry* entry(const QString& folder) const {
        return m_bench.project()->model(folder);
    }
    [[nodiscard]] bool isRead(const QString& folder) const {
        return entry(folder) != nullptr && entry(folder)->status != ModelEntry::Status::Reading;
    }
    // Drops a copy of a fixture on the window and opens the dialog for it.
    void openFor(const char* fixture, const QString& folder);
    ImportDialog* dialog() const { return m_bench.page<ModelsPage>("models")->findChild<ImportDialog*>(); }
    [[nodiscard]] QString verdict() const {
        return dialog()->verdict()->title() + QLatin1Char(' ') +
               dialog()->verdict()->texts().join(QLatin1Char(' '));
    }
    JourneyBench m_bench;
};

void TestJourneyOfImports::initTestCase() {
    if (JourneyBench::engineProgram().isEmpty()) QSKIP("built without an engine; CARAVAN_ENGINE names none");
    m_bench.open();
    QVERIFY(m_bench.engine()->isUsable());
}

// What caravan-cli import does: refused without its base, then written, read back, listed and asked.
void TestJourneyOfImports::a_aRunOfTheReleasedCode() {
    const auto fixture = makeReferenceRun(CARAVAN_TEST_DATA "/hf/lora_camelidae",
                                          m_bench.path(QStringLiteral("old")).toStdString());
    const auto text = [](const std::filesystem::path& path) { return QString::fromStdString(path.string()); };
    std::filesystem::rename(fixture.base, fixture.base.parent_path() / "moved");
    const QString base = text(fixture.base.parent_path() / "moved");
    m_bench.goTo("models");
    m_bench.drop({text(fixture.run)});
    const auto entry = [&](const QString& folder) { return m_bench.project()->model(folder); };
    QTRY_VERIFY_WITH_TIMEOUT(
        entry(text(fixture.run)) && entry(text(fixture.run))->status == ModelEntry::Status::Ready, kPatience);
    auto* page = m_bench.page<ModelsPage>("models");
    QTRY_COMPARE(page->selectedPath(), text(fixture.run));
    QVERIFY(!page->mainAction()->isEnabled());
    click(buttonIn(page, QStringLiteral("Import")));
    auto* dialog = page->findChild<ImportDialog*>();
    QTRY_VERIFY(dialog != nullptr && dialog->isVisible());
    QTRY_VERIFY_WITH_TIMEOUT(dialog->baseBox()->isVisible(), kPatience);
    QCOMPARE(dialog->sourceEdit()->text(), text(fixture.run));  // what was selected
    QVERIFY(!dialog->importButton()->isEnabled());              // its base is not where it was
    dialog->baseBox()->setFocus();
    QTest::keyClicks(dialog->baseBox()->lineEdit(), base);
    dialog->topKBox()->setValue(static_cast<int>(fixture.topK));
    dialog->scalingBox()->setValue(fixture.scaling);
    QTRY_VERIFY(dialog->importButton()->isEnabled());
    // A file that would run something is refused by name; nothing is left behind.
    const QString experts = text(fixture.run / "moe_model.bin"), kept = experts + QStringLiteral(".kept");
    QVERIFY(QFile::rename(experts, kept));
    QFile evil(experts);
    QVERIFY(evil.open(QIODevice::WriteOnly));
    evil.write(QByteArray::fromStdString(zipOf({{"a/data.pkl",
                                                 "\x80\x02"
                                                 "cos\nsystem\n(" +
                                                     unicode("id") + "tR."}})));
    evil.close();
    click(dialog->importButton());
    QTRY_COMPARE_WITH_TIMEOUT(dialog->verdict()->tone(), VerdictBox::Tone::Bad, kPatience);
    const QString why = dialog->verdict()->title() + dialog->verdict()->texts().join(QLatin1Char(' '));
    QVERIFY2(why.contains(QStringLiteral("os system")) && why.contains(QStringLiteral("moe_model.bin")),
             qPrintable(why));
    QVERIFY(!QFile::exists(dialog->targetEdit()->text()));
    QVERIFY(QFile::remove(experts) && QFile::rename(kept, experts));
    click(dialog->importButton());
    QTRY_COMPARE_WITH_TIMEOUT(dialog->verdict()->tone(), VerdictBox::Tone::Good, kPatience);
    const QString copy = dialog->targetEdit()->text();
    QVERIFY(QFile::exists(copy + QStringLiteral("/config.json")));
    qInfo("Models: imported: %s", qPrintable(dialog->verdict()->texts().join(QStringLiteral("; "))));
    click(dialog->cancelButton());
    QTRY_VERIFY_WITH_TIMEOUT(entry(copy) && entry(copy)->status == ModelEntry::Status::Ready, kPatience);
    const auto& moe = entry(copy)->inspection.config.moe;
    QVERIFY(moe && moe->experts == 8 && moe->topK == fixture.topK && moe->scaling == fixture.scaling);
    QTRY_COMPARE(page->selectedPath(), copy);
}

void TestJourneyOfImports::openFor(const char* fixture, const QString& folder) {
    m_bench.goTo("models");
    QVERIFY(copyFolder(QStringLiteral(CARAVAN_TEST_DATA "/hf/") + QLatin1String(fixture), folder));
    QFile::remove(folder + QStringLiteral("/golden.safetensors"));  // no weights
    m_bench.drop({folder});
    QTRY_VERIFY_WITH_TIMEOUT(isRead(folder), kPatience);
    auto* page = m_bench.page<ModelsPage>("models");
    QTRY_COMPARE(page->selectedPath(), folder);
    click(buttonIn(page, QStringLiteral("Import")));
    QTRY_VERIFY(dialog() != nullptr && dialog()->isVisible());
    QCOMPARE(dialog()->sourceEdit()->text(), folder);
}

void TestJourneyOfImports::b_mixtures_data() {
    QTest::addColumn<QString>("words");
    QTest::addColumn<int>("experts");
    QTest::addColumn<int>("topK");
    QTest::newRow("camelidae_8e_top2") << "Camelidae layout: 8 experts, 2 used" << 8 << 2;
    QTest::newRow("camelidae_6e_top3") << "Camelidae layout: 6 experts, 3 used" << 6 << 3;
    QTest::newRow("sparsetral_8e_top2") << "Sparsetral layout: 8 experts, 2 used" << 8 << 2;
}

// What was recognized is said before; the copy has the Camelidae layout, the same numbers, and stands in the
// list; the source is as it was.
void TestJourneyOfImports::b_mixtures() {
    QFETCH(QString, words);
    QFETCH(int, experts);
    QFETCH(int, topK);
    const char* fixture = QTest::currentDataTag();
    const QString folder = m_bench.path(QLatin1String(fixture));
    openFor(fixture, folder);
    QStringList said;
    for (const QLabel* label : dialog()->findChildren<QLabel*>())
        said << label->text();
    QTRY_VERIFY2_WITH_TIMEOUT(dialog()->importButton()->isEnabled(), qPrintable(said.join(QLatin1Char('|'))),
                              kPatience);
    said.clear();
    for (const QLabel* label : dialog()->findChildren<QLabel*>())
        said << label->text();
    QVERIFY2(said.join(QLatin1Char('|')).contains(words), qPrintable(said.join(QLatin1Char('|'))));
    QVERIFY(!dialog()->baseBox()->isVisible());  // a mixture brings its base along
    QTest::keyClick(dialog(), Qt::Key_Return);
    QTRY_VERIFY_WITH_TIMEOUT(dialog()->verdict()->isVisible(), kPatience);
    QVERIFY2(dialog()->verdict()->tone() == VerdictBox::Tone::Good, qPrintable(verdict()));
    QVERIFY2(verdict().contains(QStringLiteral("logit difference")), qPrintable(verdict()));
    const QString copy = dialog()->targetEdit()->text();
    qInfo("%s: %s", fixture, qPrintable(verdict()));
    click(dialog()->cancelButton());
    QTRY_VERIFY_WITH_TIMEOUT(isRead(copy), kPatience);
    QCOMPARE(entry(copy)->status, ModelEntry::Status::Ready);
    const auto &made = entry(copy)->inspection, &source = entry(folder)->inspection;
    QVERIFY(made.config.moe && made.config.moe->keyStyle == engine::AdapterKeyStyle::Camelidae);
    QCOMPARE(made.config.moe->experts, experts);
    QCOMPARE(made.config.moe->topK, topK);
    QCOMPARE(made.config.moe->scaling, source.config.moe->scaling);
    QCOMPARE(made.parameters, source.parameters);
    QFile before(QStringLiteral(CARAVAN_TEST_DATA "/hf/%1/model.safetensors").arg(QLatin1String(fixture)));
    QFile after(folder + QStringLiteral("/model.safetensors"));
    QVERIFY(before.open(QIODevice::ReadOnly) && after.open(QIODevice::ReadOnly));
    QVERIFY(before.readAll() == after.readAll());
    QTRY_COMPARE(m_bench.page<ModelsPage>("models")->selectedPath(), copy);
}

// Half a file: refused by name before anything is written, and the window goes on.
void TestJourneyOfImports::c_aDamagedMixture() {
    const QString folder = m_bench.path(QStringLiteral("torn"));
    openFor("sparsetral_8e_top2", folder);
    QTRY_VERIFY_WITH_TIMEOUT(dialog()->importButton()->isEnabled(), kPatience);
    QFile weights(folder + QStringLiteral("/model.safetensors"));
    QVERIFY(weights.open(QIODevice::ReadWrite) && weights.resize(weights.size() / 2));
    weights.close();
    click(dialog()->importButton());
    QTRY_COMPARE_WITH_TIMEOUT(dialog()->verdict()->tone(), VerdictBox::Tone::Bad, kPatience);
    QVERIFY2(verdict().contains(QStringLiteral("model.safetensors")), qPrintable(verdict()));
    QVERIFY(!QFile::exists(dialog()->targetEdit()->text()));
    qInfo("torn: %s", qPrintable(verdict()));
    click(dialog()->cancelButton());
    QTRY_VERIFY(dialog() == nullptr);
    m_bench.goTo("models");
}

QTEST_MAIN(TestJourneyOfImports)
#include "tst_journey_of_imports.moc"

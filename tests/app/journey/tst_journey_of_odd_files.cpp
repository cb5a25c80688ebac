// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// More than a hundred odd and hostile data files, dropped into the window at once, over the real engine
// process: each row and each file that cannot be used is listed with its line and reason, all others are
// counted, and the window goes on.
#include <QElapsedTimer>
#include <QFileInfo>
#include <QTableView>
#include <QTimer>

#include "tests/app/journey/journey_bench.h"
#include "tests/support/hostile_files.h"
#include "ui/pages/data/data_files_model.h"
#include "ui/pages/data/data_page.h"
#include "ui/pages/data/data_problems_model.h"

using namespace caravan;
using namespace caravan::ui;
using namespace caravan::test;

class TestJourneyOfOddFiles : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase() { m_bench.close(); }
    void everyFileIsToldOf();
    void theGoodFileIsStillTuned();

  private:
    [[nodiscard]] DataPage* page() const { return m_bench.page<DataPage>("data"); }
    [[nodiscard]] QTableView* files() const { return tableIn(page(), QStringLiteral("Data files")); }
    JourneyBench m_bench;
};

void TestJourneyOfOddFiles::initTestCase() {
    if (JourneyBench::engineProgram().isEmpty()) QSKIP("built without an engine; CARAVAN_ENGINE names none");
    m_bench.open();
    QVERIFY(m_bench.engine()->isUsable());
    const QString base = m_bench.path(QStringLiteral("base"));
    QVERIFY(copyFolder(QStringLiteral(CARAVAN_SOURCE_DIR "/resources/demo/base-16m"), base));
    m_bench.project()->addModelFolder(base);
    QTRY_VERIFY_WITH_TIMEOUT(m_bench.project()->model(base)->status == ModelEntry::Status::Ready, kPatience);
    engine::Recipe recipe = m_bench.project()->recipe();
    recipe.model.path = base.toStdString();
    m_bench.project()->setRecipe(recipe, QStringLiteral("base"));
}

void TestJourneyOfOddFiles::everyFileIsToldOf() {
    std::vector<engine::test::Case> cases;
    QStringList paths;
    for (const auto& part : engine::test::hostileFiles())
        for (const engine::test::Case& each : part) {
            // One with columns of its own is chosen by hand; one of thousands of problems would hide the
            // others.
            if (!(each.columns == engine::ColumnMapping{}) || each.rows < 0) continue;
            paths << m_bench.path(QString::fromStdString(each.name));
            QFile out(paths.last());
            QVERIFY(out.open(QIODevice::WriteOnly));
            out.write(each.text.data(), static_cast<qint64>(each.text.size()));
            cases.push_back(each);
        }
    QVERIFY2(cases.size() >= 100, qPrintable(QString::number(cases.size())));
    m_bench.goTo("data");
    QElapsedTimer beat;
    qint64 longest = 0;
    QTimer alive;
    connect(&alive, &QTimer::timeout, this, [&] { longest = std::max(longest, beat.restart()); });
    beat.start();
    alive.start(10);
    m_bench.drop(paths);
    QTRY_COMPARE_WITH_TIMEOUT(files()->model()->rowCount(), paths.size(), kPatience);
    const auto read = [&] {
        for (int row = 0; row < files()->model()->rowCount(); ++row)
            if (files()->model()->index(row, DataFilesModel::Rows).data().toString() == QStringLiteral("–"))
                return false;
        return true;
    };
    QTRY_VERIFY_WITH_TIMEOUT(read(), kPatience);
    alive.stop();
    QTableView* problems = tableIn(page(), QStringLiteral("Rows with problems"));
    QVERIFY(problems != nullptr && problems->isVisible());
    QMultiMap<QString, std::pair<QString, QString>> told;  // line and reason by file
    for (int row = 0; row < problems->model()->rowCount(); ++row) {
        const auto cell = [&](int column) { return problems->model()->index(row, column).data().toString(); };
        if (cell(DataProblemsModel::Action) == QStringLiteral("keep")) continue;  // a remark: a row twice
        told.insert(cell(DataProblemsModel::File),
                    {cell(DataProblemsModel::Line), cell(DataProblemsModel::Reason)});
    }
    QStringList wrong;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const engine::test::Case& c = cases[i];
        const QString name = QString::fromStdString(c.name);
        const QModelIndex at = rowWith(files()->model(), DataFilesModel::File, name);
        const QString rows = files()->model()->index(at.row(), DataFilesModel::Rows).data().toString();
        if (rows != QString::number(c.rows)) wrong << name + QStringLiteral(": rows ") + rows;
        const auto lines = told.values(name);
        // The reader gives no row and no problem of an empty file; the page says why it is of no use.
        const std::string expected = c.said.empty() && c.rows == 0 ? "holds no row" : c.said;
        const bool said = std::any_of(lines.begin(), lines.end(), [&](const auto& line) {
            return line.second.contains(QString::fromStdString(expected)) &&
                   (c.line == 0 || line.first == QString::number(c.line));
        });
        if (expected.empty() ? !lines.isEmpty() : !said)
            wrong << name + QStringLiteral(": ") +
                         (lines.isEmpty() ? QStringLiteral("nothing was said")
                                          : lines.first().first + ' ' + lines.first().second);
    }
    qInfo("Data: %d files, %d rows in the list of problems, longest delay of the window %lld ms",
          static_cast<int>(cases.size()), problems->model()->rowCount(), static_cast<long long>(longest));
    QVERIFY2(wrong.isEmpty(), qPrintable(QLatin1Char('\n') + wrong.join(QLatin1Char('\n'))));
    if (const QString folder = qEnvironmentVariable("CARAVAN_TEST_PICTURES"); !folder.isEmpty()) {
        QTest::qWait(500);  // laid out
        m_bench.window()->grab().save(folder + QStringLiteral("/odd-files.png"));
    }
    QVERIFY2(longest < 1000, qPrintable(QString::number(longest)));  // alive; tests/bench measures delays
}

// They keep nobody from going on: without them the rest is ready.
void TestJourneyOfOddFiles::theGoodFileIsStillTuned() {
    files()->selectAll();
    files()->setFocus();
    QTest::keyClick(files(), Qt::Key_Delete);
    QTRY_COMPARE(files()->model()->rowCount(), 0);
    const QString good = m_bench.path(QStringLiteral("good.jsonl"));
    QVERIFY(sliceOf(QStringLiteral(CARAVAN_SOURCE_DIR "/resources/demo/data/math.train.jsonl"), good, 24));
    m_bench.drop({good});
    QTRY_COMPARE(files()->model()->rowCount(), 1);
    QTRY_VERIFY2_WITH_TIMEOUT(page()->hindrance().isEmpty(), qPrintable(page()->hindrance()), kPatience);
    QTRY_VERIFY(page()->mainAction()->isEnabled());
    m_bench.goTo("chat");
    m_bench.goTo("data");
}

QTEST_MAIN(TestJourneyOfOddFiles)
#include "tst_journey_of_odd_files.moc"

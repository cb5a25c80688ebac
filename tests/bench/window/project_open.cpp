// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// bench_window_project_open FOLDER [RUNS STEPS]: makes there a project of 500 runs with 2,000 steps of ten
// logged values each (10 million), if it is not there yet, then opens it in the whole window and prints how
// long each part took.
#include <sqlite3.h>

#include <QDir>
#include <QFileInfo>
#include <QTableView>

#include "tests/bench/window/bench_window.h"
#include "tests/support/run_fixture.h"
#include "ui/page.h"

using namespace caravan;

namespace {

bool sql(sqlite3* db, const QString& text) {
    char* error = nullptr;
    if (sqlite3_exec(db, text.toUtf8().constData(), nullptr, nullptr, &error) == SQLITE_OK) return true;
    std::fprintf(stderr, "%s\n%s\n", error, qPrintable(text));
    sqlite3_free(error);
    return false;
}

// One run as an engine would have told it, then copies of its rows and of its folder's small files.
bool make(const QString& folder, int runs, int steps) {
    test::RunStory story;
    story.steps = story.total = steps;
    story.routingEvery = steps;
    story.evaluateEvery = story.checkpointEvery = story.sampleEvery = 100;
    const QString first = test::writeRun(folder, "0001", story, engine::RunState::Finished);
    if (first.isEmpty()) return false;
    for (int i = 2; i <= runs; ++i) {
        const QString copy = QStringLiteral("%1/runs/%2").arg(folder).arg(i, 4, 10, QLatin1Char('0'));
        QDir().mkpath(copy);
        for (const char* file : {"recipe.json", "run.json"})
            QFile::copy(first + '/' + QLatin1String(file), copy + '/' + QLatin1String(file));
    }
    sqlite3* db = nullptr;
    if (sqlite3_open((folder + QStringLiteral("/project.db")).toUtf8().constData(), &db) != SQLITE_OK)
        return false;
    const QString numbers =
        QStringLiteral("WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < %1) ")
            .arg(runs);
    bool good = sql(db, QStringLiteral("BEGIN"));
    for (const char* table : {"runs", "steps", "evaluations", "samples", "checkpoints"}) {
        QStringList columns;
        sqlite3_stmt* info = nullptr;
        sqlite3_prepare_v2(db, QStringLiteral("PRAGMA table_info(%1)").arg(table).toUtf8().constData(), -1,
                           &info, nullptr);
        while (sqlite3_step(info) == SQLITE_ROW)
            columns << QString::fromUtf8(reinterpret_cast<const char*>(sqlite3_column_text(info, 1)));
        sqlite3_finalize(info);
        const QString key =
            QLatin1String(table) == QLatin1String("runs") ? QStringLiteral("name") : QStringLiteral("run");
        QStringList values = columns;
        values[columns.indexOf(key)] = QStringLiteral("printf('%04d', n.i)");
        good =
            good && sql(db, QStringLiteral("INSERT INTO %1(%2) %3 SELECT %4 FROM n, %1 t WHERE t.%5 = '0001'")
                                .arg(table, columns.join(','), numbers, values.join(','), key));
    }
    good = good && sql(db, QStringLiteral("COMMIT"));
    sqlite3_close(db);
    return good;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("bench_window_project_open FOLDER [RUNS STEPS]\n", stderr);
        return 2;
    }
    const QString folder = QDir(QString::fromLocal8Bit(argv[1])).absolutePath();
    const int runs = argc > 3 ? atoi(argv[2]) : 500, steps = argc > 3 ? atoi(argv[3]) : 2000;
    bench::BenchWindow window(argc, argv);
    QElapsedTimer time;
    time.start();
    if (!QFileInfo::exists(folder + QStringLiteral("/project.db"))) {
        if (!make(folder, runs, steps)) return 1;
        std::printf("made: %d runs, %lld steps, %lld values, %.0f MB, in %.1f s\n", runs,
                    static_cast<long long>(runs) * steps, 10LL * runs * steps,
                    static_cast<double>(QFileInfo(folder + QStringLiteral("/project.db")).size()) / 1e6,
                    static_cast<double>(time.elapsed()) / 1000);
    }
    time.start();
    window.show();
    bench::waitFor([&] { return time.elapsed() > 0; }, 1000);
    std::printf("window shown %.0f ms after its construction began, %.0f MiB resident\n",
                static_cast<double>(time.nsecsElapsed()) / 1e6, bench::residentMib());
    bench::LoopDelay delay;
    delay.start();
    time.start();
    window->openProject(folder);
    const double open =
        bench::waitFor([&] { return window->project() && window->project()->isOpen(); }, 60000);
    bench::waitFor([&] { return window->project()->runs().size() == runs; }, 60000);
    const double listed = static_cast<double>(time.nsecsElapsed()) / 1e6;
    std::printf("opened %.0f ms, %d runs listed %.0f ms after the wish\n", open,
                static_cast<int>(window->project()->runs().size()), listed);
    for (const char* id : {"runs", "tune", "routing"}) {
        time.start();
        window->showPage(QLatin1String(id));
        window->grab();
        const double shown = static_cast<double>(time.nsecsElapsed()) / 1e6;
        bench::waitFor([&] { return time.elapsed() > 1500; }, 3000);
        std::printf("page %-8s drawn after %.0f ms\n", id, shown);
    }
    std::printf("event loop while this went on: late by p99 %.1f ms, at most %.1f ms; %.0f MiB resident\n",
                delay.quantile(0.99), delay.quantile(1), bench::residentMib());
    return 0;
}

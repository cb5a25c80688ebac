// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What holds for every dialog, menu and mode of a page beside those that tst_every_page opens: names for
// screen readers, keys in menus, room for longer words, targets that one can hit.
#include <QAction>
#include <QApplication>
#include <QCheckBox>
#include <QMenu>
#include <QMenuBar>
#include <QRadioButton>
#include <QSet>
#include <QTableView>

#include "engine/api/fit_table.h"
#include "tests/support/approximation_fixture.h"
#include "tests/support/room.h"
#include "tests/support/whole_window.h"
#include "ui/actions/action_registry.h"
#include "ui/pages/chat/vote_table.h"
#include "ui/pages/data/data_delegates.h"
#include "ui/pages/data/mapping_dialog.h"
#include "ui/pages/models/import_dialog.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/pages/routing/approximation_dialog.h"
#include "ui/pages/routing/approximation_plot.h"
#include "ui/pages/tune/step_batch_dialog.h"
#include "ui/shell/close_dialog.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/fit_dialog.h"
#include "ui/shell/guided_tour.h"

using namespace caravan;
using namespace caravan::ui;

namespace {

constexpr int kTarget = 24;  // px: what a finger or an unsteady hand still hits

engine::FitTable someFits() {
    constexpr std::int64_t kGib = std::int64_t(1) << 30;
    engine::FitTable fits{"NVIDIA H200", true, 24 * kGib, 20 * kGib, 2048, {{"qlora", ""}, {"pesc", ""}}, {}};
    fits.rows = {{"Llama 2 7B", 6738415616, {9 * kGib, 20 * kGib}}};
    return fits;
}

// Check boxes and radio buttons are hit on their words too; a link in a text is no button.
QStringList smallTargets(const QWidget& window, const QString& place) {
    QStringList problems;
    for (const auto* button : window.findChildren<QAbstractButton*>()) {
        if (!button->isVisible() || test::isInner(button)) continue;
        const bool words =
            qobject_cast<const QCheckBox*>(button) || qobject_cast<const QRadioButton*>(button);
        if (button->height() < (words ? 16 : kTarget) || button->width() < (words ? 16 : kTarget))
            problems << place + QStringLiteral(": ") + test::nameOf(button);
    }
    return problems;
}

QStringList allProblems(const QWidget& window, const QString& place) {
    return test::namelessControls(window, place) + test::roomProblems(window, place) +
           smallTargets(window, place);
}

// Every action has words, those in menus a key to reach them; no two of one menu share it.
void menuProblems(const QMenu& menu, const QString& place, QStringList* problems, int* actions) {
    QMap<QChar, QString> keys;
    for (const QAction* action : menu.actions()) {
        if (action->isSeparator() || !action->isVisible()) continue;
        const QString here = place + QStringLiteral(" > ") + action->text();
        ++*actions;
        const QKeySequence key = QKeySequence::mnemonic(action->text());
        const bool changes = action->property("changing").toBool() || action->data().isValid();
        if (action->text().isEmpty()) *problems << here + QStringLiteral(": no words");
        if (key.isEmpty() && !changes) *problems << here + QStringLiteral(": no mnemonic");
        if (!key.isEmpty()) {
            const QChar letter = action->text()[action->text().indexOf('&') + 1].toLower();
            if (keys.contains(letter))
                *problems << here + QStringLiteral(": its key is that of ") + keys[letter];
            keys[letter] = action->text();
        }
        if (const auto* inner = action->menu()) menuProblems(*inner, here, problems, actions);
    }
}

}  // namespace

class TestEveryDialog : public QObject {
    Q_OBJECT
  public:
    explicit TestEveryDialog(test::Sandbox& sandbox) : m_sandbox(sandbox) {}

  private:
    // Shows each dialog in turn.
    void eachDialog(test::WholeWindow& all, const std::function<void(QDialog*, const QString&)>& look) {
        QWidget* parent = all.window.get();
        const auto show = [&](QDialog* dialog, const QString& name) {
            dialog->setAttribute(Qt::WA_DeleteOnClose, false);
            dialog->show();
            QCoreApplication::processEvents();
            look(dialog, name);
            delete dialog;
        };
        all.engine.answer("fits", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
            return nlohmann::json(someFits());
        });
        auto* fits = new FitDialog(&all.engine, parent);
        QTRY_VERIFY(!fits->table()->isHidden());
        show(fits, QStringLiteral("fits"));
        LiveRun live;
        live.folder = m_sandbox.path(QStringLiteral("run"));
        live.name = QStringLiteral("0004");
        live.state = engine::RunState::Running;
        live.step = 12;
        live.steps = 60;
        show(new CloseDialog(live, parent), QStringLiteral("close"));
        show(new VoteTable({{"base-16m, dense", "base-16m-pesc-8x2, step 60", 3, 1, 2, 0}}, parent),
             QStringLiteral("votes"));
        engine::DataFile file;
        file.path = "/data/math.train.jsonl";
        show(new MappingDialog(file, nullptr, parent), QStringLiteral("mapping"));
        QFile rows(m_sandbox.path(QStringLiteral("rows.jsonl")));
        QVERIFY(rows.open(QIODevice::WriteOnly));
        rows.write("{\"prompt\": \"q\", \"response\": \"a\"}\n");
        rows.close();
        show(new RowDialog(rows.fileName(), 1, parent), QStringLiteral("row"));
        StepBatchDialog::Run run;
        run.name = QStringLiteral("0001");
        run.folder = m_sandbox.path(QStringLiteral("run"));
        run.lastStep = 60;
        run.loggedTokens = [](engine::StepIndex) { return std::int64_t(0); };
        auto* batch = new StepBatchDialog(&all.engine, run, parent);
        batch->showStep(7);
        show(batch, QStringLiteral("batch of a step"));
        auto* import =
            new ImportDialog(&all.engine, nullptr, {m_sandbox.path(QStringLiteral("m")), {}}, parent);
        import->setSource(m_sandbox.path(QStringLiteral("models/base-16m")));
        QTest::qWait(400);  // it has looked into the folder
        show(import, QStringLiteral("import"));
        auto* approximation = new ApproximationDialog(
            &all.engine, nullptr, {m_sandbox.path(QStringLiteral("run")), QStringLiteral("base-16m"), 8, {}},
            parent);
        all.engine.answer("approximation", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
            return nlohmann::json(test::someApproximation());
        });
        approximation->tunedBox()->setEditText(m_sandbox.path(QStringLiteral("models/tuned")));
        approximation->measureButton()->click();
        QTRY_COMPARE(approximation->plot()->gridRows(), 3);
        show(approximation, QStringLiteral("approximation"));
        all.window->actionRegistry()->find(QStringLiteral("help.keys"))->trigger();
        auto* keys = qobject_cast<QDialog*>(QApplication::activeModalWidget());
        QVERIFY(keys != nullptr);
        show(keys, QStringLiteral("keys"));
    }

  private Q_SLOTS:
    void dialogs_data() {
        QTest::addColumn<bool>("longer");
        QTest::newRow("English") << false;
        QTest::newRow("a third longer") << true;
    }

    void dialogs() {
        QFETCH(bool, longer);
        test::LongerWords words;
        if (longer) QCoreApplication::installTranslator(&words);
        QStringList problems;
        int seen = 0;
        {
            test::WholeWindow all(m_sandbox, QStringLiteral("dialogs-%1").arg(longer), {1366, 768});
            eachDialog(all, [&](QDialog* dialog, const QString& name) {
                ++seen;
                problems << allProblems(*dialog, name);
                if (dialog->windowTitle().isEmpty()) problems << name + QStringLiteral(": no title");
                if (dialog->width() > 1366 || dialog->height() > 768)
                    problems << name + QStringLiteral(": larger than the smallest window");
                test::picture(*dialog, QStringLiteral("dialog-%1-%2").arg(longer).arg(name));
            });
        }
        if (longer) QCoreApplication::removeTranslator(&words);
        QCOMPARE(seen, 9);
        QVERIFY2(problems.isEmpty(), qPrintable(QLatin1Char('\n') + problems.join(QLatin1Char('\n'))));
    }

    // Chat's other modes, palette, tour, welcome.
    void modesOfPages() {
        test::WholeWindow all(m_sandbox, QStringLiteral("modes"), {1366, 768});
        QStringList problems;
        const auto act = [&](const char* id) {
            QAction* action = all.window->actionRegistry()->find(QLatin1String(id));
            QVERIFY2(action != nullptr, id);
            action->trigger();
            QCoreApplication::processEvents();
        };
        all.show(QStringLiteral("chat"));
        for (const char* mode : {"chat.side_by_side", "chat.next_token"}) {
            act(mode);
            problems << allProblems(*all.window, QLatin1String(mode));
            test::picture(*all.window, QStringLiteral("mode-") + QLatin1String(mode));
            act(mode);  // back
        }
        act("view.palette");
        auto* palette = all.window->findChild<CommandPalette*>();
        QVERIFY(palette != nullptr && palette->isVisible());
        problems << test::namelessControls(*palette, QStringLiteral("palette"))
                 << smallTargets(*palette, QStringLiteral("palette"));
        palette->hide();
        act("help.tour");
        auto* tour = all.window->findChild<GuidedTour*>();
        QVERIFY(tour != nullptr && tour->isVisible());
        problems << allProblems(*tour, QStringLiteral("tour"));
        tour->hide();
        for (const QString& page : all.window->pageIds()) {
            all.show(page);
            problems << smallTargets(*all.window, page);
        }
        act("file.close");
        QTest::qWait(400);  // the lists of welcome are laid out
        problems << allProblems(*all.window, QStringLiteral("welcome"));
        problems.removeDuplicates();
        QVERIFY2(problems.isEmpty(), qPrintable(QLatin1Char('\n') + problems.join(QLatin1Char('\n'))));
    }

    void menusAreReachedByKeys() {
        test::WholeWindow all(m_sandbox, QStringLiteral("menus"), {1366, 768});
        auto* bar = all.window->findChild<QMenuBar*>();
        QVERIFY(bar != nullptr);
        QStringList problems;
        int actions = 0;
        QSet<QChar> tops;
        for (const QAction* top : bar->actions()) {
            const qsizetype at = top->text().indexOf('&');
            QVERIFY2(at >= 0 && top->menu() != nullptr, qPrintable(top->text()));
            QVERIFY2(!tops.contains(top->text()[at + 1].toLower()), qPrintable(top->text()));
            tops << top->text()[at + 1].toLower();
            Q_EMIT top->menu()->aboutToShow();
            menuProblems(*top->menu(), top->text(), &problems, &actions);
        }
        QVERIFY2(actions > 30, qPrintable(QString::number(actions)));
        QVERIFY2(problems.isEmpty(), qPrintable(QLatin1Char('\n') + problems.join(QLatin1Char('\n'))));
    }

    // What a right click offers: words for each.
    void contextMenusHaveWords() {
        test::WholeWindow all(m_sandbox, QStringLiteral("context"), {1366, 768});
        QStringList problems;
        for (const QString& page : all.window->pageIds()) {
            all.show(page);
            for (const QWidget* widget : all.window->findChildren<QWidget*>())
                for (const QAction* action : widget->actions())
                    if (!action->isSeparator() && action->text().isEmpty() && action->menu() == nullptr &&
                        !test::isInner(widget) && !widget->inherits("QLineEdit"))
                        problems << page + QStringLiteral(": ") + test::nameOf(widget);
        }
        problems.removeDuplicates();
        QVERIFY2(problems.isEmpty(), qPrintable(QLatin1Char('\n') + problems.join(QLatin1Char('\n'))));
    }

  private:
    test::Sandbox& m_sandbox;
};

CARAVAN_UI_TEST_MAIN(TestEveryDialog)
#include "tst_every_dialog.moc"

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QTest>
#include <QTranslator>
#include <memory>

#include "engine/api/event_json.h"
#include "tests/support/data_fixture.h"
#include "tests/support/run_fixture.h"
#include "tests/support/window_fixture.h"
#include "ui/main_window.h"
#include "ui/page.h"
#include "ui/project_context.h"

namespace caravan::test {

// The whole window on a project that has something on every page: two models, data files, three runs. The
// engine is not a process; what it would tell is made up.
struct WholeWindow {
    ui::FakeEngineLink engine;
    std::unique_ptr<ui::MainWindow> window;

    WholeWindow(const Sandbox& sandbox, const QString& name, QSize size) {
        answerModels(engine);
        answerPlans(engine);
        engine.answer("preview", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
            return nlohmann::json(dataPreview(body["recipe"]));
        });
        test::answerNoRuns(engine);
        const QString folder = sandbox.path(name);
        RunStory sparse, dense, wide;
        dense.sparse = false;
        wide.experts = 8;
        wide.leaningLayer = 2;
        writeRun(folder, "0001", sparse, engine::RunState::Finished);
        writeRun(folder, "0002", dense, engine::RunState::Stopped);
        writeRun(folder, "0003", wide, engine::RunState::Finished);
        window = std::make_unique<ui::MainWindow>(&engine);
        window->resize(size);
        window->show();
        engine.start();
        engine.tellDevice(
            {"CPU, 2 cores", false, std::int64_t(1) << 30, std::int64_t(16) << 30, -1, "no NVIDIA driver"});
        window->openProject(folder);
        QTRY_VERIFY(window->project() && window->project()->isOpen());
        const QString base = sandbox.makeFolder("models/base-16m");
        window->project()->addModelFolder(base);
        window->project()->addModelFolder(sandbox.makeFolder("models/some-awq"));
        engine::Recipe recipe = window->project()->recipe();
        recipe.model.path = base.toStdString();
        recipe.data.files = {{"/data/math.train.jsonl", "math"}, {"/data/code.train.jsonl", "code"}};
        recipe.data.heldout = {{"/data/math.heldout.jsonl", "math"}};
        window->project()->setRecipe(recipe, QStringLiteral("all"));
        QTRY_COMPARE(window->project()->runs().size(), 3);
    }

    // Shows the page and waits until nothing moves any more.
    void show(const QString& page) {
        window->showPage(page);
        m_since.invalidate();
        QTRY_VERIFY_WITH_TIMEOUT(calm(), 5000);
    }
    [[nodiscard]] QString shape() const {
        QString all;
        for (const QWidget* widget : window->findChildren<QWidget*>())
            if (widget->isVisible()) {
                const QRect r = widget->geometry();
                all += QStringLiteral("%1,%2,%3,%4;").arg(r.x()).arg(r.y()).arg(r.width()).arg(r.height());
            }
        return all;
    }

  private:
    QElapsedTimer m_since;
    QString m_last;
    // The same for a third of a second: longer than the delays of the pages.
    bool calm() {
        const QString now = shape();
        if (now != m_last || !m_since.isValid()) {
            m_last = now;
            m_since.start();
        }
        return m_since.elapsed() > 350;
    }
};

// English that is a third longer, as other languages are; letters only, so that numbers keep their places.
class LongerWords : public QTranslator {
  public:
    [[nodiscard]] bool isEmpty() const override { return false; }
    [[nodiscard]] QString translate(const char*, const char* source, const char*, int n) const override {
        QString text = QString::fromUtf8(source);
        if (n >= 0) text.replace(QLatin1String("(s)"), n == 1 ? QString() : QStringLiteral("s"));
        int letters = 0;
        for (const QChar c : std::as_const(text))
            letters += c.isLetter() ? 1 : 0;
        static const QString more = QStringLiteral("elan ");
        QString extra;
        for (int i = 0; extra.size() * 10 < letters * 3; ++i)
            extra += more[i % more.size()];
        return text.startsWith(QLatin1Char('<')) ? text : extra.trimmed() + (letters > 12 ? " " : "") + text;
    }
};

}  // namespace caravan::test

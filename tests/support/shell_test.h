// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTest>
#include <memory>

#include "tests/support/window_fixture.h"
#include "ui/main_window.h"
#include "ui/page.h"
#include "ui/project_context.h"

namespace caravan::test {

// The whole window without a project, over an engine that the test speaks for; anew for each test.
class ShellTest : public QObject {
  public:
    explicit ShellTest(Sandbox& sandbox) : m_sandbox(sandbox) {}

  protected:
    void start() {
        m_engine = std::make_unique<ui::FakeEngineLink>();
        answerModels(*m_engine);
        answerPlans(*m_engine);
        answerNoRuns(*m_engine);
        m_window = std::make_unique<ui::MainWindow>(m_engine.get());
        m_window->resize(1366, 768);
        m_window->show();
        m_engine->start();
        QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
        m_window->activateWindow();
    }
    void end() {
        m_window.reset();
        m_engine.reset();
    }
    // A new one.
    void openProject() {
        m_window->openProject(m_sandbox.path(QStringLiteral("p%1").arg(++m_round)));
        QTRY_VERIFY(m_window->project() && m_window->project()->isOpen());
    }

    Sandbox& m_sandbox;
    int m_round = 0;
    std::unique_ptr<ui::FakeEngineLink> m_engine;
    std::unique_ptr<ui::MainWindow> m_window;
};

}  // namespace caravan::test

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <signal.h>

#include <QAction>
#include <QApplication>
#include <QDialog>
#include <QDir>
#include <QDragEnterEvent>
#include <QFile>
#include <QLineEdit>
#include <QMenu>
#include <QMimeData>
#include <QPushButton>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <memory>

#include "ui/actions/action_registry.h"
#include "ui/bridge/process_link.h"
#include "ui/forms/field_editor.h"
#include "ui/forms/number_field.h"
#include "ui/main_window.h"
#include "ui/page.h"
#include "ui/pages/upcycle/upcycle_form.h"
#include "ui/pages/upcycle/upcycle_page.h"
#include "ui/project_context.h"
#include "ui/shell/rail.h"
#include "ui/theme/theme.h"

namespace caravan::test {

constexpr int kPatience = 240000;  // ms; two busy cores

inline bool copyFolder(const QString& from, const QString& to) {
    QDir().mkpath(to);
    for (const QFileInfo& entry : QDir(from).entryInfoList(QDir::Files)) {
        const QString file = to + QLatin1Char('/') + entry.fileName();
        if (!QFile::copy(entry.filePath(), file)) return false;
        QFile::setPermissions(file, QFile::ReadOwner | QFile::WriteOwner);
    }
    return true;
}

// The first rows of a demo file: short, so that a step takes a fraction of a second.
inline bool sliceOf(const QString& from, const QString& to, int rows) {
    QFile in(from), out(to);
    if (!in.open(QIODevice::ReadOnly) || !out.open(QIODevice::WriteOnly)) return false;
    for (int i = 0; i < rows && !in.atEnd(); ++i)
        out.write(in.readLine());
    return true;
}

// Processes of this test's engine: those whose environment names its socket.
inline QList<qint64> enginePids(const QByteArray& socket) {
    QList<qint64> found;
    for (const QString& name : QDir(QStringLiteral("/proc")).entryList(QDir::Dirs)) {
        bool number = false;
        const qint64 pid = name.toLongLong(&number);
        if (!number || pid == QCoreApplication::applicationPid()) continue;
        QFile command(QStringLiteral("/proc/%1/cmdline").arg(pid)),
            environment(QStringLiteral("/proc/%1/environ").arg(pid));
        if (!command.open(QIODevice::ReadOnly) || !command.readAll().contains("caravan-engine")) continue;
        if (environment.open(QIODevice::ReadOnly) &&
            environment.readAll().contains("CARAVAN_SOCKET=" + socket))
            found.push_back(pid);
    }
    return found;
}

inline QPushButton* buttonIn(const QWidget* parent, const QString& text) {
    for (QPushButton* button : parent->findChildren<QPushButton*>())
        if (button->text().remove(QLatin1Char('&')).startsWith(text) && button->isVisibleTo(parent))
            return button;
    return nullptr;
}

inline void click(QWidget* widget) {
    QTest::mouseClick(widget, Qt::LeftButton);
}

inline QTableView* tableIn(const QWidget* parent, const QString& name) {
    for (QTableView* table : parent->findChildren<QTableView*>())
        if (table->accessibleName() == name) return table;
    return nullptr;
}

inline void clickRow(QAbstractItemView* view, const QModelIndex& index) {
    view->scrollTo(index);
    QTest::mouseClick(view->viewport(), Qt::LeftButton, {}, view->visualRect(index).center());
}

inline QModelIndex rowWith(const QAbstractItemModel* model, int column, const QString& text) {
    for (int row = 0; row < model->rowCount(); ++row)
        if (model->index(row, column).data().toString() == text) return model->index(row, column);
    return {};
}

// The program's window with an engine process of its own, on a new project in a temporary folder. What it
// does, a user can do with mouse and keyboard.
class JourneyBench {
  public:
    // The engine's program: CARAVAN_ENGINE, else the one of this build; "" = this build has none.
    [[nodiscard]] static QString engineProgram() {
#ifdef CARAVAN_HAS_ENGINE
        return qEnvironmentVariable("CARAVAN_ENGINE", CARAVAN_BINARY_DIR "/app/caravan-engine");
#else
        return qEnvironmentVariable("CARAVAN_ENGINE");
#endif
    }
    void open() {
        m_socket = path(QStringLiteral("s")).toLocal8Bit();
        qputenv("CARAVAN_ENGINE", engineProgram().toLocal8Bit());
        qputenv("CARAVAN_SOCKET", m_socket);
        qputenv("CARAVAN_RESOURCES", CARAVAN_SOURCE_DIR "/resources");
        for (const char* name : {"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"})
            qputenv(name, m_folder.path().toLocal8Bit());
        ui::Theme::instance().install(ui::Scheme::Light);
        m_engine = std::make_unique<ui::ProcessLink>();
        openWindow();
        m_engine->start();
        QTRY_VERIFY_WITH_TIMEOUT(m_engine->isUsable(), kPatience);
    }
    // Anew if there is one; the engine lives on.
    void openWindow() {
        m_window.reset();
        m_window = std::make_unique<ui::MainWindow>(m_engine.get());
        m_window->resize(1440, 900);
        m_window->show();
        m_window->openProject(path(QStringLiteral("project")));
        m_window->activateWindow();
        QTRY_VERIFY_WITH_TIMEOUT(m_window->project() != nullptr && m_window->project()->isOpen(), kPatience);
    }
    void close() {
        m_window.reset();
        m_engine.reset();
        for (const qint64 pid : enginePids(m_socket))
            ::kill(static_cast<pid_t>(pid), SIGKILL);
    }

    [[nodiscard]] QString path(const QString& name) const {
        return m_folder.filePath(name);
    }
    [[nodiscard]] ui::MainWindow* window() const {
        return m_window.get();
    }
    [[nodiscard]] ui::ProcessLink* engine() const {
        return m_engine.get();
    }
    [[nodiscard]] ui::ProjectContext* project() const {
        return m_window->project();
    }
    [[nodiscard]] const QByteArray& socket() const {
        return m_socket;
    }
    template <class T>
    [[nodiscard]] T* page(const char* id) const {
        return qobject_cast<T*>(m_window->page(QString::fromLatin1(id)));
    }
    [[nodiscard]] QString shownPage() const {
        return m_window->currentPage()->id();
    }
    [[nodiscard]] QAction* action(const char* id) const {
        return m_window->actionRegistry()->find(QString::fromLatin1(id));
    }

    // Stages stand on each other: after one that failed the rest is skipped. Of a test's init() and
    // cleanup().
    void beginStage() const {
        if (m_failed) QSKIP("the stage before failed");
    }
    void endStage() {
        m_failed = m_failed || QTest::currentTestFailed();
    }
    // Shortcuts are the active window's; a dialog may have been it.
    void activate() {
        m_window->activateWindow();
        QTRY_VERIFY(m_window->isActiveWindow());
    }
    void goTo(const char* id) {
        activate();
        click(m_window->findChild<ui::Rail*>()->button(QString::fromLatin1(id)));
        QTRY_COMPARE(shownPage(), QString::fromLatin1(id));
    }
    void drop(const QStringList& paths) {
        QMimeData data;
        QList<QUrl> urls;
        for (const QString& path : paths)
            urls.push_back(QUrl::fromLocalFile(path));
        data.setUrls(urls);
        const QPoint at = m_window->rect().center();
        QDragEnterEvent enter(at, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QApplication::sendEvent(m_window.get(), &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent event(at, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QApplication::sendEvent(m_window.get(), &event);
    }
    // A number into a field of Upcycle's form.
    void type(const char* key, const QString& text) {
        auto* field =
            qobject_cast<ui::NumberField*>(page<ui::UpcyclePage>("upcycle")->form()->editor(key)->control());
        QVERIFY2(field != nullptr, key);
        field->setFocus();
        field->selectAll();
        QTest::keyClicks(field->edit(), text);
        QTest::keyClick(field->edit(), Qt::Key_Return);
    }
    // An entry of an open menu, by the mouse.
    void choose(QMenu* menu, QAction* entry) {
        QTRY_VERIFY(menu->isVisible());
        QVERIFY2(entry->isEnabled(), qPrintable(entry->text()));
        QTest::mouseClick(menu, Qt::LeftButton, {}, menu->actionGeometry(entry).center());
        QTRY_VERIFY(!menu->isVisible());
    }
    // An action out of the menu row.
    void chooseFromMenus(const char* id) {
        QAction* wanted = action(id);
        QVERIFY2(wanted != nullptr, id);
        for (QMenu* menu : m_window->findChildren<QMenu*>()) {
            if (!menu->menuAction()->associatedObjects().isEmpty() && menu->actions().contains(wanted)) {
                menu->popup(m_window->mapToGlobal(QPoint(80, 40)));
                return choose(menu, wanted);
            }
        }
        QFAIL(id);
    }

  private:
    QTemporaryDir m_folder;
    bool m_failed = false;
    QByteArray m_socket;
    std::unique_ptr<ui::ProcessLink> m_engine;
    std::unique_ptr<ui::MainWindow> m_window;
};

}  // namespace caravan::test

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMainWindow>
#include <QVariantMap>

#include "ui/services.h"
#include "ui/shell/found_item.h"

class QHBoxLayout;
class QLabel;
class QPushButton;
class QVBoxLayout;

namespace caravan::ui {

class ProjectContext;

// One page of the rail: a nested main window with its own docks. Its top is a 56 px header (title, a gray
// context text, widgets at the left, buttons at the right) and below it any number of 44 px bars.
class Page : public QMainWindow {
    Q_OBJECT
  public:
    // id: "models", "upcycle", "data", "tune", "routing", "chat"; also the name of the icon
    Page(const QString& id, const QString& title, const Services& services, QWidget* parent);

    [[nodiscard]] QString id() const { return m_id; }
    [[nodiscard]] QString title() const { return m_title; }
    [[nodiscard]] QString windowTitlePart() const {
        return m_windowTitlePart.isEmpty() ? m_title : m_windowTitlePart;
    }
    [[nodiscard]] bool isActive() const { return m_active; }

    // Called before the old project is deleted; nullptr: none is open. Overrides call the base first.
    virtual void setProject(ProjectContext* project);
    [[nodiscard]] ProjectContext* project() const { return m_project; }
    // Shows that run (its folder name, e.g. "0001"), if the page is about runs.
    virtual void showRun(const QString& runId);
    // Arguments of a link to this page, e.g. {"layer": 3, "expert": 5, "step": 200}.
    virtual void openLink(const QVariantMap& arguments);
    // True while the page is the visible one. A hidden page does no work; it refreshes once when it becomes
    // active.
    virtual void setActive(bool active);
    // A dropped file or folder anywhere on the window, while this page is shown. False: not taken; the shell
    // tries others.
    virtual bool takeDrop(const QStringList& paths);
    // Something droppable is over the window.
    virtual void setDragging(bool dragging);
    // What Enter does on the page's list; also the page's one primary button.
    [[nodiscard]] virtual QAction* mainAction() const { return nullptr; }
    // At most two, for the right end of the status bar: "Enter opens".
    [[nodiscard]] virtual QStringList keyHints() const { return {}; }
    // A background fact for the status bar: "12 models in 3 folders"; "" = none.
    [[nodiscard]] virtual QString statusFact() const { return {}; }
    // What the command palette finds of this page: settings, experts. Asked when the palette opens.
    [[nodiscard]] virtual QVector<FoundItem> found() const { return {}; }
    // Panes that F6 walks, in order; by default the header, the central widget and the docks.
    [[nodiscard]] virtual QList<QWidget*> panes() const;
    // The shell's messages (engine died, a file that cannot be read) stand below the bars of the shown page.
    void hostMessages(QWidget* messages);

  Q_SIGNALS:
    void linkActivated(const QString& pageId, const QVariantMap& arguments);
    void statusChanged();  // keyHints(), statusFact() or windowTitlePart() changed

  protected:
    [[nodiscard]] const Services& services() const { return m_services; }
    // Header
    void setContextText(const QString& text);  // gray text beside the title
    void addHeaderWidget(QWidget* widget);     // left, after the title
    void addHeaderButton(QWidget* button);     // right, in order
    // Below the header, over everything else; hide() it when it has nothing to say.
    void addBar(QWidget* bar);
    void setWindowTitlePart(const QString& text);

  private:
    QString m_id, m_title, m_windowTitlePart;
    Services m_services;
    ProjectContext* m_project = nullptr;
    bool m_active = false;
    QLabel* m_context = nullptr;
    QHBoxLayout* m_left = nullptr;
    QHBoxLayout* m_right = nullptr;
    QVBoxLayout* m_bars = nullptr;
    QWidget* m_header = nullptr;
};

}  // namespace caravan::ui

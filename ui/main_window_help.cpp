// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// F1: what the focused control is for, and what its page is for.
#include <QAbstractItemView>
#include <QApplication>
#include <QWhatsThis>

#include "ui/main_window.h"
#include "ui/page.h"
#include "ui/shell/guided_tour.h"

namespace caravan::ui {
namespace {

QString pageHelp(const QString& id) {
    if (id == QLatin1String("models"))
        return MainWindow::tr(
            "Models lists the model folders of the project: what each one is, and whether it can "
            "become a mixture of experts. Drop a folder anywhere in the window to add it.");
    if (id == QLatin1String("upcycle"))
        return MainWindow::tr(
            "Upcycle plans a run. What the settings cost in parameters, memory, disk and time "
            "stands beside them while you type.");
    if (id == QLatin1String("data"))
        return MainWindow::tr(
            "Data holds the files a run learns from and those it is measured on, and shows the "
            "first batch exactly as the model sees it.");
    if (id == QLatin1String("tune"))
        return MainWindow::tr(
            "Tune shows a run while it learns, or any earlier one. The wheel zooms, Shift and a "
            "drag choose a stretch of steps, L switches the scale, S the smoothing.");
    if (id == QLatin1String("routing"))
        return MainWindow::tr(
            "Routing shows which expert the tokens go to, as load over the even share: 1 is "
            "balanced. [ and ] go to checkpoints, D and C cycle domain and choice, G goes to a cell.");
    if (id == QLatin1String("chat"))
        return MainWindow::tr(
            "Chat answers with a model, a checkpoint or the paused run. Each token has the color "
            "of its first expert in the chosen layer; arrows walk the tokens of an answer, PgUp and PgDn its "
            "layers.");
    if (id == QLatin1String("settings"))
        return MainWindow::tr(
            "Settings of the program, not of a run: colors, the engine's device, keys. Each change "
            "is kept at once.");
    if (id == QLatin1String("runs"))
        return MainWindow::tr(
            "Runs compares what was tuned: Space lays a run's curve over the others, and the table "
            "lists only the settings and results that differ.");
    return {};
}

// The control's own words: those that a tool tip or a description holds, of itself or what it stands in.
QString controlHelp(const QWidget* widget) {
    for (int depth = 0; widget != nullptr && depth < 3 && !widget->isWindow(); ++depth) {
        for (const QString& text : {widget->whatsThis(), widget->toolTip(), widget->accessibleDescription()})
            if (!text.trimmed().isEmpty()) return text;
        widget = widget->parentWidget();
    }
    return {};
}

}  // namespace

QString MainWindow::helpText(const QWidget* control) const {
    QStringList parts;
    const QString name = control != nullptr ? control->accessibleName() : QString();
    const QString own = control != nullptr && !qobject_cast<const QAbstractItemView*>(control)
                            ? controlHelp(control)
                            : QString();
    if (!name.isEmpty()) parts << QStringLiteral("<b>%1</b>").arg(name.toHtmlEscaped());
    if (!own.isEmpty() && own != name)
        parts << own.toHtmlEscaped().replace(QLatin1Char('\n'), QStringLiteral("<br>"));
    const QString page =
        m_current ? pageHelp(m_current->id()) : tr("Open the demo, a model folder or a project.");
    if (!page.isEmpty()) parts << page.toHtmlEscaped();
    return parts.join(QStringLiteral("<br><br>"));
}

void MainWindow::showHelp() {
    QWidget* control = QApplication::focusWidget();
    const QString text = helpText(control);
    if (text.isEmpty()) return;
    QWidget* place = control != nullptr && control->window() == this ? control : centralWidget();
    QWhatsThis::showText(place->mapToGlobal(QPoint(0, place->height() + 4)), text, place);
}

// The pages mean something only with a project: without one it is the demo's.
void MainWindow::startTour() {
    if (!m_project) openDemo();
    if (m_tour == nullptr) {
        m_tour = new GuidedTour(this);
        connect(m_tour, &GuidedTour::pageWanted, this, &MainWindow::showPage);
    }
    m_tour->start();
}

}  // namespace caravan::ui

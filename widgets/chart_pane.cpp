// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/chart_pane.h"

#include <QAction>
#include <QFileDialog>
#include <QHeaderView>
#include <QPainter>
#include <QPdfWriter>
#include <QSaveFile>
#include <QSvgGenerator>
#include <QTableView>

#include "widgets/chart_grid.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {

ChartPane::ChartPane(QWidget* chart, QWidget* parent)
    : QStackedWidget(parent), m_grid(dynamic_cast<ChartGrid*>(chart)) {
    Q_ASSERT(m_grid != nullptr);
    addWidget(chart);
    m_action = new QAction(themeIcon(QStringLiteral("table")), tr("View as table"), this);
    m_action->setCheckable(true);
    m_action->setShortcut(Qt::CTRL | Qt::Key_T);
    m_action->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    addAction(m_action);
    connect(m_action, &QAction::toggled, this, &ChartPane::setTableShown);
    m_export = new QAction(themeIcon(QStringLiteral("export")), tr("Export…"), this);
    m_export->setShortcut(Qt::CTRL | Qt::Key_E);
    m_export->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    addAction(m_export);
    connect(m_export, &QAction::triggered, this, &ChartPane::chooseFile);
    setFocusProxy(chart);
}

bool ChartPane::isTableShown() const {
    return currentIndex() == 1;
}

QTableView* ChartPane::tableView() {
    if (m_table != nullptr) return m_table;
    m_model = new ChartTableModel(m_grid, this);
    m_table = new QTableView(this);
    m_table->setModel(m_model);
    m_table->setFrameShape(QFrame::NoFrame);
    m_table->setShowGrid(false);
    m_table->setSelectionBehavior(QAbstractItemView::SelectItems);
    m_table->verticalHeader()->setDefaultSectionSize(28);
    m_table->horizontalHeader()->setMinimumSectionSize(56);
    m_table->setAccessibleName(tr("Table of the chart"));
    addWidget(m_table);
    return m_table;
}

void ChartPane::setTableShown(bool shown) {
    if (shown) tableView();
    const bool hadFocus = isAncestorOf(focusWidget()) || hasFocus();
    setCurrentIndex(shown ? 1 : 0);
    m_action->setChecked(shown);
    setFocusProxy(currentWidget());
    if (shown) refresh();
    if (hadFocus) currentWidget()->setFocus();
}

void ChartPane::refresh() {
    if (m_model != nullptr && isTableShown()) m_model->refresh();
}

void ChartPane::chooseFile() {
    auto* dialog = new QFileDialog(this, tr("Export"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setNameFilters(
        {tr("Picture (*.png)"), tr("Drawing (*.svg)"), tr("Document (*.pdf)"), tr("Table (*.csv)")});
    dialog->setDefaultSuffix(QStringLiteral("png"));
    connect(dialog, &QFileDialog::filterSelected, dialog, [dialog](const QString& filter) {
        dialog->setDefaultSuffix(filter.section(QStringLiteral("*."), 1).chopped(1));
    });
    dialog->selectFile(m_exportName.isEmpty() ? tr("chart") : m_exportName);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& path) {
        const QString reason = saveChart(*m_grid, m_grid->gridWidget()->size().expandedTo({640, 400}), path);
        if (!reason.isEmpty()) Q_EMIT exportFailed(path, reason);
    });
    dialog->open();
}

QString saveChart(ChartGrid& grid, QSize size, const QString& path) {
    const QString ending = path.section(QLatin1Char('.'), -1).toLower();
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly)) return file.errorString();
    if (ending == QLatin1String("csv")) {
        file.write(gridToCsv(grid).toUtf8());
    } else if (ending == QLatin1String("svg")) {
        QSvgGenerator generator;
        generator.setOutputDevice(&file);
        generator.setSize(size);
        generator.setViewBox(QRect({}, size));
        QPainter painter(&generator);
        grid.paintChart(painter, size);
    } else if (ending == QLatin1String("pdf")) {
        QPdfWriter writer(&file);
        writer.setResolution(96);
        writer.setPageSize(QPageSize(QSizeF(size) * 72.0 / 96.0, QPageSize::Point));
        writer.setPageMargins(QMarginsF());
        QPainter painter(&writer);
        grid.paintChart(painter, size);
    } else if (ending == QLatin1String("png")) {
        QImage image(size * 2, QImage::Format_RGB32);
        image.setDevicePixelRatio(2);
        image.fill(themeColors().base);
        QPainter painter(&image);
        grid.paintChart(painter, size);
        painter.end();
        if (!image.save(&file, "png")) return ChartPane::tr("The picture could not be written.");
    } else {
        return ChartPane::tr("The name must end in .png, .svg, .pdf or .csv.");
    }
    return file.commit() ? QString() : file.errorString();
}

}  // namespace caravan::widgets

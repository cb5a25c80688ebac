// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/chart_pane.h"

#include <QAction>
#include <QClipboard>
#include <QFileDialog>
#include <QFileInfo>
#include <QGuiApplication>
#include <QHeaderView>
#include <QMessageBox>
#include <QMimeData>
#include <QPainter>
#include <QPdfWriter>
#include <QSaveFile>
#include <QSvgGenerator>
#include <QTableView>
#include <algorithm>

#include "widgets/chart_grid.h"
#include "widgets/theme_colors.h"

namespace caravan::widgets {
namespace {

QImage pictureOf(ChartGrid& grid, QSize size) {
    QImage image(size * 2, QImage::Format_RGB32);
    image.setDevicePixelRatio(2);
    image.fill(themeColors().base);
    QPainter painter(&image);
    grid.paintChart(painter, size);
    return image;
}

// Of a table's selection, row by row.
QString selectedText(const QTableView& table) {
    QModelIndexList cells = table.selectionModel()->selectedIndexes();
    std::sort(cells.begin(), cells.end());
    QString text;
    int row = -1;
    for (const QModelIndex& cell : cells) {
        if (row >= 0) text += QLatin1Char(cell.row() == row ? '\t' : '\n');
        row = cell.row();
        text += cell.data().toString();
    }
    return text;
}

}  // namespace

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
    m_copy = new QAction(themeIcon(QStringLiteral("copy")), tr("Copy picture and numbers"), this);
    m_copy->setShortcut(QKeySequence::Copy);
    m_copy->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    addAction(m_copy);
    connect(m_copy, &QAction::triggered, this, &ChartPane::copy);
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
    if (shown) (void)tableView();  // made at its first sight
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
    connect(dialog, &QFileDialog::fileSelected, this, &ChartPane::exportTo);
    dialog->open();
}

QSize ChartPane::exportSize() const {
    return m_grid->gridWidget()->size().expandedTo({640, 400});
}

void ChartPane::exportTo(const QString& path) {
    const QString reason = saveChart(*m_grid, exportSize(), path);
    if (reason.isEmpty()) return;
    auto* box =
        new QMessageBox(QMessageBox::Warning, tr("Export"),
                        tr("%1 was not written.").arg(QFileInfo(path).fileName()), QMessageBox::Ok, this);
    box->setInformativeText(
        tr("%1: %2. Choose another place, or look at the disk.").arg(QFileInfo(path).absolutePath(), reason));
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->open();
}

// Where cells of the table are selected it is these.
void ChartPane::copy() {
    if (isTableShown() && m_table->selectionModel()->selectedIndexes().size() > 1)
        QGuiApplication::clipboard()->setText(selectedText(*m_table));
    else
        QGuiApplication::clipboard()->setMimeData(chartData(*m_grid, exportSize()));
}

QMimeData* chartData(ChartGrid& grid, QSize size) {
    auto* data = new QMimeData;
    data->setImageData(pictureOf(grid, size));
    data->setText(gridToTabs(grid));
    return data;
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
        if (!pictureOf(grid, size).save(&file, "png"))
            return ChartPane::tr("The picture could not be written.");
    } else {
        return ChartPane::tr("The name must end in .png, .svg, .pdf or .csv.");
    }
    return file.commit() ? QString() : file.errorString();
}

}  // namespace caravan::widgets

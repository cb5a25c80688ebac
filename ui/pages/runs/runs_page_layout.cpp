// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The regions and actions of the runs page.
#include <QCheckBox>
#include <QHeaderView>
#include <QLineEdit>
#include <QSplitter>
#include <QTableView>
#include <QVBoxLayout>

#include "ui/actions/action_registry.h"
#include "ui/pages/runs/run_differences.h"
#include "ui/pages/runs/run_overlay.h"
#include "ui/pages/runs/runs_delegate.h"
#include "ui/pages/runs/runs_page.h"
#include "ui/shell/icon_label.h"
#include "ui/shell/pane_header.h"
#include "ui/shell/tables.h"
#include "widgets/message_bar.h"
#include "widgets/segmented.h"

namespace caravan::ui {

using widgets::TextRole;

void RunsPage::makeActions() {
    ActionRegistry* actions = services().actions;
    const QString run = QStringLiteral("run"), page = QStringLiteral("runs");
    m_open = actions->add(
        {.id = QStringLiteral("runs.open"),
         .text = tr("Show in T&une"),
         .menu = run,
         .icon = "tune",
         .page = page,
         .section = 4},
        this, [this] {
            if (!currentRun().isEmpty())
                Q_EMIT linkActivated(QStringLiteral("tune"), {{QStringLiteral("run"), currentRun()}});
        });
    m_rename = actions->add(
        {.id = QStringLiteral("runs.rename"),
         .text = tr("R&ename"),
         .menu = run,
         .shortcut = QKeySequence(Qt::Key_F2),
         .icon = "edit",
         .page = page,
         .section = 4},
        this, [this] { m_table->edit(m_table->currentIndex().siblingAtColumn(RunsModel::Name)); });
    m_tags = actions->add(
        {.id = QStringLiteral("runs.tags"),
         .text = tr("Edit ta&gs"),
         .menu = run,
         .icon = "star",
         .page = page,
         .section = 4},
        this, [this] { m_table->edit(m_table->currentIndex().siblingAtColumn(RunsModel::Tags)); });
    m_note = actions->add({.id = QStringLiteral("runs.note"),
                           .text = tr("Edit n&ote…"),
                           .menu = run,
                           .icon = "book",
                           .page = page,
                           .section = 4},
                          this, [this] { editNote(); });
    m_duplicate = actions->add({.id = QStringLiteral("runs.duplicate"),
                                .text = tr("&Duplicate"),
                                .menu = run,
                                .icon = "copy",
                                .page = page,
                                .section = 4,
                                .tip = tr("Takes its settings and data to Upcycle")},
                               this, [this] { duplicate(); });
    makeQueueActions();
    m_delete = actions->add({.id = QStringLiteral("runs.delete"),
                             .text = tr("De&lete run"),
                             .menu = run,
                             .page = page,
                             .section = 5},
                            this, [this] { moveToTrash(); });
    m_delete->setShortcut(QKeySequence::Delete);
    m_delete->setShortcutContext(Qt::WidgetShortcut);
}

void RunsPage::makeHeader() {
    m_search = new QLineEdit;
    m_search->setPlaceholderText(tr("Search name, note, tag, setting"));
    m_search->setAccessibleName(tr("Search runs"));
    m_search->setFixedWidth(260);
    makeSearchField(m_search);
    m_kind = new widgets::Segmented({tr("All"), tr("Running"), tr("Not started"), tr("Ended")});
    m_kind->setAccessibleName(tr("Which runs"));
    addHeaderWidget(m_search);
    addHeaderWidget(m_kind);
    m_duplicateButton = actionButton(m_duplicate);
    m_newButton = textButton(tr("New run"), QStringLiteral("plus"), true);
    m_reportButton = actionButton(m_report);
    addHeaderButton(m_duplicateButton);
    addHeaderButton(m_reportButton);
    addHeaderButton(m_newButton);
    m_queue = new QueueBar;
    addBar(m_queue);
    connect(m_queue, &QueueBar::startRequested, this, [this] {
        if (project() != nullptr) project()->startQueue();
    });
    m_message = new widgets::MessageBar;
    addBar(m_message);
    connect(m_search, &QLineEdit::textChanged, m_filter, &RunsFilter::setWords);
    connect(m_kind, &widgets::Segmented::currentChanged, this,
            [this](int kind) { m_filter->setKind(static_cast<RunsFilter::Kind>(kind)); });
    connect(m_newButton, &QPushButton::clicked, this,
            [this] { Q_EMIT linkActivated(QStringLiteral("upcycle"), {}); });
}

QWidget* RunsPage::makeEmpty() {
    auto* box = new Surface(Token::Base);
    auto* column = new QVBoxLayout(box);
    column->addStretch();
    column->addWidget(new ThemedLabel(tr("No run yet"), TextRole::Section), 0, Qt::AlignHCenter);
    column->addWidget(new ThemedLabel(tr("Runs stand here with their curves, side by side, and what differs "
                                         "between them."),
                                      TextRole::Body, Token::Text2),
                      0, Qt::AlignHCenter);
    auto* import = actionButton(m_import);
    column->addSpacing(12);
    column->addWidget(import, 0, Qt::AlignHCenter);
    column->addStretch();
    return box;
}

QWidget* RunsPage::makeTable() {
    m_table = flatTable(tr("Runs"));
    m_table->setModel(m_filter);
    m_table->setItemDelegate(new RunsDelegate(m_table));
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->setEditTriggers(QAbstractItemView::EditKeyPressed);
    m_table->setSortingEnabled(true);
    m_table->sortByColumn(-1, Qt::AscendingOrder);
    m_table->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_table->installEventFilter(this);
    m_table->viewport()->installEventFilter(this);
    QHeaderView* header = m_table->horizontalHeader();
    header->setMinimumSectionSize(40);
    constexpr int kHeadRoom = 10, kCellRoom = 24;  // px beside a column's words
    const QFontMetrics cells(widgets::textFont(TextRole::Body));
    constexpr int kWidths[] = {66, 160, 116, 106, 40, 36, 50, 60, 100, 100, 74, 68, 70, 102, 64};
    for (int column = 0; column < RunsModel::ColumnCount; ++column) {
        const QString head = m_model->headerData(column, Qt::Horizontal, Qt::DisplayRole).toString();
        int width = std::max(kWidths[column], header->fontMetrics().horizontalAdvance(head) + kHeadRoom);
        for (const QString& words : RunsModel::wordsOf(column))
            width = std::max(width, cells.horizontalAdvance(words) + kCellRoom);
        m_table->setColumnWidth(column, width);
    }
    header->setSectionResizeMode(RunsModel::Name, QHeaderView::Stretch);  // all columns fit from 1366 px on
    header->setResizeContentsPrecision(0);
    m_table->verticalHeader()->setDefaultSectionSize(29);
    for (QAction* action : {m_open, m_rename, m_tags, m_note, m_duplicate, m_report, m_enqueue, m_unqueue,
                            m_up, m_down, m_import, m_delete})
        m_table->addAction(action);
    m_table->setContextMenuPolicy(Qt::ActionsContextMenu);
    // Later: while the filter takes the current row out it must not be told of changed rows, which would
    // take them out a second time.
    connect(
        m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
        [this] { currentChanged(); }, Qt::QueuedConnection);
    connect(m_table, &QTableView::doubleClicked, this, [this](const QModelIndex& index) {
        if (index.column() != RunsModel::Check) m_open->trigger();
    });

    m_overlay = new RunOverlay;
    auto* below = new QSplitter(Qt::Horizontal);
    below->addWidget(m_overlay);
    below->addWidget(makeDifferences());
    below->setStretchFactor(0, 3);
    below->setStretchFactor(1, 2);
    below->setSizes({784, 580});
    below->setChildrenCollapsible(false);
    auto* split = new QSplitter(Qt::Vertical);
    split->addWidget(m_table);
    split->addWidget(below);
    split->setStretchFactor(0, 4);
    split->setStretchFactor(1, 5);
    split->setSizes({330, 420});
    split->setChildrenCollapsible(false);
    return split;
}

QWidget* RunsPage::makeDifferences() {
    m_differencesHeader = new PaneHeader(tr("Only what differs"));
    m_differencesHeader->setFixedHeight(44);
    auto* only = new QCheckBox(tr("Only differing"));
    only->setChecked(true);
    m_differencesHeader->addWidget(only);
    connect(only, &QCheckBox::toggled, this, [this](bool on) {
        m_differences->setOnlyDiffering(on);
        m_differencesHeader->setTitle(on ? tr("Only what differs") : tr("Settings and results"));
    });
    auto* table = flatTable(tr("Settings and results of the checked runs"));
    table->setModel(m_differences);
    table->setSelectionMode(QAbstractItemView::SingleSelection);
    table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table->horizontalHeader()->setMinimumSectionSize(84);
    table->horizontalHeader()->setTextElideMode(Qt::ElideMiddle);
    connect(m_differences, &QAbstractItemModel::modelReset, table, [table] {
        QHeaderView* header = table->horizontalHeader();
        if (header->count() == 0) return;
        int widest = 84;  // px; names of runs have room up to a limit, then the table scrolls
        for (int column = 1; column < header->count(); ++column)
            widest = std::max(widest, header->fontMetrics().horizontalAdvance(
                                          header->model()->headerData(column, Qt::Horizontal).toString()) +
                                          16);
        header->setMinimumSectionSize(std::min(widest, 160));
        header->setSectionResizeMode(QHeaderView::Stretch);
        header->setSectionResizeMode(0, QHeaderView::ResizeToContents);
    });
    m_same = new ThemedLabel(QString(), TextRole::Secondary, Token::Text2);
    m_same->setWordWrap(true);
    m_same->setContentsMargins(16, 6, 16, 8);
    auto* box = new Surface(Token::Base);
    box->setMinimumWidth(320);
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_differencesHeader);
    column->addWidget(table, 1);
    column->addWidget(m_same);
    return box;
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// The regions of the data page.
#include <QComboBox>
#include <QHeaderView>
#include <QLabel>
#include <QProgressBar>
#include <QSortFilterProxyModel>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QVBoxLayout>

#include "ui/bridge/engine_link.h"
#include "ui/pages/data/batch_view.h"
#include "ui/pages/data/data_delegates.h"
#include "ui/pages/data/data_files_model.h"
#include "ui/pages/data/data_page.h"
#include "ui/pages/data/data_problems_model.h"
#include "ui/pages/data/length_plot.h"
#include "ui/project_context.h"
#include "ui/shell/pane_header.h"
#include "ui/shell/tables.h"
#include "ui/theme/style.h"
#include "widgets/chart_pane.h"
#include "widgets/stack_bar.h"

namespace caravan::ui {

using widgets::TextRole;

namespace {

// A 36 px head, then the content.
QWidget* pane(PaneHeader* header, QWidget* content) {
    auto* box = new Surface(Token::Base);
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(header);
    layout->addWidget(content, 1);
    return box;
}

// In a narrow pane the names of the files need the room of other columns. What a file is used for also stands
// under Weight and in the menu, what it was recognized as in the tool tip.
class RoomForNames : public QObject {
  public:
    explicit RoomForNames(QTableView* table) : QObject(table), m_table(table) {
        table->installEventFilter(this);
        connect(
            table->horizontalHeader(), &QHeaderView::sectionResized, this,
            [this](int column) {
                if (column == DataFilesModel::Domain || column == DataFilesModel::Rows ||
                    column == DataFilesModel::Rejected)
                    share();
            },
            Qt::QueuedConnection);
    }
    bool eventFilter(QObject*, QEvent* event) override {
        if (event->type() == QEvent::Resize) share();
        return false;
    }

  private:
    void share() {
        using Files = DataFilesModel;
        constexpr int kRoomForAll = 700, kLetters = 18;
        const QHeaderView* header = m_table->horizontalHeader();
        int room = m_table->width() - header->sectionSize(Files::Weight) - m_format;
        for (const int column : {Files::Domain, Files::Rows, Files::Rejected})
            room -= header->sectionSize(column);
        const int name = 24 + kLetters * m_table->fontMetrics().averageCharWidth();
        m_table->setColumnHidden(Files::Use, m_table->width() < kRoomForAll);
        m_table->setColumnHidden(Files::Format, room < name);
    }

    QTableView* m_table;
    int m_format = m_table->columnWidth(DataFilesModel::Format);  // px, of its own wish
};

}  // namespace

QWidget* DataPage::makeEmpty() {
    auto* title =
        new ThemedLabel(tr("Add files or drop them: JSON, JSONL, CSV, TSV, text"), TextRole::Section);
    auto* text = new ThemedLabel(tr("Alpaca, ShareGPT, OpenAI messages and PESC rows are recognized. Only "
                                    "the answers are trained."),
                                 TextRole::Body, Token::Text2);
    QPushButton* add = textButton(tr("Add files…"), QStringLiteral("plus"), true);
    connect(add, &QPushButton::clicked, m_add, &QAction::trigger);
    auto* box = new Surface(Token::Base);
    auto* layout = new QVBoxLayout(box);
    layout->setSpacing(8);
    layout->addStretch(2);
    layout->addWidget(title, 0, Qt::AlignHCenter);
    layout->addWidget(text, 0, Qt::AlignHCenter);
    layout->addSpacing(8);
    layout->addWidget(add, 0, Qt::AlignHCenter);
    layout->addStretch(3);
    return box;
}

QWidget* DataPage::makeFiles() {
    m_table = flatTable(tr("Data files"));
    m_table->setObjectName(QStringLiteral("dataFiles"));
    m_table->setModel(m_files);
    m_table->setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed |
                             QAbstractItemView::AnyKeyPressed);
    m_table->setItemDelegateForColumn(DataFilesModel::Weight, new WeightDelegate(m_table));
    m_table->setItemDelegateForColumn(DataFilesModel::Use, new UseDelegate(m_table));
    QHeaderView* header = m_table->horizontalHeader();
    header->setSectionResizeMode(QHeaderView::ResizeToContents);
    header->setMinimumSectionSize(56);
    header->setSectionResizeMode(DataFilesModel::File, QHeaderView::Stretch);
    header->setSectionResizeMode(DataFilesModel::Weight, QHeaderView::Fixed);
    header->resizeSection(DataFilesModel::Weight, 84);
    // A file of several shapes has a long name for what it is: the whole is told on hover.
    header->setSectionResizeMode(DataFilesModel::Format, QHeaderView::Interactive);
    header->resizeSection(DataFilesModel::Format,
                          32 + m_table->fontMetrics().horizontalAdvance(tr("OpenAI messages")));
    m_table->addAction(m_remove);
    m_remove->setShortcut(QKeySequence::Delete);
    m_remove->setShortcutContext(Qt::WidgetShortcut);
    m_table->addActions({m_use, m_addHeldout});
    new RoomForNames(m_table);
    m_table->setContextMenuPolicy(Qt::ActionsContextMenu);
    connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this, [this] {
        m_remove->setEnabled(m_table->selectionModel()->hasSelection());
        renewUse();
    });
    m_remove->setEnabled(false);
    m_use->setEnabled(false);
    auto* header2 = new PaneHeader(tr("Files"));
    header2->addMenu({m_add, m_addHeldout, m_mapping, m_use, m_remove});
    return pane(header2, m_table);
}

QWidget* DataPage::makeMix() {
    auto* mix = new Surface(Token::Base, Surface::Bottom);
    auto* bars = new QVBoxLayout(mix);
    bars->setContentsMargins(16, 0, 16, 16);
    bars->setSpacing(4);
    m_byRows = new widgets::StackBar;
    m_byRows->setAccessibleName(tr("Mix by rows"));
    m_byTokens = new widgets::StackBar;
    m_byTokens->setAccessibleName(tr("Mix by tokens"));
    for (const auto& [name, bar] :
         {std::pair{tr("By rows"), m_byRows}, std::pair{tr("By tokens, what the model sees"), m_byTokens}}) {
        bar->setNamed(true);
        bars->addWidget(new ThemedLabel(name, TextRole::Caption, Token::Text2));
        bars->addWidget(bar);
        bars->addSpacing(2);
    }
    m_mixHeader = new PaneHeader(tr("Mix"));
    auto* box = new Surface(Token::Base, Surface::Top);
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 1, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_mixHeader);
    layout->addWidget(mix);
    return box;
}

QWidget* DataPage::makeProblems() {
    m_problemTable = flatTable(tr("Rows with problems"));
    auto* sorted = new QSortFilterProxyModel(this);
    sorted->setSourceModel(m_problems);
    sorted->setSortRole(DataProblemsModel::SortRole);
    m_problemTable->setModel(sorted);
    m_problemTable->setSortingEnabled(true);
    m_problemTable->sortByColumn(-1, Qt::AscendingOrder);
    m_problemTable->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_problemTable->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_problemTable->horizontalHeader()->setSectionResizeMode(DataProblemsModel::Reason, QHeaderView::Stretch);
    // Long names leave room for the reason, whose beginning says most.
    m_problemTable->horizontalHeader()->setSectionResizeMode(DataProblemsModel::File,
                                                             QHeaderView::Interactive);
    m_problemTable->horizontalHeader()->resizeSection(
        DataProblemsModel::File,
        32 + m_problemTable->fontMetrics().horizontalAdvance(QStringLiteral("general.heldout.jsonl")));
    m_problemTable->setTextElideMode(Qt::ElideRight);
    const auto open = [this](const QModelIndex& index) {
        openRow(
            index.data(DataProblemsModel::PathRole).toString(),
            index.siblingAtColumn(DataProblemsModel::Line).data(DataProblemsModel::SortRole).toLongLong());
    };
    connect(m_problemTable, &QTableView::activated, this, open);
    connect(m_problemTable, &QTableView::clicked, this, [open](const QModelIndex& index) {
        if (index.column() == DataProblemsModel::Line) open(index);
    });
    m_exportButton = textButton(tr("Export list…"), QStringLiteral("export"));
    setQuiet(m_exportButton);
    connect(m_exportButton, &QPushButton::clicked, this, [this] { exportProblems(); });
    auto* none = new ThemedLabel(tr("Every row can be used."), TextRole::Secondary, Token::Text2);
    none->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    none->setContentsMargins(16, 6, 16, 0);
    m_problemStack = new QStackedWidget;
    m_problemStack->addWidget(none);
    m_problemStack->addWidget(m_problemTable);
    m_problemHeader = new PaneHeader(tr("Rows with problems"));
    m_problemHeader->addWidget(m_exportButton);
    return pane(m_problemHeader, m_problemStack);
}

QWidget* DataPage::makeTotals() {
    auto* bar = new Surface(Token::Base, Surface::Top);
    bar->setFixedHeight(44);
    auto* row = new QHBoxLayout(bar);
    row->setContentsMargins(16, 1, 16, 0);
    row->setSpacing(6);
    const QString names[] = {tr("Used"), tr("Cut"), tr("Answer tokens lost"), tr("Held out")};
    for (int i = 0; i < 4; ++i) {
        row->addWidget(new ThemedLabel(names[i], TextRole::Secondary, Token::Text2));
        m_totals[i] = new ThemedLabel(QStringLiteral("–"), TextRole::Number);
        m_totals[i]->setAccessibleName(names[i]);
        row->addWidget(m_totals[i]);
        row->addSpacing(14);
    }
    row->addStretch(1);
    return bar;
}

QWidget* DataPage::makeLeft() {
    m_addButton = textButton(tr("Add files…"), QStringLiteral("plus"));
    connect(m_addButton, &QPushButton::clicked, m_add, &QAction::trigger);
    QPushButton* heldout = textButton(tr("Add held-out files…"), QStringLiteral("split"));
    connect(heldout, &QPushButton::clicked, m_addHeldout, &QAction::trigger);
    addHeaderButton(actionButton(m_mapping));
    addHeaderButton(actionButton(m_split));
    addHeaderButton(heldout);
    addHeaderButton(m_addButton);
    auto* box = new Surface(Token::Base);
    box->setMinimumWidth(480);
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(makeFiles());
    layout->addSpacing(12);
    layout->addWidget(makeMix());
    layout->addWidget(makeProblems(), 1);
    layout->addWidget(makeTotals());
    return box;
}

QWidget* DataPage::makeRight() {
    m_lengths = new LengthPlot;
    connect(m_lengths, &LengthPlot::cutChanged, this, [this](qint64 tokens) {
        if (project() == nullptr) return;
        engine::Recipe recipe = project()->recipe();
        recipe.tune.sequenceLength = tokens;
        project()->setRecipe(recipe, tr("Sequence length"), QStringLiteral("tune.sequence_length"));
    });
    m_batch = new BatchView;
    connect(m_batch, &BatchView::rowActivated, this, &DataPage::openRow);
    m_batch->setMinimumHeight(120);
    auto* lengthHeader = new PaneHeader(tr("Row length in tokens"));
    lengthHeader->setContext(tr("rows per 64 tokens"));
    lengthHeader->addWidget(m_lengths->legend());
    lengthHeader->addWidget(m_lengths->cutField());
    lengthHeader->addMenu(m_lengths->pane()->chartActions());
    connect(m_lengths, &LengthPlot::longRowsChosen, this, &DataPage::setLongRows);
    m_batchHeader = new PaneHeader(tr("First batch, as the model sees it"));
    m_template = new QComboBox;
    m_template->setAccessibleName(tr("Template of the conversations"));
    m_template->setToolTip(tr("Template of the conversations: the same in tuning, chat and evaluation"));
    const std::pair<const char*, QString> templates[] = {
        {"pesc", tr("PESC format")},     {"llama2", tr("Llama 2")},  {"llama3", tr("Llama 3")},
        {"chatml", tr("ChatML")},        {"mistral", tr("Mistral")}, {"alpaca", tr("Alpaca")},
        {"model", tr("The model's own")}};
    for (const auto& [name, words] : templates)
        m_template->addItem(words, QString::fromLatin1(name));
    connect(m_template, &QComboBox::activated, this,
            [this] { setTemplate(m_template->currentData().toString()); });
    m_batchHeader->addWidget(m_template);
    auto* split = new QSplitter(Qt::Vertical);
    split->addWidget(pane(lengthHeader, m_lengths));
    split->addWidget(pane(m_batchHeader, m_batch));
    split->setStretchFactor(0, 3);
    split->setStretchFactor(1, 7);
    split->setSizes({226, 520});
    split->setChildrenCollapsible(false);
    return split;
}

QWidget* DataPage::makeFooter() {
    m_verdictIcon = new QLabel;
    m_verdictIcon->setFixedWidth(24);
    m_verdict = new ThemedLabel;
    m_verdict->setWordWrap(true);
    m_progress = new QProgressBar;
    m_progress->setFixedWidth(160);
    m_progress->setAccessibleName(tr("Reading rows"));
    m_cancel = textButton(tr("Cancel"));
    connect(m_cancel, &QPushButton::clicked, this, [this] {
        if (m_request != 0) services().engine->cancel(m_request);
    });
    m_startButton = textButton(tr("Start tuning"), QStringLiteral("play"), true);
    connect(m_startButton, &QPushButton::clicked, m_start, &QAction::trigger);
    auto* bar = new Surface(Token::Base, Surface::Top);
    bar->setFixedHeight(53);
    auto* row = new QHBoxLayout(bar);
    row->setContentsMargins(16, 1, 16, 0);
    row->setSpacing(12);
    row->addWidget(m_verdictIcon);
    row->addWidget(m_verdict, 1);
    row->addWidget(m_progress);
    row->addWidget(m_cancel);
    row->addWidget(m_startButton);
    return bar;
}

}  // namespace caravan::ui

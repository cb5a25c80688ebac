// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/data/data_page.h"

#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPointer>
#include <QProgressBar>
#include <QPushButton>
#include <QSaveFile>
#include <QSortFilterProxyModel>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QVBoxLayout>

#include "engine/api/config/descriptors.h"
#include "engine/api/event_json.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/data/batch_view.h"
#include "ui/pages/data/data_delegates.h"
#include "ui/pages/data/data_files_model.h"
#include "ui/pages/data/data_problems_model.h"
#include "ui/pages/data/length_plot.h"
#include "ui/project_context.h"
#include "widgets/message_bar.h"
#include "widgets/stack_bar.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {

// A pane: 36 px title with a gray fact behind it, then the content.
QWidget* pane(const QString& title, QLabel* fact, QWidget* content, QWidget* tool = nullptr) {
    auto* name = new QLabel(title);
    name->setFont(widgets::textFont(widgets::TextRole::DockTitle));
    auto* head = new QHBoxLayout;
    head->setContentsMargins(16, 0, 12, 0);
    head->setSpacing(8);
    head->addWidget(name);
    if (fact != nullptr) {
        fact->setForegroundRole(QPalette::PlaceholderText);
        head->addWidget(fact);
    }
    head->addStretch(1);
    if (tool != nullptr) head->addWidget(tool);
    auto* bar = new QWidget;
    bar->setFixedHeight(36);
    bar->setLayout(head);
    auto* box = new QWidget;
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(bar);
    layout->addWidget(content, 1);
    box->setBackgroundRole(QPalette::Base);
    box->setAutoFillBackground(true);
    return box;
}

QTableView* table(const QString& name) {
    auto* view = new QTableView;
    view->setAccessibleName(name);
    view->setFrameShape(QFrame::NoFrame);
    view->setShowGrid(false);
    view->setSelectionBehavior(QAbstractItemView::SelectRows);
    view->setTabKeyNavigation(false);
    view->verticalHeader()->hide();
    view->verticalHeader()->setDefaultSectionSize(28);
    view->horizontalHeader()->setHighlightSections(false);
    view->setWordWrap(false);
    view->setTextElideMode(Qt::ElideMiddle);
    return view;
}

// What the preview depends on.
std::string previewKey(const engine::Recipe& recipe) {
    const nlohmann::json json = engine::recipeToJson(recipe);
    nlohmann::json key;
    for (const char* part : {"model", "data", "tune", "seed"})
        if (json.contains(part)) key[part] = json[part];
    return key.dump();
}

struct DomainShare {
    QString name;
    double rows = 0, tokens = 0;
};
std::vector<DomainShare> sharesOf(const engine::DataPreview& preview) {
    std::vector<DomainShare> shares;
    for (const engine::DataFileReport& file : preview.files) {
        if (file.heldout || !file.error.empty()) continue;
        const QString name = QString::fromStdString(file.name);
        auto found =
            std::find_if(shares.begin(), shares.end(), [&](const DomainShare& s) { return s.name == name; });
        if (found == shares.end()) found = shares.insert(shares.end(), DomainShare{name});
        found->rows += static_cast<double>(file.used);
        found->tokens += static_cast<double>(file.tokens);
    }
    return shares;
}

QVector<widgets::StackBar::Part> parts(const std::vector<DomainShare>& shares, double DomainShare::*what) {
    double total = 0;
    for (const DomainShare& s : shares)
        total += s.*what;
    QVector<widgets::StackBar::Part> out;
    for (const DomainShare& s : shares)
        out.push_back({s.name, s.*what,
                       total > 0
                           ? QString::number(100 * s.*what / total, 'f', 1) + kThinSpace + QLatin1Char('%')
                           : QString()});
    return out;
}

}  // namespace

DataPage::DataPage(const Services& services, QWidget* parent)
    : Page(QStringLiteral("data"), tr("Data"), services, parent),
      m_files(new DataFilesModel(this)),
      m_problems(new DataProblemsModel(this)),
      m_stack(new QStackedWidget),
      m_message(new widgets::MessageBar) {
    m_debounce.setSingleShot(true);
    m_debounce.setInterval(300);
    connect(&m_debounce, &QTimer::timeout, this, [this] { requestPreview(); });
    makeActions();
    m_message->hide();
    addBar(m_message);
    connect(m_message, &widgets::MessageBar::closed, m_message, &QWidget::hide);

    auto* split = new QSplitter(Qt::Horizontal);
    split->addWidget(makeLeft());
    split->addWidget(makeRight());
    split->setStretchFactor(0, 10);
    split->setStretchFactor(1, 11);
    split->setSizes({660, 700});
    split->setChildrenCollapsible(false);
    auto* whole = new QWidget;
    auto* layout = new QVBoxLayout(whole);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(split, 1);
    layout->addWidget(makeFooter());
    m_stack->addWidget(makeEmpty());
    m_stack->addWidget(whole);
    setCentralWidget(m_stack);
    connect(m_files, &DataFilesModel::edited, this, &DataPage::commitData);
    connect(services.engine, &EngineLink::stateChanged, this, [this] {
        if (this->services().engine->isUsable() && m_stale) m_debounce.start();
        showState();
    });
    connect(services.runs, &RunController::liveChanged, this, [this] { showState(); });
    showState();
}

void DataPage::makeActions() {
    ActionRegistry* actions = services().actions;
    const auto choose = [this](bool heldout) {
        const QStringList paths =
            QFileDialog::getOpenFileNames(this, heldout ? tr("Add held-out files") : tr("Add files"),
                                          project() != nullptr ? project()->folder() : QString(),
                                          tr("Instruction data (*.jsonl *.json);;All files (*)"));
        if (!paths.isEmpty()) addFiles(paths, heldout);
    };
    m_add = actions->add({.id = QStringLiteral("data.add"),
                          .text = tr("&Add data files…"),
                          .menu = QStringLiteral("model"),
                          .icon = QStringLiteral("plus"),
                          .page = QStringLiteral("data"),
                          .section = 2},
                         this, [choose] { choose(false); });
    m_addHeldout = actions->add({.id = QStringLiteral("data.add_heldout"),
                                 .text = tr("Add &held-out files…"),
                                 .menu = QStringLiteral("model"),
                                 .page = QStringLiteral("data"),
                                 .section = 2},
                                this, [choose] { choose(true); });
    m_remove = actions->add({.id = QStringLiteral("data.remove"),
                             .text = tr("&Remove data file"),
                             .menu = QStringLiteral("model"),
                             .page = QStringLiteral("data"),
                             .section = 2},
                            this, [this] { removeSelected(); });
    m_start = actions->add({.id = QStringLiteral("data.start"),
                            .text = tr("&Start tuning"),
                            .menu = QStringLiteral("run"),
                            .shortcut = QKeySequence(Qt::CTRL | Qt::Key_R),
                            .icon = QStringLiteral("play"),
                            .page = QStringLiteral("data")},
                           this, [this] { startTuning(); });
}

QWidget* DataPage::makeEmpty() {
    auto* title = new QLabel(tr("Add files or drop them: JSONL or JSON with instruction rows"));
    title->setFont(widgets::textFont(widgets::TextRole::Section));
    title->setAlignment(Qt::AlignCenter);
    auto* text =
        new QLabel(tr("Each row holds an instruction, and one or more turns of input and output. Only the "
                      "outputs are trained."));
    text->setAlignment(Qt::AlignCenter);
    text->setForegroundRole(QPalette::PlaceholderText);
    auto* add = new QPushButton(tr("Add files…"));
    add->setDefault(true);
    connect(add, &QPushButton::clicked, m_add, &QAction::trigger);
    auto* box = new QWidget;
    box->setBackgroundRole(QPalette::Base);
    box->setAutoFillBackground(true);
    auto* layout = new QVBoxLayout(box);
    layout->setSpacing(8);
    layout->addStretch(2);
    layout->addWidget(title);
    layout->addWidget(text);
    layout->addSpacing(8);
    layout->addWidget(add, 0, Qt::AlignHCenter);
    layout->addStretch(3);
    return box;
}

QWidget* DataPage::makeLeft() {
    m_table = table(tr("Data files"));
    m_table->setModel(m_files);
    m_table->setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed |
                             QAbstractItemView::AnyKeyPressed);
    m_table->setItemDelegateForColumn(DataFilesModel::Weight, new WeightDelegate(m_table));
    m_table->setItemDelegateForColumn(DataFilesModel::Use, new UseDelegate(m_table));
    QHeaderView* header = m_table->horizontalHeader();
    header->setSectionResizeMode(QHeaderView::ResizeToContents);
    header->setMinimumSectionSize(56);
    header->setSectionResizeMode(DataFilesModel::File, QHeaderView::Stretch);
    m_table->addAction(m_remove);
    m_remove->setShortcut(QKeySequence::Delete);
    m_remove->setShortcutContext(Qt::WidgetShortcut);
    m_table->addAction(m_addHeldout);
    m_table->setContextMenuPolicy(Qt::ActionsContextMenu);
    connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            [this] { m_remove->setEnabled(m_table->selectionModel()->hasSelection()); });
    m_remove->setEnabled(false);

    m_mixText = new QLabel;
    auto* mix = new QWidget;
    auto* bars = new QVBoxLayout(mix);
    bars->setContentsMargins(16, 0, 16, 12);
    bars->setSpacing(4);
    m_byRows = new widgets::StackBar;
    m_byRows->setAccessibleName(tr("Mix by rows"));
    m_byTokens = new widgets::StackBar;
    m_byTokens->setAccessibleName(tr("Mix by tokens"));
    for (const auto& [name, bar] :
         {std::pair{tr("By rows"), m_byRows}, std::pair{tr("By tokens, what the model sees"), m_byTokens}}) {
        auto* label = new QLabel(name);
        label->setFont(widgets::textFont(widgets::TextRole::Caption));
        label->setForegroundRole(QPalette::PlaceholderText);
        bars->addWidget(label);
        bars->addWidget(bar);
    }

    m_problemText = new QLabel;
    m_problemTable = table(tr("Rows with problems"));
    auto* sorted = new QSortFilterProxyModel(this);
    sorted->setSourceModel(m_problems);
    sorted->setSortRole(DataProblemsModel::SortRole);
    m_problemTable->setModel(sorted);
    m_problemTable->setSortingEnabled(true);
    m_problemTable->sortByColumn(-1, Qt::AscendingOrder);
    m_problemTable->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_problemTable->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_problemTable->horizontalHeader()->setStretchLastSection(true);
    connect(m_problemTable, &QTableView::activated, this, [this](const QModelIndex& index) {
        openRow(
            index.data(DataProblemsModel::PathRole).toString(),
            index.siblingAtColumn(DataProblemsModel::Line).data(DataProblemsModel::SortRole).toLongLong());
    });
    auto* exportList = new QPushButton(widgets::themeIcon(QStringLiteral("export")), tr("Export list…"));
    exportList->setFlat(true);
    connect(exportList, &QPushButton::clicked, this, [this] { exportProblems(); });

    m_totals = new QLabel;
    m_totals->setTextFormat(Qt::RichText);
    m_totals->setContentsMargins(16, 0, 16, 0);
    m_totals->setFixedHeight(44);

    m_addButton = new QPushButton(widgets::themeIcon(QStringLiteral("plus")), tr("Add files…"));
    connect(m_addButton, &QPushButton::clicked, m_add, &QAction::trigger);
    addHeaderButton(m_addButton);
    auto* heldoutButton = new QPushButton(tr("Add held-out files…"));
    connect(heldoutButton, &QPushButton::clicked, m_addHeldout, &QAction::trigger);
    addHeaderButton(heldoutButton);

    auto* split = new QSplitter(Qt::Vertical);
    split->addWidget(pane(tr("Files"), nullptr, m_table));
    split->addWidget(pane(tr("Mix"), m_mixText, mix));
    split->addWidget(pane(tr("Rows with problems"), m_problemText, m_problemTable, exportList));
    split->setChildrenCollapsible(false);
    split->setStretchFactor(0, 4);
    split->setStretchFactor(2, 5);
    auto* box = new QWidget;
    box->setBackgroundRole(QPalette::Base);
    box->setAutoFillBackground(true);
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(split, 1);
    layout->addWidget(m_totals);
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
    auto* split = new QSplitter(Qt::Vertical);
    split->addWidget(pane(tr("Row length in tokens"), new QLabel(tr("rows per 64 tokens")), m_lengths));
    split->addWidget(
        pane(tr("First batch, exactly as the model sees it"), new QLabel(tr("step 1")), m_batch));
    split->setStretchFactor(0, 3);
    split->setStretchFactor(1, 7);
    split->setChildrenCollapsible(false);
    return split;
}

QWidget* DataPage::makeFooter() {
    m_verdict = new QLabel;
    m_verdict->setWordWrap(true);
    m_progress = new QProgressBar;
    m_progress->setFixedWidth(160);
    m_progress->setAccessibleName(tr("Reading rows"));
    m_cancel = new QPushButton(tr("Cancel"));
    connect(m_cancel, &QPushButton::clicked, this, [this] {
        if (m_request != 0) services().engine->cancel(m_request);
    });
    m_startButton = new QPushButton(
        widgets::themeIcon(QStringLiteral("play"), widgets::themeColors().onAccent), tr("Start tuning"));
    connect(m_startButton, &QPushButton::clicked, m_start, &QAction::trigger);
    auto* bar = new QWidget;
    bar->setFixedHeight(56);
    auto* row = new QHBoxLayout(bar);
    row->setContentsMargins(16, 0, 16, 0);
    row->setSpacing(12);
    row->addWidget(m_verdict, 1);
    row->addWidget(m_progress);
    row->addWidget(m_cancel);
    row->addWidget(m_startButton);
    return bar;
}

// --- project and recipe
// -----------------------------------------------------------------------------------------------

void DataPage::setProject(ProjectContext* project) {
    if (this->project() != nullptr) this->project()->disconnect(this);
    Page::setProject(project);
    m_preview.reset();
    m_error.reset();
    m_shownKey.clear();
    if (project != nullptr) {
        connect(project, &ProjectContext::recipeChanged, this, [this] { recipeChanged(); });
        connect(project, &ProjectContext::opened, this, [this] { recipeChanged(); });
    }
    recipeChanged();
}

void DataPage::setActive(bool active) {
    Page::setActive(active);
    if (active && m_stale) m_debounce.start(0);
}

void DataPage::recipeChanged() {
    if (project() == nullptr) {
        m_files->setFiles({});
        return showState();
    }
    m_files->setFiles(project()->recipe().data);
    m_stale = previewKey(project()->recipe()) != m_shownKey;
    if (m_stale && isActive()) m_debounce.start();
    showState();
}

void DataPage::commitData(const engine::Recipe::Data& data, const QString& text, const QString& mergeKey) {
    if (project() == nullptr) return;
    engine::Recipe recipe = project()->recipe();
    recipe.data = data;
    project()->setRecipe(recipe, text, mergeKey);
}

void DataPage::addFiles(const QStringList& paths, bool heldout) {
    if (project() == nullptr) return;
    engine::Recipe::Data data = project()->recipe().data;
    for (const QString& path : paths) {
        engine::DataFile file;
        file.path = QDir::cleanPath(path).toStdString();
        const auto known = [&](const engine::DataFile& f) { return f.path == file.path; };
        if (std::any_of(data.files.begin(), data.files.end(), known) ||
            std::any_of(data.heldout.begin(), data.heldout.end(), known))
            continue;
        // "math.heldout.jsonl" says itself what it is for.
        const bool saysHeldout =
            QFileInfo(path).fileName().contains(QLatin1String("heldout"), Qt::CaseInsensitive);
        (heldout || saysHeldout ? data.heldout : data.files).push_back(file);
    }
    commitData(data, tr("Add data files"), {});
}

bool DataPage::takeDrop(const QStringList& paths) {
    QStringList files;
    for (const QString& path : paths)
        if (QFileInfo(path).isFile()) files.push_back(path);
    if (files.isEmpty() || project() == nullptr) return false;
    addFiles(files, false);
    return true;
}

void DataPage::removeSelected() {
    QList<int> rows;
    for (const QModelIndex& index : m_table->selectionModel()->selectedRows())
        rows.push_back(index.row());
    if (!rows.isEmpty()) commitData(m_files->without(rows), tr("Remove data files"), {});
}

// --- preview
// --------------------------------------------------------------------------------------------------------------

void DataPage::requestPreview() {
    if (project() == nullptr || !isActive() || !services().engine->isUsable()) return;
    const engine::Recipe& recipe = project()->recipe();
    if (recipe.model.path.empty() || (recipe.data.files.empty() && recipe.data.heldout.empty()))
        return showState();
    if (m_waiting) services().engine->cancel(m_request);
    m_waiting = true;
    const std::string key = previewKey(recipe);
    m_request = services().engine->requestAs<engine::DataPreview>(
        "preview", {{"recipe", engine::recipeToJson(recipe)}, {"folder", project()->folder().toStdString()}},
        this,
        [this, key](const engine::Result<engine::DataPreview>& preview) {
            if (project() == nullptr || key != previewKey(project()->recipe()))
                return;  // a newer one is on its way
            m_waiting = false;
            m_stale = false;
            m_shownKey = key;
            m_error.reset();
            if (preview) {
                m_preview = *preview;
                showPreview();
            } else {
                m_error = preview.error();
            }
            showState();
        },
        [this](const engine::Progress& progress) { showProgress(progress); });
    m_progress->setRange(0, 0);
    showState();
}

void DataPage::showProgress(const engine::Progress& progress) {
    m_progress->setRange(0, static_cast<int>(std::max<std::int64_t>(0, progress.total)));
    m_progress->setValue(static_cast<int>(progress.done));
    m_progress->setFormat(tr("%1 rows").arg(withThousands(progress.done)));
}

void DataPage::showPreview() {
    const engine::DataPreview& preview = *m_preview;
    m_files->setReports(preview.files);
    m_problems->setProblems(preview.problems);
    const std::vector<DomainShare> shares = sharesOf(preview);
    m_byRows->setParts(parts(shares, &DomainShare::rows));
    m_byTokens->setParts(parts(shares, &DomainShare::tokens));
    m_lengths->setPreview(preview);
    m_batch->setBatch(preview.firstBatch, preview.sequenceLength);
    QStringList mix;
    for (const auto& part : m_byTokens->parts())
        mix.push_back(part.name + QLatin1Char(' ') + part.text);
    m_mixText->setText(tr("by tokens: %1").arg(mix.join(QStringLiteral(", "))));

    std::int64_t used = 0, cut = 0, lost = 0, answers = 0, heldout = 0, rejected = 0;
    for (const engine::DataFileReport& file : preview.files) {
        rejected += file.rejected + file.dropped;
        if (file.heldout) {
            heldout += file.rows;
            continue;
        }
        used += file.used;
        cut += file.truncated;
        lost += file.answerTokensLost;
        answers += file.answerTokens + file.answerTokensLost;
    }
    m_problemText->setText(
        rejected == 0 ? tr("none")
                      : tr("%1 not used").arg(withThousands(rejected)) +
                            (preview.problemCount > static_cast<std::int64_t>(preview.problems.size())
                                 ? tr(", the first %1 are listed")
                                       .arg(withThousands(static_cast<std::int64_t>(preview.problems.size())))
                                 : QString()));
    const auto figure = [](const QString& name, const QString& value) {
        return QStringLiteral("<span style='color:%1'>%2</span>&nbsp;&nbsp;<b>%3</b> &nbsp;&nbsp;&nbsp; ")
            .arg(widgets::themeColors().text2.name(), name, value);
    };
    m_totals->setText(
        figure(tr("Used"), withThousands(used)) + figure(tr("Cut"), withThousands(cut)) +
        figure(tr("Answer tokens lost"),
               QString::number(
                   answers > 0 ? 100.0 * static_cast<double>(lost) / static_cast<double>(answers) : 0.0, 'f',
                   2) +
                   kThinSpace + QLatin1Char('%')) +
        figure(tr("Held out"), withThousands(heldout)));
    setContextText(tr("%1 rows, %2 tokens per epoch, %3 steps")
                       .arg(withThousands(preview.rowsPerEpoch), withThousands(preview.tokensPerEpoch),
                            withThousands(preview.steps)));
    Q_EMIT statusChanged();
}

QString DataPage::hindrance() const {
    if (project() == nullptr) return tr("No project is open.");
    const engine::Recipe& recipe = project()->recipe();
    if (recipe.model.path.empty()) return tr("Choose a base model on the Upcycle page first.");
    if (recipe.data.files.empty()) return tr("Add a file with rows to train on.");
    if (services().runs->live().isActive())
        return tr("Run %1 is live: stop it first, or wait until it has finished.")
            .arg(services().runs->live().name);
    if (!services().engine->isUsable()) return tr("Waiting for the engine.");
    if (m_error) return words(*m_error).oneLine();
    if (m_stale || m_waiting || !m_preview) return tr("Reading the rows…");
    for (const engine::DataFileReport& file : m_preview->files)
        if (!file.error.empty()) return QString::fromStdString(file.error);
    if (m_preview->rowsPerEpoch == 0) return tr("No row can be trained: look at the rows with problems.");
    return {};
}

void DataPage::showState() {
    const bool empty = project() == nullptr ||
                       (project()->recipe().data.files.empty() && project()->recipe().data.heldout.empty());
    m_stack->setCurrentIndex(empty ? 0 : 1);
    m_addHeldout->setEnabled(project() != nullptr);
    m_add->setEnabled(project() != nullptr);
    m_progress->setVisible(m_waiting);
    m_cancel->setVisible(m_waiting);
    m_batch->setStale(m_stale && m_preview.has_value());
    const QString why = hindrance();
    const bool ready = why.isEmpty() && !m_starting;
    m_start->setEnabled(ready);
    m_startButton->setEnabled(ready);
    m_startButton->setToolTip(why);
    m_startButton->setDefault(why.isEmpty());
    m_addButton->setDefault(false);
    if (!why.isEmpty()) {
        m_verdict->setText(why);
    } else {
        const bool heldout = !project()->recipe().data.heldout.empty();
        m_verdict->setText(
            heldout
                ? tr("✓ No problems found.")
                : tr("Without held-out files nothing shows whether the model learns more than these rows."));
    }
    QPalette palette = m_verdict->palette();
    palette.setColor(QPalette::WindowText,
                     m_error ? widgets::themeColors().err : widgets::themeColors().text);
    m_verdict->setPalette(palette);
    if (empty) setContextText({});
}

// --- actions
// -----------------------------------------------------------------------------------------------------------------

void DataPage::startTuning() {
    if (!hindrance().isEmpty() || m_starting) return showState();
    m_starting = true;
    showState();
    const auto start = [this](const QString& id) {
        m_starting = false;
        project()->startRun(id);
        Q_EMIT linkActivated(QStringLiteral("tune"), {{QStringLiteral("run"), id}});
        showState();
    };
    const RunEntry* selected = project()->run(project()->selectedRun());
    if (selected != nullptr && selected->state == engine::RunState::Created) return start(selected->id);
    project()->createRun(this, [this, start](const engine::Result<QString>& id) {
        if (id) return start(*id);
        m_starting = false;
        const ErrorWords text = words(id.error());
        m_message->showMessage(widgets::MessageBar::Kind::Error, text.what,
                               text.detail + QLatin1Char(' ') + text.todo);
        m_message->setClosable(true);
        m_message->show();
        showState();
    });
}

void DataPage::openRow(const QString& file, qint64 line) {
    auto* dialog = new RowDialog(file, line, this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->show();
}

void DataPage::exportProblems() {
    const QString path =
        QFileDialog::getSaveFileName(this, tr("Export list"), QStringLiteral("rows-with-problems.tsv"),
                                     tr("Tab-separated values (*.tsv)"));
    if (path.isEmpty()) return;
    QSaveFile out(path);
    QByteArray text("file\tline\treason\n");
    for (const engine::RowProblem& problem : m_problems->problems())
        text += QByteArray::fromStdString(problem.file) + '\t' +
                QByteArray::number(static_cast<qlonglong>(problem.line)) + '\t' +
                QByteArray::fromStdString(problem.reason) + '\n';
    if (!out.open(QIODevice::WriteOnly) || out.write(text) != text.size() || !out.commit()) {
        m_message->showMessage(widgets::MessageBar::Kind::Error, tr("The list could not be written."),
                               out.errorString());
        m_message->setClosable(true);
        m_message->show();
    }
}

QStringList DataPage::keyHints() const {
    return {tr("Ctrl+R starts tuning"), tr("Delete removes a file")};
}

QString DataPage::statusFact() const {
    return m_preview ? tr("%1 answer tokens per epoch").arg(withThousands(m_preview->answerTokensPerEpoch))
                     : QString();
}

Page* makeDataPage(const Services& services, QWidget* parent) {
    return new DataPage(services, parent);
}

}  // namespace caravan::ui

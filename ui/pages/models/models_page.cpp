// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/models/models_page.h"

#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMenu>
#include <QScrollBar>
#include <QSet>
#include <QSplitter>
#include <QStackedWidget>
#include <QTreeView>
#include <QVBoxLayout>

#include "projects/run_import.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/run_controller.h"
#include "ui/models/model_tree.h"
#include "ui/pages/models/drop_strip.h"
#include "ui/pages/models/import_dialog.h"
#include "ui/pages/models/model_delegate.h"
#include "ui/pages/models/model_details.h"
#include "ui/project_context.h"
#include "ui/shell/icon_label.h"
#include "ui/shell/surface.h"

namespace caravan::ui {

ModelsPage::ModelsPage(const Services& services, QWidget* parent)
    : Page(QStringLiteral("models"), tr("Models"), services, parent), m_tree(new ModelTree(this)) {
    makeActions();
    m_filter = new QLineEdit;
    m_filter->setPlaceholderText(tr("Filter by name, architecture, license"));
    m_filter->setAccessibleName(tr("Filter models"));
    m_filter->setFixedWidth(280);
    makeSearchField(m_filter);
    connect(m_filter, &QLineEdit::textChanged, this, [this](const QString& text) {
        const QString chosen = selectedPath();
        m_tree->setFilter(text);
        m_view->expandAll();
        select(chosen);
    });
    addHeaderWidget(m_filter);
    addHeaderButton(actionButton(m_add));
    addHeaderButton(actionButton(m_import));
    addHeaderButton(actionButton(m_refresh));
    m_details = new ModelDetails(services.engine, m_chat, m_upcycle);
    connect(m_details, &ModelDetails::runChosen, this, [this](const QString& run) {
        Q_EMIT linkActivated(QStringLiteral("tune"), {{QStringLiteral("run"), run}});
    });
    m_splitter = new QSplitter(Qt::Horizontal);
    m_splitter->setChildrenCollapsible(false);
    m_splitter->addWidget(makeList());
    m_splitter->addWidget(m_details);
    m_splitter->setStretchFactor(0, 52);
    m_splitter->setStretchFactor(1, 48);
    m_splitter->setSizes({700, 660});
    auto* empty = new Surface(Token::Base);
    auto* layout = new QVBoxLayout(empty);
    layout->setContentsMargins(24, 24, 24, 24);
    m_emptyStrip = new DropStrip(tr("Drop a model folder here"),
                                 tr("A folder with config.json and safetensors files, dense or a mixture. "
                                    "Nothing is copied or downloaded."));
    layout->addWidget(m_emptyStrip, 1);
    m_stack = new QStackedWidget;
    m_stack->addWidget(m_splitter);
    m_stack->addWidget(empty);
    setCentralWidget(m_stack);
    selectionChanged();
}

void ModelsPage::makeActions() {
    ActionRegistry* actions = services().actions;
    m_upcycle = actions->add({.id = "model.upcycle",
                              .text = tr("&Upcycle…"),
                              .menu = "model",
                              .icon = "upcycle",
                              .page = "models"},
                             this, [this] { upcycle(); });
    m_chat = actions->add(
        {.id = "model.chat", .text = tr("C&hat"), .menu = "model", .icon = "chat", .page = "models"}, this,
        [this] { chat(); });
    m_add = actions->add({.id = "model.add",
                          .text = tr("&Add folder…"),
                          .menu = "model",
                          .icon = "folder",
                          .page = "models",
                          .section = 1},
                         this, [this] {
                             auto* dialog = new QFileDialog(this, tr("Add a model folder"), QDir::homePath());
                             dialog->setFileMode(QFileDialog::Directory);
                             dialog->setAttribute(Qt::WA_DeleteOnClose);
                             connect(dialog, &QFileDialog::fileSelected, this,
                                     [this](const QString& path) { takeDrop({path}); });
                             dialog->open();
                         });
    m_import = actions->add({.id = "model.import",
                             .text = tr("&Import…"),
                             .menu = "model",
                             .icon = "import",
                             .page = "models",
                             .section = 1,
                             .tip = tr("Takes in a Camelidae or Sparsetral mixture, or a run of the released "
                                       "PESC code, as a copy")},
                            this, [this] { importModel(); });
    m_refresh = actions->add({.id = "model.refresh",
                              .text = tr("&Refresh"),
                              .menu = "model",
                              .shortcut = QKeySequence(Qt::Key_F5),
                              .icon = "redo",
                              .page = "models",
                              .section = 1},
                             this, [this] {
                                 if (project()) project()->refreshModels();
                             });
    m_remove = actions->add({.id = "model.remove",
                             .text = tr("Remove from the &list"),
                             .menu = "model",
                             .page = "models",
                             .section = 2,
                             .tip = tr("The folder itself is not touched")},
                            this, [this] {
                                if (project()) project()->removeModelFolder(selectedPath());
                            });
    actions->add({.id = "model.filter",
                  .text = tr("&Filter models"),
                  .menu = "model",
                  .shortcut = QKeySequence(Qt::CTRL | Qt::Key_F),
                  .page = "models",
                  .section = 2},
                 this, [this] { m_filter->setFocus(Qt::ShortcutFocusReason); });
}

QWidget* ModelsPage::makeList() {
    auto* list = new Surface(Token::Base);
    auto* layout = new QVBoxLayout(list);
    layout->setContentsMargins(0, 0, 0, 16);
    layout->setSpacing(8);
    m_view = new QTreeView;
    m_view->setModel(m_tree);
    m_view->setItemDelegate(new ModelDelegate(m_view));
    m_view->setAccessibleName(tr("Models"));
    m_view->setProperty("padded", true);
    m_view->setUniformRowHeights(false);
    m_view->setAllColumnsShowFocus(true);
    m_view->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_view->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_view->setIndentation(18);
    m_view->setContextMenuPolicy(Qt::ActionsContextMenu);
    m_view->addActions({m_upcycle, m_chat, m_import, m_remove});
    m_view->installEventFilter(this);
    QHeaderView* header = m_view->header();
    header->setStretchLastSection(false);
    header->setSectionsMovable(false);
    header->setHighlightSections(false);
    header->setMinimumSectionSize(48);
    header->setSectionResizeMode(QHeaderView::Interactive);
    header->setSectionResizeMode(ModelTree::Name, QHeaderView::Stretch);
    const int widths[] = {0, 96, 104, 104, 76, 84};
    constexpr int kHeadRoom = 17;  // px beside a header's word
    for (int i = 1; i < ModelTree::ColumnCount; ++i) {
        const QString head = m_tree->headerData(i, Qt::Horizontal, Qt::DisplayRole).toString();
        header->resizeSection(i,
                              std::max(widths[i], header->fontMetrics().horizontalAdvance(head) + kHeadRoom));
    }
    layout->addWidget(m_view, 1);
    m_strip = new DropStrip(
        tr("Drop a model folder here"),
        tr("Safetensors folder, Camelidae or Sparsetral release. Nothing is copied or downloaded."));
    auto* margin = new QVBoxLayout;
    margin->setContentsMargins(16, 0, 16, 0);
    margin->addWidget(m_strip);
    layout->addLayout(margin);
    connect(m_view->selectionModel(), &QItemSelectionModel::currentChanged, this,
            [this] { selectionChanged(); });
    connect(m_view, &QTreeView::doubleClicked, this, [this] {
        if (m_upcycle->isEnabled()) upcycle();
    });
    return list;
}

bool ModelsPage::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_view && event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if ((key == Qt::Key_Return || key == Qt::Key_Enter) && m_upcycle->isEnabled()) {
            upcycle();
            return true;
        }
        if (key == Qt::Key_Delete && m_remove->isEnabled()) {
            m_remove->trigger();
            return true;
        }
    }
    return Page::eventFilter(watched, event);
}

void ModelsPage::setProject(ProjectContext* next) {
    if (project()) project()->disconnect(this);
    delete m_importing;  // its copy would go into the list of another project
    Page::setProject(next);
    m_stale = true;
    if (next) {
        const auto renew = [this] {
            m_stale = true;
            if (isActive()) refresh();
        };
        connect(next, &ProjectContext::modelsChanged, this, renew);
        connect(next, &ProjectContext::runsChanged, this, renew);
        connect(next, &ProjectContext::opened, this, renew);
    }
    if (!next || isActive()) refresh();
}

void ModelsPage::setActive(bool active) {
    Page::setActive(active);
    if (active && m_stale) refresh();
    if (active && !m_filter->hasFocus()) m_view->setFocus(Qt::OtherFocusReason);
}

void ModelsPage::refresh() {
    m_stale = false;
    const QString before = selectedPath(), chosen = m_wanted.isEmpty() ? before : m_wanted;
    const int scrolled = m_view->verticalScrollBar()->value();
    m_tree->setModels(project() ? project()->models() : QVector<ModelEntry>());
    m_view->expandAll();
    for (int i = 0; i < m_tree->rowCount(); ++i)
        m_view->setFirstColumnSpanned(i, {}, true);
    if (m_tree->indexOf(chosen).isValid()) m_wanted.clear();
    select(chosen);
    if (!m_view->currentIndex().isValid() && project() && !project()->models().isEmpty()) {
        const ModelEntry* base = project()->baseModel();
        select(base ? base->path : project()->models().first().path);
    }
    if (!before.isEmpty() && selectedPath() == before) {  // somebody may be reading elsewhere in the list
        m_view->doItemsLayout();
        m_view->verticalScrollBar()->setValue(scrolled);
    }
    m_stack->setCurrentIndex(project() && project()->isOpen() && project()->models().isEmpty() ? 1 : 0);
    selectionChanged();
    Q_EMIT statusChanged();
}

QString ModelsPage::selectedPath() const {
    return m_view ? m_view->currentIndex().data(ModelTree::PathRole).toString() : QString();
}

void ModelsPage::select(const QString& path) {
    const QModelIndex index = m_tree->indexOf(path);
    if (!index.isValid()) return;
    m_view->setCurrentIndex(index);
    m_view->scrollTo(index);
}

void ModelsPage::selectionChanged() {
    const ModelEntry* entry = m_tree->entry(m_view->currentIndex());
    m_details->show(entry, project() ? project()->runs() : QVector<RunEntry>());
    const bool ready = entry && entry->status == ModelEntry::Status::Ready;
    const bool can = ready && ModelTree::groupOf(*entry) == ModelTree::Group::Dense;
    m_upcycle->setEnabled(can);
    m_upcycle->setToolTip(can || !entry
                              ? tr("Turn this model into a mixture of experts")
                              : tr("This model cannot be upcycled: %1").arg(ModelTree::reasonText(*entry)));
    m_chat->setEnabled(ready && ModelTree::groupOf(*entry) != ModelTree::Group::Unusable &&
                       !entry->inspection.tokenizerFile.empty());
    m_remove->setEnabled(entry && !entry->bundled);
    m_import->setEnabled(project() && project()->isOpen());
}

bool ModelsPage::takeDrop(const QStringList& paths) {
    if (!project()) return false;
    bool taken = false;
    for (const QString& path : paths) {
        QString folder = path;
        if (!QFileInfo(path).isDir()) {
            if (!path.endsWith(QLatin1String(".safetensors")) &&
                QFileInfo(path).fileName() != QLatin1String("config.json") &&
                QFileInfo(path).fileName() != QLatin1String("moe_model.bin"))
                continue;
            folder = QFileInfo(path).absolutePath();
        }
        if (QFileInfo::exists(folder + QStringLiteral("/project.json")) ||
            projects::isRunFolder(folder.toStdString()))
            continue;
        m_wanted = QFileInfo(folder).absoluteFilePath();
        project()->addModelFolder(folder);
        select(m_wanted);
        taken = true;
    }
    return taken;
}

void ModelsPage::setDragging(bool dragging) {
    m_strip->setHighlighted(dragging);
    m_emptyStrip->setHighlighted(dragging);
}

void ModelsPage::openLink(const QVariantMap& arguments) {
    select(arguments.value(QStringLiteral("model")).toString());
}
QStringList ModelsPage::keyHints() const {
    return {tr("Enter upcycles")};
}

QString ModelsPage::statusFact() const {
    if (!project() || project()->models().isEmpty()) return {};
    QSet<QString> folders;
    for (const ModelEntry& entry : project()->models())
        folders << QFileInfo(entry.path).path();
    return tr("%n model(s)", nullptr, static_cast<int>(project()->models().size())) +
           tr(" in %n folder(s)", nullptr, static_cast<int>(folders.size()));
}

void ModelsPage::upcycle() {
    if (project() && !selectedPath().isEmpty())
        Q_EMIT linkActivated(QStringLiteral("upcycle"), {{QStringLiteral("model"), selectedPath()}});
}

void ModelsPage::chat() {
    Q_EMIT linkActivated(QStringLiteral("chat"), {{QStringLiteral("model"), selectedPath()}});
}

// What is selected and can be imported is where the dialog begins.
void ModelsPage::importModel() {
    if (!project() || !project()->isOpen()) return;
    if (!m_importing) {
        ImportDialog::Place place{project()->folder() + QStringLiteral("/models"), {}};
        for (const ModelEntry& entry : project()->models())
            if (entry.status == ModelEntry::Status::Ready &&
                ModelTree::groupOf(entry) == ModelTree::Group::Dense)
                place.bases << entry.path;
        m_importing = new ImportDialog(services().engine, services().runs, place, this);
        connect(m_importing, &ImportDialog::imported, this, [this](const QString& folder) {
            if (!project()) return;
            m_wanted = folder;
            project()->addModelFolder(folder);
            select(folder);
        });
        const ModelEntry* entry = m_tree->entry(m_view->currentIndex());
        if (entry && (entry->inspection.kind == "reference_run" || entry->inspection.config.moe))
            m_importing->setSource(entry->path);
    }
    m_importing->show();
    m_importing->raise();
    m_importing->activateWindow();
}

Page* makeModelsPage(const Services& services, QWidget* parent) {
    return new ModelsPage(services, parent);
}

}  // namespace caravan::ui

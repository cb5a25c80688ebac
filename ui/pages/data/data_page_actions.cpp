// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// What the user can do on the data page: files, mapping, held-out split, template.
#include <QComboBox>
#include <QDialog>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QInputDialog>
#include <QSaveFile>
#include <QTableView>
#include <algorithm>
#include <tuple>

#include "ui/actions/action_registry.h"
#include "ui/format/format.h"
#include "ui/pages/data/data_delegates.h"
#include "ui/pages/data/data_files_model.h"
#include "ui/pages/data/data_page.h"
#include "ui/pages/data/data_problems_model.h"
#include "ui/pages/data/length_plot.h"
#include "ui/pages/data/mapping_dialog.h"
#include "ui/project_context.h"
#include "widgets/message_bar.h"

namespace caravan::ui {
namespace {

// Where nobody else hands the keyboard on, a closed dialog would leave the window without its shortcuts.
void takeKeysBack(QDialog* dialog) {
    QWidget* page = dialog->parentWidget();
    QObject::connect(dialog, &QDialog::finished, page, [page] { page->window()->activateWindow(); });
}

}  // namespace

void DataPage::makeActions() {
    ActionRegistry* actions = services().actions;
    const auto choose = [this](bool heldout) {
        const QStringList paths =
            QFileDialog::getOpenFileNames(this, heldout ? tr("Add held-out files") : tr("Add files"),
                                          project() != nullptr ? project()->folder() : QString(),
                                          tr("Data (*.jsonl *.json *.csv *.tsv *.txt);;All files (*)"));
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
    m_use = actions->add({.id = QStringLiteral("data.use"),
                          .text = tr("&Hold this file out"),
                          .menu = QStringLiteral("model"),
                          .page = QStringLiteral("data"),
                          .section = 2,
                          .tip = tr("Held-out files measure; they are not trained on")},
                         this, [this] {
                             const int row = m_table->currentIndex().row();
                             if (row < 0 || row >= m_files->rowCount()) return;
                             m_files->setData(m_files->index(row, DataFilesModel::Use),
                                              !m_files->isHeldout(row), Qt::EditRole);
                         });
    m_mapping = actions->add({.id = QStringLiteral("data.mapping"),
                              .text = tr("Column &mapping…"),
                              .menu = QStringLiteral("model"),
                              .icon = QStringLiteral("table"),
                              .page = QStringLiteral("data"),
                              .section = 2,
                              .tip = tr("How the rows of the chosen file become conversations")},
                             this, [this] { openMapping(); });
    m_split = actions->add({.id = QStringLiteral("data.split"),
                            .text = tr("Held-out s&plit…"),
                            .menu = QStringLiteral("model"),
                            .icon = QStringLiteral("split"),
                            .page = QStringLiteral("data"),
                            .section = 2,
                            .tip = tr("Keeps a share of the rows apart to measure by")},
                           this, [this] { openSplit(); });
    m_start = actions->add({.id = QStringLiteral("data.start"),
                            .text = tr("&Start tuning"),
                            .menu = QStringLiteral("run"),
                            .shortcut = QKeySequence(Qt::CTRL | Qt::Key_R),
                            .icon = QStringLiteral("play"),
                            .page = QStringLiteral("data")},
                           this, [this] { startTuning(); });
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

void DataPage::renewUse() {
    const int row = m_table->currentIndex().row();
    const bool one = row >= 0 && row < m_files->rowCount() && m_table->selectionModel()->hasSelection();
    m_use->setEnabled(one);
    m_use->setText(one && m_files->isHeldout(row) ? tr("&Train on this file") : tr("&Hold this file out"));
}

int DataPage::currentFile() const {
    const QModelIndex index = m_table->currentIndex();
    return index.isValid() ? index.row() : m_files->rowCount() > 0 ? 0 : -1;
}

void DataPage::openMapping() {
    const int row = currentFile();
    if (row < 0) return;
    auto* dialog = new MappingDialog(m_files->file(row), m_files->report(row), this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this, [this, dialog, row, path = m_files->file(row).path] {
        if (row >= m_files->rowCount() || m_files->file(row).path != path)
            return;  // the list changed meanwhile
        commitData(m_files->withMapping(row, dialog->mapping()), tr("Column mapping"), {});
    });
    takeKeysBack(dialog);
    dialog->open();
}

void DataPage::openSplit() {
    if (project() == nullptr) return;
    auto* dialog = new QInputDialog(this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("Held-out split"));
    dialog->setLabelText(
        tr("Percent of each file's rows that are kept apart to measure by.\n"
           "Where a held-out file is given, that file is used instead."));
    dialog->setInputMode(QInputDialog::DoubleInput);
    dialog->setDoubleRange(0, 90);
    dialog->setDoubleDecimals(1);
    dialog->setDoubleValue(100 * project()->recipe().data.heldoutFraction);
    connect(dialog, &QInputDialog::doubleValueSelected, this, [this](double percent) {
        if (project() == nullptr) return;
        engine::Recipe::Data data = project()->recipe().data;
        data.heldoutFraction = percent / 100;
        commitData(data, tr("Held-out split"), {});
    });
    takeKeysBack(dialog);
    dialog->open();
}

void DataPage::setLongRows(engine::LongRows what) {
    if (project() == nullptr) return;
    engine::Recipe::Data data = project()->recipe().data;
    data.longRows = what;
    commitData(data, tr("Long rows"), {});
}

void DataPage::setTemplate(const QString& name) {
    if (project() == nullptr) return;
    engine::Recipe::Data data = project()->recipe().data;
    data.templateName = name.toStdString();
    commitData(data, tr("Template"), {});
}

void DataPage::openRow(const QString& file, qint64 line) {
    if (line <= 0) return;  // of a whole file there is no row to show
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
                (problem.line > 0 ? QByteArray::number(static_cast<qlonglong>(problem.line)) : QByteArray()) +
                '\t' + QByteArray::fromStdString(problem.reason).simplified() + '\n';  // one line, no tabs
    if (!out.open(QIODevice::WriteOnly) || out.write(text) != text.size() || !out.commit()) {
        m_message->showMessage(widgets::MessageBar::Kind::Error, tr("The list could not be written."),
                               out.errorString());
        m_message->setClosable(true);
        m_message->show();
    }
}

QVector<FoundItem> DataPage::found() const {
    QVector<FoundItem> items;
    if (project() == nullptr) return items;
    const std::tuple<QString, QString, QString> settings[] = {
        {QStringLiteral("template"), tr("Template of the conversations"), m_template->currentText()},
        {QStringLiteral("cut"), tr("Cut rows at"), tr("%1 tokens").arg(withThousands(m_lengths->cut()))}};
    for (const auto& [key, name, value] : settings) {
        FoundItem item;
        item.group = FoundItem::Group::Settings;
        item.text = name;
        item.note = value;
        item.icon = QStringLiteral("settings");
        item.verb = tr("Change in Data");
        item.act = [page = const_cast<DataPage*>(this), key = key] {
            Q_EMIT page->linkActivated(QStringLiteral("data"), {{QStringLiteral("setting"), key}});
        };
        items << item;
    }
    return items;
}

void DataPage::openLink(const QVariantMap& arguments) {
    const QString setting = arguments.value(QStringLiteral("setting")).toString();
    if (setting == QLatin1String("template")) m_template->setFocus(Qt::TabFocusReason);
    if (setting == QLatin1String("cut")) m_lengths->cutField()->setFocus(Qt::TabFocusReason);
}

}  // namespace caravan::ui

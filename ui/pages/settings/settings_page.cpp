// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/settings/settings_page.h"

#include <QComboBox>
#include <QDesktopServices>
#include <QDir>
#include <QFileInfo>
#include <QGridLayout>
#include <QHeaderView>
#include <QLineEdit>
#include <QScrollArea>
#include <QSettings>
#include <QSortFilterProxyModel>
#include <QSplitter>
#include <QTableView>
#include <QUrl>
#include <QVBoxLayout>
#include <algorithm>
#include <initializer_list>
#include <iterator>

#include "projects/project.h"
#include "ui/actions/action_registry.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/settings/shortcuts_model.h"
#include "ui/shell/close_dialog.h"
#include "ui/shell/icon_label.h"
#include "ui/shell/pane_header.h"
#include "ui/shell/status_line.h"
#include "ui/shell/tables.h"
#include "widgets/segmented.h"

namespace caravan::ui {
namespace {

using widgets::TextRole;

const QString kClosingKey = QStringLiteral("run/when_closing"), kDeviceKey = QStringLiteral("engine/device");

ThemedLabel* word(const QString& text) {
    return new ThemedLabel(text, TextRole::Body, Token::Text2);
}

ThemedLabel* wrapped(const QString& text) {
    auto* label = new ThemedLabel(text, TextRole::Secondary, Token::Text2);
    label->setWordWrap(true);
    return label;
}

// The fields of all sections begin at one line.
void alignNames(std::initializer_list<QGridLayout*> grids) {
    int width = 150;
    for (const QGridLayout* grid : grids)
        for (int i = 0; i < grid->count(); ++i) {
            int row = 0, column = 0, rows = 0, columns = 0;
            grid->getItemPosition(i, &row, &column, &rows, &columns);
            if (column == 0 && columns == 1) width = std::max(width, grid->itemAt(i)->sizeHint().width());
        }
    for (QGridLayout* grid : grids)
        grid->setColumnMinimumWidth(0, width);
}

}  // namespace

SettingsPage::SettingsPage(const Services& services, QWidget* parent)
    : Page(QStringLiteral("settings"), tr("Settings"), services, parent),
      m_shortcuts(new ShortcutsModel(services.actions, this)) {
    setContextText(tr("Kept as soon as they are changed"));
    auto* left = new Surface(Token::Base);
    auto* column = new QVBoxLayout(left);
    column->setContentsMargins(24, 20, 24, 20);
    column->setSpacing(12);
    QWidget *general = makeGeneral(), *folders = makeFolders();
    alignNames(
        {qobject_cast<QGridLayout*>(general->layout()), qobject_cast<QGridLayout*>(folders->layout())});
    column->addWidget(general);
    column->addSpacing(12);
    column->addWidget(folders);
    column->addStretch(1);
    auto* scroll = new QScrollArea;
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidgetResizable(true);
    scroll->setAccessibleName(tr("Settings of the program"));
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(left);
    scroll->setMinimumWidth(420);
    auto* split = new QSplitter(Qt::Horizontal);
    split->addWidget(scroll);
    split->addWidget(makeKeys());
    split->setStretchFactor(0, 1);
    split->setStretchFactor(1, 1);
    split->setSizes({680, 684});
    split->setChildrenCollapsible(false);
    setCentralWidget(split);
    connect(services.engine, &EngineLink::stateChanged, this, [this] { renewEngine(); });
    connect(services.engine, &EngineLink::deviceChanged, this, [this] { renewEngine(); });
    connect(services.runs, &RunController::liveChanged, this, [this] { renewEngine(); });
    connect(&Theme::instance(), &Theme::changed, this, [this] { refresh(); });
    refresh();
}

QWidget* SettingsPage::makeGeneral() {
    auto* box = new QWidget;
    auto* grid = new QGridLayout(box);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setHorizontalSpacing(16);
    grid->setVerticalSpacing(10);
    grid->setColumnStretch(1, 1);
    int row = 0;
    const auto title = [&](const QString& text) {
        if (row > 0) grid->setRowMinimumHeight(row++, 8);
        grid->addWidget(new ThemedLabel(text, TextRole::Section), row++, 0, 1, 2);
    };
    const auto add = [&](const QString& name, QWidget* field) {
        grid->addWidget(word(name), row, 0);
        grid->addWidget(field, row++, 1, Qt::AlignLeft);
    };
    title(tr("Appearance"));
    m_colors = new widgets::Segmented({tr("System"), tr("Light"), tr("Dark")});
    m_colors->setAccessibleName(tr("Colors"));
    add(tr("Colors"), m_colors);
    title(tr("Runs"));
    m_closing = new QComboBox;
    m_closing->setAccessibleName(tr("When the window closes while a run is on"));
    m_closing->addItem(tr("Ask"), static_cast<int>(CloseChoice::Cancel));
    m_closing->addItem(tr("Keep tuning in the background"), static_cast<int>(CloseChoice::KeepTuning));
    m_closing->addItem(tr("Pause and save"), static_cast<int>(CloseChoice::PauseAndSave));
    m_closing->addItem(tr("Stop without saving"), static_cast<int>(CloseChoice::StopWithoutSaving));
    add(tr("Closing the window"), m_closing);
    title(tr("Engine"));
    m_device = new QComboBox;
    m_device->setAccessibleName(tr("Device of the engine"));
    m_device->addItem(tr("Automatic: a GPU if there is one"), QString());
    m_device->addItem(tr("CPU"), QStringLiteral("cpu"));
    m_device->addItem(tr("GPU (CUDA)"), QStringLiteral("cuda"));
    m_restart = textButton(tr("Start the engine anew"), QStringLiteral("redo"));
    add(tr("Device"), m_device);
    m_deviceNote = wrapped({});
    grid->addWidget(m_deviceNote, row++, 1);
    grid->addWidget(m_restart, row++, 1, Qt::AlignLeft);
    connect(m_colors, &widgets::Segmented::currentChanged, this,
            [](int index) { Theme::instance().setScheme(static_cast<Scheme>(index)); });
    connect(m_closing, &QComboBox::activated, this, [this] {
        const int choice = m_closing->currentData().toInt();
        if (choice == static_cast<int>(CloseChoice::Cancel))
            QSettings().remove(kClosingKey);
        else
            QSettings().setValue(kClosingKey, choice);
    });
    connect(m_device, &QComboBox::activated, this, [this] {
        QSettings().setValue(kDeviceKey, m_device->currentData().toString());
        renewEngine();
    });
    connect(m_restart, &QPushButton::clicked, this, [this] {
        services().engine->quitEngine();
        services().engine->restart();
    });
    return box;
}

QWidget* SettingsPage::makeFolders() {
    auto* box = new QWidget;
    auto* grid = new QGridLayout(box);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setHorizontalSpacing(16);
    grid->setVerticalSpacing(6);
    grid->setColumnStretch(1, 1);
    grid->addWidget(new ThemedLabel(tr("Folders"), TextRole::Section), 0, 0, 1, 3);
    const std::pair<QString, QString> folders[] = {
        {tr("Projects"), QString::fromStdString(projects::Project::defaultFolder().string())},
        {tr("Settings"), QFileInfo(QSettings().fileName()).path()},
        {tr("Log of the engine"), QFileInfo(services().engine->logFile()).path()}};
    int row = 1;
    for (const auto& [name, folder] : folders) {
        if (folder.isEmpty()) continue;
        auto* path = new ElidedLabel(TextRole::Number, Token::Text, Qt::ElideMiddle);
        path->setText(homePath(folder));
        path->setAccessibleName(name);
        auto* open = iconButton(QStringLiteral("folder"), tr("Open %1").arg(name.toLower()));
        connect(open, &QToolButton::clicked, this, [folder = folder] {
            QDir().mkpath(folder);
            QDesktopServices::openUrl(QUrl::fromLocalFile(folder));
        });
        grid->addWidget(word(name), row, 0);
        grid->addWidget(path, row, 1);
        grid->addWidget(open, row++, 2);
    }
    return box;
}

QWidget* SettingsPage::makeKeys() {
    auto* header = new PaneHeader(tr("Keys"));
    header->setContext(tr("double click or F2 to change"));
    header->setFixedHeight(44);
    auto* search = new QLineEdit;
    search->setPlaceholderText(tr("Search actions"));
    search->setAccessibleName(tr("Search actions"));
    makeSearchField(search);
    search->setFixedWidth(180);
    QPushButton* all = textButton(tr("All defaults"), QStringLiteral("undo"));
    header->addWidget(search);
    header->addWidget(all);
    m_keys = flatTable(tr("Keys of all actions"));
    auto* sorted = new QSortFilterProxyModel(this);
    sorted->setSourceModel(m_shortcuts);
    sorted->setFilterCaseSensitivity(Qt::CaseInsensitive);
    sorted->setFilterKeyColumn(-1);
    m_keys->setModel(sorted);
    m_keys->setItemDelegateForColumn(ShortcutsModel::Keys, new KeysDelegate(m_keys));
    m_keys->setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed);
    m_keys->setSelectionMode(QAbstractItemView::SingleSelection);
    m_keys->horizontalHeader()->setSectionResizeMode(ShortcutsModel::Action, QHeaderView::Stretch);
    m_keys->setColumnWidth(ShortcutsModel::Place, 110);
    m_keys->setColumnWidth(ShortcutsModel::Keys, 190);
    m_refusal = new ThemedLabel(QString(), TextRole::Secondary, Token::Err);
    m_refusal->setWordWrap(true);
    m_refusal->setContentsMargins(16, 6, 16, 8);
    m_refusal->hide();
    connect(search, &QLineEdit::textChanged, sorted, &QSortFilterProxyModel::setFilterFixedString);
    connect(all, &QPushButton::clicked, m_shortcuts, &ShortcutsModel::resetAll);
    connect(m_shortcuts, &ShortcutsModel::refused, this, [this](const QString& reason) {
        m_refusal->setText(reason);
        m_refusal->show();
    });
    connect(m_shortcuts, &QAbstractItemModel::dataChanged, m_refusal, &QWidget::hide);
    auto* box = new Surface(Token::Base);
    box->setMinimumWidth(380);
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(header);
    column->addWidget(m_keys, 1);
    column->addWidget(m_refusal);
    return box;
}

void SettingsPage::setActive(bool active) {
    Page::setActive(active);
    if (active) refresh();
}

void SettingsPage::refresh() {
    const QSettings settings;
    {
        const QSignalBlocker quiet(m_colors);
        m_colors->setCurrent(static_cast<int>(Theme::instance().scheme()));
    }
    m_closing->setCurrentIndex(std::max(0, m_closing->findData(settings.value(kClosingKey, 0).toInt())));
    m_device->setCurrentIndex(std::max(0, m_device->findData(settings.value(kDeviceKey).toString())));
    renewEngine();
}

void SettingsPage::renewEngine() {
    const EngineLink& engine = *services().engine;
    const bool live = services().runs->live().isActive();
    m_restart->setEnabled(!live);
    m_restart->setToolTip(live ? tr("A run is live. Stop it first.") : QString());
    const QString now = engine.hasDevice() ? deviceText(engine.device()) : engine.stateWords();
    m_deviceNote->setText(tr("Now: %1. A change takes effect when the engine starts anew.").arg(now));
}

QVector<FoundItem> SettingsPage::found() const {
    const std::pair<QString, QString> controls[] = {{tr("Colors"), m_colors->currentText()},
                                                    {tr("Closing the window"), m_closing->currentText()},
                                                    {tr("Device of the engine"), m_device->currentText()}};
    QVector<FoundItem> items;
    for (const auto& [name, value] : controls) {
        FoundItem item;
        item.group = FoundItem::Group::Settings;
        item.text = name;
        item.note = value;
        item.icon = QStringLiteral("settings");
        item.verb = tr("Change in Settings");
        item.act = [page = const_cast<SettingsPage*>(this), index = items.size()] {
            Q_EMIT page->linkActivated(QStringLiteral("settings"), {{QStringLiteral("control"), index}});
        };
        items << item;
    }
    return items;
}

void SettingsPage::openLink(const QVariantMap& arguments) {
    QWidget* const controls[] = {m_colors, m_closing, m_device};
    const int index = arguments.value(QStringLiteral("control"), -1).toInt();
    if (index >= 0 && index < static_cast<int>(std::size(controls)))
        controls[index]->setFocus(Qt::TabFocusReason);
}

QStringList SettingsPage::keyHints() const {
    return {tr("F2 changes keys")};
}

Page* makeSettingsPage(const Services& services, QWidget* parent) {
    return new SettingsPage(services, parent);
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/welcome.h"

#include <QAction>
#include <QDir>
#include <QFileInfo>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QPainter>
#include <QStorageInfo>
#include <QVBoxLayout>

#include "projects/project.h"
#include "ui/actions/action_registry.h"
#include "ui/format/format.h"
#include "ui/shell/choice_card.h"
#include "ui/shell/icon_label.h"
#include "ui/shell/run_pill.h"

namespace caravan::ui {
namespace {

class BigMark : public QWidget {
  public:
    BigMark() { setFixedSize(88, 44); }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        paintMark(painter, rect(), 1, 6, Theme::color(Token::Accent));
    }
};

class DropHint : public QWidget {
  public:
    explicit DropHint(const QString& text) : m_text(text) {
        setFixedHeight(54);
        setAccessibleName(text);
    }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        QPen pen(Theme::color(Token::Control), 1);
        pen.setDashPattern({4, 3});
        painter.setPen(pen);
        painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
        painter.setPen(Theme::color(Token::Text2));
        painter.setFont(widgets::textFont(widgets::TextRole::Secondary));
        painter.drawText(rect().adjusted(12, 0, -12, 0), Qt::AlignCenter | Qt::TextWordWrap, m_text);
    }

  private:
    QString m_text;
};

QWidget* rule() {
    auto* line = new Surface(Token::Line);
    line->setFixedHeight(1);
    return line;
}

void empty(QLayout* layout) {
    while (QLayoutItem* item = layout->takeAt(0)) {
        if (item->widget()) item->widget()->deleteLater();
        delete item;
    }
}

}  // namespace

Welcome::Welcome(ActionRegistry* actions, EngineLink* engine, QWidget* parent)
    : Surface(Token::Base, Surface::None, parent), m_engine(engine) {
    setAccessibleName(tr("Welcome"));
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(32, 24, 32, 24);
    outer->addStretch(2);
    auto* middle = new QWidget;
    middle->setMaximumWidth(1040);
    auto* grid = new QGridLayout(middle);
    grid->setContentsMargins(0, 0, 0, 0);
    grid->setHorizontalSpacing(56);
    grid->setVerticalSpacing(0);
    auto* head = new QHBoxLayout;
    head->setSpacing(24);
    head->addWidget(new BigMark);
    auto* names = new QVBoxLayout;
    names->setSpacing(0);
    auto* name = new ThemedLabel(QStringLiteral("Caravan"), widgets::TextRole::Title);
    QFont large = name->font();
    large.setPixelSize(large.pixelSize() * 3 / 2);
    name->setFont(large);
    names->addWidget(name);
    names->addWidget(new ThemedLabel(
        tr("Turn a dense language model into a mixture of experts, tune it, and see which experts answer."),
        widgets::TextRole::Body, Token::Text2));
    head->addLayout(names, 1);
    grid->addLayout(head, 0, 0, 1, 2);
    grid->setRowMinimumHeight(1, 36);
    grid->addWidget(startColumn(actions), 2, 0, Qt::AlignTop);
    grid->addWidget(factsColumn(actions), 2, 1, Qt::AlignTop);
    grid->setColumnStretch(0, 54);
    grid->setColumnStretch(1, 41);
    grid->setRowMinimumHeight(3, 36);
    grid->addWidget(rule(), 4, 0, 1, 2);
    auto* foot = new QHBoxLayout;
    foot->setContentsMargins(0, 12, 0, 0);
    foot->setSpacing(28);
    for (const auto& [id, text] : {std::pair{"help.tour", tr("Take the tour (6 steps)")},
                                   std::pair{"help.keys", tr("Keyboard shortcuts")}}) {
        QAction* action = actions->find(QLatin1String(id));
        if (action == nullptr) continue;
        auto* link = new LinkButton(text);
        connect(link, &LinkButton::clicked, action, &QAction::trigger);
        foot->addWidget(link);
    }
    foot->addStretch(1);
    foot->addWidget(new ThemedLabel(tr("No account, no network, no telemetry."), widgets::TextRole::Secondary,
                                    Token::Text2));
    grid->addLayout(foot, 5, 0, 1, 2);
    auto* center = new QHBoxLayout;
    center->addStretch(1);
    center->addWidget(middle, 100);
    center->addStretch(1);
    outer->addLayout(center);
    outer->addStretch(3);
    connect(engine, &EngineLink::stateChanged, this, [this] { showComputer(); });
    connect(engine, &EngineLink::deviceChanged, this, [this] {
        if (isVisible()) showComputer();
    });
    showComputer();
}

QWidget* Welcome::startColumn(ActionRegistry* actions) {
    auto* column = new QWidget;
    auto* layout = new QVBoxLayout(column);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(12);
    const auto card = [&](const QString& id, const QString& icon, const QString& title, const QString& text,
                          bool first) {
        QAction* action = actions->find(id);
        if (!action) return;
        auto* button = new ChoiceCard(title, text, ChoiceCard::Mark::Icon);
        button->setIcon(widgets::themeIcon(icon));
        button->setBadge(action->shortcut()
                             .toString(QKeySequence::NativeText)
                             .replace(QLatin1Char('+'), QLatin1Char(' ')));
        button->setEmphasis(first);
        connect(button, &QAbstractButton::clicked, action, &QAction::trigger);
        layout->addWidget(button);
    };
    card(QStringLiteral("file.demo"), QStringLiteral("play"), tr("Open the demo"),
         tr("A 15.7 M-parameter model with data. Upcycle, tune and chat in about five minutes, GPU or not."),
         true);
    card(QStringLiteral("file.model"), QStringLiteral("models"), tr("Open a model folder…"),
         tr("Safetensors, Camelidae or Sparsetral. Nothing is copied."), false);
    card(QStringLiteral("file.project"), QStringLiteral("runs"), tr("Open a project…"),
         tr("A folder with runs, chats and settings."), false);
    layout->addWidget(new DropHint(tr("or drop a model folder or a project anywhere in this window")));
    return column;
}

QWidget* Welcome::factsColumn(ActionRegistry* actions) {
    auto* column = new QWidget;
    auto* layout = new QVBoxLayout(column);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(8);
    layout->addWidget(new ThemedLabel(tr("Recent projects"), widgets::TextRole::Section));
    layout->addWidget(rule());
    m_recent = new QVBoxLayout;
    m_recent->setSpacing(2);
    layout->addLayout(m_recent);
    layout->addSpacing(24);
    layout->addWidget(new ThemedLabel(tr("This computer"), widgets::TextRole::Section));
    layout->addWidget(rule());
    m_facts = new QGridLayout;
    m_facts->setContentsMargins(0, 6, 0, 0);
    m_facts->setHorizontalSpacing(12);
    m_facts->setVerticalSpacing(8);
    m_facts->setColumnStretch(2, 1);
    layout->addLayout(m_facts);
    if (QAction* fits = actions->find(QStringLiteral("help.fits"))) {
        m_fits = new LinkButton(tr("What fits on this computer?"));
        connect(m_fits, &QAbstractButton::clicked, fits, &QAction::trigger);
        layout->addSpacing(4);
        layout->addWidget(m_fits, 0, Qt::AlignLeft);
    }
    setRecent({});
    return column;
}

void Welcome::setRecent(const QStringList& folders) {
    empty(m_recent);
    if (folders.isEmpty()) {
        auto* none = new ThemedLabel(tr("None yet. Projects that you open are listed here."),
                                     widgets::TextRole::Secondary, Token::Text2);
        none->setWordWrap(true);
        m_recent->addWidget(none);
    }
    QStringList names;
    for (const QString& folder : folders)
        names << QFileInfo(folder).fileName();
    for (const QString& folder : folders) {
        const QString name = QFileInfo(folder).fileName();  // two of one name are told apart by their place
        auto* link = new LinkButton(
            names.count(name) > 1 ? tr("%1 in %2").arg(name, homePath(QFileInfo(folder).path())) : name);
        link->setToolTip(homePath(folder));
        m_recent->addWidget(link);
        connect(link, &LinkButton::clicked, this, [this, folder] { Q_EMIT projectChosen(folder); });
    }
}

void Welcome::showComputer() {
    empty(m_facts);
    int row = 0;
    const auto fact = [&](const QString& icon, Token token, const QString& name, const QString& text,
                          const QString& more = {}) {
        auto* mark = new QLabel;
        showIcon(mark, icon, Theme::color(token));
        m_facts->addWidget(mark, row, 0, Qt::AlignTop);
        m_facts->addWidget(new ThemedLabel(name, widgets::TextRole::Secondary, Token::Text2), row, 1,
                           Qt::AlignTop);
        auto* value = new ThemedLabel(text, widgets::TextRole::Secondary);
        value->setWordWrap(true);
        value->setToolTip(more);
        m_facts->addWidget(value, row++, 2);
    };
    const QString good = QStringLiteral("check"), note = QStringLiteral("info");
    if (m_engine->hasDevice()) {
        const engine::DeviceStatus& device = m_engine->device();
        const QString name = QString::fromStdString(device.name);
        const QString memory =
            tr("%1 free of %2")
                .arg(memoryText(device.memoryTotal - device.memoryUsed), memoryText(device.memoryTotal));
        if (m_fits != nullptr && device.cuda) m_fits->setText(tr("What fits on this card?"));
        if (device.cuda) {
            fact(good, Token::Ok, tr("GPU"), name + QStringLiteral(", ") + memory);
        } else {
            const QString why = QString::fromStdString(device.note);
            fact(note, Token::Text2, tr("GPU"),
                 why.contains(QLatin1String("driver"))
                     ? tr("No NVIDIA driver. The processor computes: fine for the demo, not for 7B.")
                     : tr("Not used. The processor computes: fine for the demo, not for 7B."),
                 why);
            fact(good, Token::Ok, tr("Processor"), name + QStringLiteral(", ") + memory);
        }
    }
    fact(m_engine->isUsable() ? good : note, m_engine->isUsable() ? Token::Ok : Token::Text2, tr("Engine"),
         m_engine->stateWords());
    const QString folder = QString::fromStdString(projects::Project::defaultFolder().string());
    QString there = folder;  // it is made with the first project
    while (!QFileInfo::exists(there) && there != QFileInfo(there).path())
        there = QFileInfo(there).path();
    const QStorageInfo disk(there);
    if (disk.isValid())
        fact(good, Token::Ok, tr("Disk"),
             tr("%1 free for %2").arg(diskText(disk.bytesAvailable()), homePath(folder)));
}

}  // namespace caravan::ui

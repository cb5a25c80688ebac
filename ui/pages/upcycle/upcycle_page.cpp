// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/upcycle/upcycle_page.h"

#include <QClipboard>
#include <QDateTime>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QSplitter>
#include <QStorageInfo>
#include <QVBoxLayout>

#include "ui/actions/action_registry.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/forms/field_editor.h"
#include "ui/forms/field_words.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/pages/upcycle/command_line.h"
#include "ui/pages/upcycle/plan_panel.h"
#include "ui/pages/upcycle/upcycle_form.h"
#include "ui/project_context.h"
#include "ui/shell/surface.h"

namespace caravan::ui {
namespace {
constexpr int kPlanDelayMs = 40;
}

UpcyclePage::UpcyclePage(const Services& services, QWidget* parent)
    : Page(QStringLiteral("upcycle"), tr("Upcycle"), services, parent) {
    setContextText(tr("Turn a dense model into a mixture of experts"));
    m_form = new UpcycleForm;
    m_panel = new PlanPanel;
    auto* left = new Surface(Token::Base);
    auto* column = new QVBoxLayout(left);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_form, 1);
    makeHeader();
    column->addWidget(makeFooter());
    m_splitter = new QSplitter(Qt::Horizontal);
    m_splitter->setChildrenCollapsible(false);
    m_splitter->addWidget(left);
    m_splitter->addWidget(m_panel);
    m_splitter->setStretchFactor(0, 60);
    m_splitter->setStretchFactor(1, 40);
    m_splitter->setSizes({820, 540});
    m_panel->setMinimumWidth(380);
    setCentralWidget(m_splitter);
    m_debounce.setSingleShot(true);
    m_debounce.setInterval(kPlanDelayMs);
    connect(&m_debounce, &QTimer::timeout, this, &UpcyclePage::ask);
    connect(m_form, &UpcycleForm::refusedChanged, this, &UpcyclePage::validate);
    connect(m_form, &UpcycleForm::modelsWanted, this,
            [this] { Q_EMIT linkActivated(QStringLiteral("models"), {}); });
    connect(m_panel, &PlanPanel::cancelWanted, this, &UpcyclePage::cancelWork);
    connect(m_panel, &PlanPanel::dataWanted, this,
            [this] { Q_EMIT linkActivated(QStringLiteral("data"), {}); });
    connect(m_panel, &PlanPanel::remedyChosen, this, [this](const Remedy& remedy) {
        if (project()) project()->setRecipe(remedy.recipe, remedy.text);
    });
    connect(services.engine, &EngineLink::deviceChanged, this, [this] {
        if (isActive()) m_panel->showDevice(this->services().engine->device());
    });
    connect(services.engine, &EngineLink::stateChanged, this, [this] {
        renewWork();
        if (isActive() && this->services().engine->isUsable() && !m_planRequest) m_debounce.start();
    });
    connect(&Theme::instance(), &Theme::changed, this, &UpcyclePage::validate);
    connect(services.runs, &RunController::liveChanged, this, [this] {
        if (isActive()) renewWork();
    });
}

void UpcyclePage::makeHeader() {
    ActionRegistry* actions = services().actions;
    m_copy = actions->add({.id = "upcycle.copy",
                           .text = tr("Copy command &line"),
                           .menu = "model",
                           .icon = "copy",
                           .page = "upcycle"},
                          this, [this] {
                              if (project())
                                  QGuiApplication::clipboard()->setText(
                                      tuneCommandLine(project()->recipe(), project()->folder()));
                          });
    m_create = actions->add({.id = "upcycle.create",
                             .text = tr("&Create and go to Data"),
                             .menu = "model",
                             .shortcut = QKeySequence(Qt::CTRL | Qt::Key_Return),
                             .icon = "right",
                             .page = "upcycle",
                             .section = 1},
                            this, [this] { create(); });
    m_prove = actions->add({.id = "upcycle.prove",
                            .text = tr("Check &step 0"),
                            .menu = "model",
                            .icon = "check",
                            .page = "upcycle",
                            .section = 1},
                           this, [this] { prove(); });
    m_dry = actions->add({.id = "upcycle.dry",
                          .text = tr("Measure a &dry step"),
                          .menu = "model",
                          .icon = "play",
                          .page = "upcycle",
                          .section = 1},
                         this, [this] { dryStep(); });
    if (QAction* undo = actions->find(QStringLiteral("edit.undo"))) {
        auto* button = textButton(tr("Undo"), QStringLiteral("undo"));
        const auto follow = [button, undo] {
            button->setEnabled(undo->isEnabled());
            button->setToolTip(undo->text().remove(QLatin1Char('&')) + QStringLiteral("  Ctrl+Z"));
        };
        follow();
        connect(undo, &QAction::changed, button, follow);
        connect(button, &QPushButton::clicked, undo, &QAction::trigger);
        addHeaderButton(button);
    }
    makePresets();
    addHeaderButton(actionButton(m_copy));
    for (const auto& [button, action] :
         {std::pair{m_panel->proofButton(), m_prove}, std::pair{m_panel->dryButton(), m_dry}}) {
        connect(button, &QPushButton::clicked, action, &QAction::trigger);
        connect(action, &QAction::changed, button, [button = button, action = action] {
            button->setEnabled(action->isEnabled());
            button->setToolTip(action->toolTip());
        });
    }
}

QWidget* UpcyclePage::makeFooter() {
    auto* footer = new Surface(Token::Base, Surface::Top);
    footer->setMinimumHeight(53);
    footer->setAccessibleName(tr("Validation"));
    auto* row = new QHBoxLayout(footer);
    row->setContentsMargins(24, 9, 24, 8);
    row->setSpacing(10);
    m_verdictIcon = new QLabel;
    m_verdict = new ThemedLabel(QString(), widgets::TextRole::Secondary);
    m_verdict->setWordWrap(true);
    row->addWidget(m_verdictIcon);
    row->addWidget(m_verdict, 1);
    m_createButton = actionButton(m_create, true);
    row->addWidget(m_createButton);
    return footer;
}

void UpcyclePage::setProject(ProjectContext* next) {
    if (project()) project()->disconnect(this);
    Page::setProject(next);
    cancelWork();
    m_dryStep.reset();
    m_proof.reset();
    m_planRequest = 0;
    m_planError.clear();
    m_form->setProject(next);
    m_stale = true;
    if (!next) return;
    const auto renew = [this] {
        m_stale = true;
        if (isActive()) draftChanged();
    };
    connect(next, &ProjectContext::recipeChanged, this, renew);
    connect(next, &ProjectContext::modelsChanged, this, renew);
    connect(next, &ProjectContext::opened, this, renew);
    if (isActive()) draftChanged();
}

void UpcyclePage::setActive(bool active) {
    Page::setActive(active);
    if (!active) return;
    if (services().engine->hasDevice()) m_panel->showDevice(services().engine->device());
    if (project()) m_panel->setDiskFree(QStorageInfo(project()->folder()).bytesAvailable());
    if (m_stale) draftChanged();
    renewWork();
}

void UpcyclePage::openLink(const QVariantMap& arguments) {
    const QString model = arguments.value(QStringLiteral("model")).toString();
    if (project() && !model.isEmpty())
        (void)project()->setField("model.path", model.toStdString(), tr("Base model"));
    if (const QString key = arguments.value(QStringLiteral("setting")).toString(); !key.isEmpty())
        m_form->goTo(key.toStdString());
}

const engine::ModelConfig* UpcyclePage::modelConfig() const {
    const ModelEntry* base = project() ? project()->baseModel() : nullptr;
    return base && base->status == ModelEntry::Status::Ready ? &base->inspection.config : nullptr;
}

std::string UpcyclePage::settingsKey() const {
    if (!project()) return {};
    engine::Recipe recipe = project()->recipe();
    recipe.tune.samples.clear();  // neither weights nor the shape of a step depend on these
    recipe.tune.learningRate = 0;
    recipe.tune.steps.reset();
    recipe.tune.epochs = 1;
    recipe.tune.checkpointEvery = recipe.tune.evaluateEvery = recipe.tune.sampleEvery = 0;
    recipe.data = {};
    return engine::recipeToJson(recipe).dump();
}

void UpcyclePage::draftChanged() {
    if (!project()) return;
    m_stale = false;
    m_form->refresh();
    validate();
    renewWork();
    m_panel->setOutdated(true);
    m_panel->showDryStep(m_dryStep, m_dryStep && m_dryKey != settingsKey());
    m_panel->showProof(m_proof, m_proof && m_proofKey != settingsKey(), project()->recipe().upcycle.method);
    const ModelEntry* base = project()->baseModel();
    setWindowTitlePart(base ? tr("Upcycle %1").arg(base->name) : title());
    m_debounce.start();
}

QVector<FoundItem> UpcyclePage::found() const {
    QVector<FoundItem> items;
    if (!project()) return items;
    for (const engine::FieldDescriptor& field : engine::recipeFields()) {
        if (m_form->editor(field.key) == nullptr) continue;
        const nlohmann::json value = field.get(project()->recipe());
        FoundItem item;
        item.group = FoundItem::Group::Settings;
        item.text = fieldLabel(field);
        item.note = value.is_null()     ? tr("auto")
                    : value.is_string() ? choiceLabel(field, value.get<std::string>())
                                        : QString::fromStdString(value.dump());
        item.icon = QStringLiteral("settings");
        item.verb = tr("Change in Upcycle");
        item.act = [page = const_cast<UpcyclePage*>(this), key = QString::fromStdString(field.key)] {
            Q_EMIT page->linkActivated(QStringLiteral("upcycle"), {{QStringLiteral("setting"), key}});
        };
        items << item;
    }
    return items;
}

QStringList UpcyclePage::keyHints() const {
    return {tr("Ctrl+Z undoes")};
}
QString UpcyclePage::statusFact() const {
    return m_measuredAt.isEmpty() ? QString() : tr("Dry step measured %1").arg(m_measuredAt);
}

Page* makeUpcyclePage(const Services& services, QWidget* parent) {
    return new UpcyclePage(services, parent);
}

}  // namespace caravan::ui

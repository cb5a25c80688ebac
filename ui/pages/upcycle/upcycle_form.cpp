// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/upcycle/upcycle_form.h"

#include <QComboBox>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QSignalBlocker>
#include <QTimer>
#include <QVBoxLayout>
#include <set>

#include "ui/format/format.h"
#include "ui/forms/field_editor.h"
#include "ui/forms/field_words.h"
#include "ui/models/model_tree.h"
#include "ui/pages/upcycle/method_card.h"
#include "ui/shell/surface.h"
#include "widgets/layer_strip.h"

namespace caravan::ui {
namespace {

constexpr int kLabelWidth = 132;
const std::set<std::string> kExpertKeys{"upcycle.experts",   "upcycle.top_k", "upcycle.adapter_size",
                                        "upcycle.scaling",   "tune.balance",  "tune.adapter_dropout",
                                        "tune.balance_scope"};
// Drawn by the page itself or by Data.
const std::set<std::string> kElsewhere{"model.path", "upcycle.method", "upcycle.layers"};

enum Pattern { AllLayers, UpperHalf, EverySecond, OwnChoice };
QVector<bool> cellsOf(Pattern pattern, std::int64_t count) {
    QVector<bool> cells(static_cast<int>(count), pattern == AllLayers);
    for (int i = 0; i < cells.size(); ++i) {
        if (pattern == UpperHalf) cells[i] = i >= count / 2;
        if (pattern == EverySecond) cells[i] = i % 2 == 1;
    }
    return cells;
}

std::vector<std::int64_t> indicesOf(const QVector<bool>& cells) {
    std::vector<std::int64_t> result;
    for (int i = 0; i < cells.size(); ++i)
        if (cells[i]) result.push_back(i);
    return result;
}

}  // namespace

UpcycleForm::UpcycleForm(QWidget* parent) : QScrollArea(parent) {
    setWidgetResizable(true);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFocusPolicy(Qt::NoFocus);
    setAccessibleName(tr("Settings"));
    auto* body = new Surface(Token::Base);
    m_layout = new QVBoxLayout(body);
    m_layout->setContentsMargins(24, 16, 24, 16);
    m_layout->setSpacing(16);  // all of it stands in a window of 1080 px without a scroll bar
    makeBase();
    makeMethods();
    makeExperts();
    makeLayers();
    makeBatch();
    makeTraining();
    makeMore();
    m_layout->addStretch(1);
    setWidget(body);
}

QVBoxLayout* UpcycleForm::section(const QString& title, ThemedLabel** note) {
    auto* box = new QWidget;
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(8);
    auto* head = new QHBoxLayout;
    head->setSpacing(10);
    head->addWidget(new ThemedLabel(title, widgets::TextRole::Section));
    auto* text = new ThemedLabel(QString(), widgets::TextRole::Caption, Token::Text2);
    head->addWidget(text, 1);
    if (note) *note = text;
    layout->addLayout(head);
    m_layout->addWidget(box);
    return layout;
}

FieldEditor* UpcycleForm::make(const std::string& key) {
    const engine::FieldDescriptor* field = engine::findField(key);
    if (!field) return nullptr;
    auto* editor = new FieldEditor(*field, kLabelWidth);
    m_editors[key] = editor;
    if (kExpertKeys.count(key)) m_expertOnly.push_back(editor);
    connect(editor, &FieldEditor::edited, this,
            [this](const QString& edited) { take(edited.toStdString()); });
    return editor;
}

void UpcycleForm::addColumns(QVBoxLayout* to, const std::vector<std::string>& left,
                             const std::vector<std::string>& right) {
    auto* columns = new QHBoxLayout;
    columns->setSpacing(32);
    for (const auto* keys : {&left, &right}) {
        auto* column = new QVBoxLayout;
        column->setSpacing(6);
        for (const std::string& key : *keys)
            if (FieldEditor* editor = make(key)) column->addWidget(editor);
        column->addStretch(1);
        columns->addLayout(column, 1);
    }
    to->addLayout(columns);
}

void UpcycleForm::makeBase() {
    QVBoxLayout* layout = section(tr("Base model"));
    auto* row = new QHBoxLayout;
    row->setSpacing(12);
    m_base = new QComboBox;
    m_base->setAccessibleName(tr("Base model"));
    m_base->setMinimumWidth(280);
    m_baseFacts = new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2);
    m_baseFacts->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_findModels = new LinkButton(tr("Find a model"));
    row->addWidget(m_base);
    row->addWidget(m_baseFacts, 1);
    row->addWidget(m_findModels);
    layout->addLayout(row);
    connect(m_findModels, &LinkButton::clicked, this, &UpcycleForm::modelsWanted);
    connect(m_base, &QComboBox::activated, this, [this] { setModel(m_base->currentData().toString()); });
}

void UpcycleForm::makeMethods() {
    ThemedLabel* note = nullptr;
    QVBoxLayout* layout = section(tr("Method"), &note);
    note->setText(tr("Δ: how far step 0 is from the dense model, largest logit change"));
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    for (const auto method : {engine::UpcycleMethod::Pesc, engine::UpcycleMethod::None}) {
        auto* card = new MethodCard(method);
        m_cards.push_back(card);
        row->addWidget(card, 1);
        connect(card, &QAbstractButton::clicked, this, [this, method] { setMethod(method); });
    }
    row->addStretch(1);
    layout->addLayout(row);
}

void UpcycleForm::makeExperts() {
    addColumns(
        section(tr("Experts, adapters and precision")),
        {"upcycle.experts", "upcycle.top_k", "upcycle.adapter_size", "upcycle.scaling", "tune.balance"},
        {"tune.lora_rank", "tune.lora_targets", "model.quantization", "tune.optimizer",
         "tune.balance_scope"});
}

void UpcycleForm::makeLayers() {
    ThemedLabel* note = nullptr;
    QVBoxLayout* layout = section(tr("Layers"), &note);
    m_expertOnly.push_back(layout->parentWidget());
    note->setText(tr("click or drag to leave layers dense"));
    auto* row = new QHBoxLayout;
    row->setSpacing(16);
    m_strip = new widgets::LayerStrip;
    m_strip->setMaximumWidth(480);
    m_layerText = new ThemedLabel(QString(), widgets::TextRole::Secondary);
    m_pattern = new QComboBox;
    m_pattern->setAccessibleName(tr("Pattern of layers"));
    m_pattern->addItems({tr("All layers"), tr("Upper half"), tr("Every second"), tr("Own choice")});
    row->addWidget(m_strip);
    row->addWidget(m_layerText);
    row->addWidget(m_pattern);
    row->addStretch(1);
    layout->addLayout(row);
    connect(m_strip, &widgets::LayerStrip::edited, this, &UpcycleForm::takeLayers);
    connect(m_pattern, &QComboBox::activated, this, &UpcycleForm::choosePattern);
}

void UpcycleForm::makeBatch() {
    addColumns(section(tr("Batch"), &m_batchNote), {"tune.batch_rows", "tune.sequence_length"},
               {"tune.micro_batch_tokens", "tune.recompute"});
}

void UpcycleForm::makeTraining() {
    QVBoxLayout* layout = section(tr("Training"));
    addColumns(
        layout,
        {"tune.learning_rate", "tune.schedule", "tune.warmup_ratio", "tune.max_gradient_norm", "seed"},
        {"tune.epochs", "tune.steps", "tune.evaluate_every", "tune.checkpoint_every", "tune.sample_every"});
    layout->addWidget(make("tune.samples"));
}

void UpcycleForm::makeMore() {
    m_moreLink = new LinkButton(QString());
    m_moreLink->setCheckable(true);
    m_layout->addWidget(m_moreLink, 0, Qt::AlignLeft);
    m_more = new QWidget;
    auto* layout = new QVBoxLayout(m_more);
    layout->setContentsMargins(0, 0, 0, 0);
    std::vector<std::string> columns[2];
    for (const engine::FieldDescriptor& field : engine::recipeFields()) {
        if (m_editors.count(field.key) || kElsewhere.count(field.key) ||
            field.group == engine::FieldGroup::Data)
            continue;
        columns[m_moreCount++ % 2].push_back(field.key);
    }
    addColumns(layout, columns[0], columns[1]);
    m_layout->addWidget(m_more);
    m_more->hide();
    const auto name = [this](bool open) {
        m_moreLink->setText(open ? tr("Fewer settings") : tr("More settings (%1)").arg(m_moreCount));
        m_moreLink->setAccessibleName(m_moreLink->text());
        m_moreLink->updateGeometry();
        m_more->setVisible(open);
    };
    name(false);
    connect(m_moreLink, &QAbstractButton::toggled, this, name);
}

void UpcycleForm::goTo(const std::string& key) {
    FieldEditor* field = editor(key);
    if (field == nullptr) return;
    if (m_more->isAncestorOf(field)) m_moreLink->setChecked(true);
    QTimer::singleShot(0, field, [this, field] {  // behind the layout of what was just opened
        ensureWidgetVisible(field, 0, 80);
        for (QWidget* child : field->findChildren<QWidget*>())
            if (child->focusPolicy() & Qt::TabFocus) return child->setFocus(Qt::TabFocusReason);
    });
}

FieldEditor* UpcycleForm::editor(const std::string& key) const {
    const auto found = m_editors.find(key);
    return found == m_editors.end() ? nullptr : found->second;
}

MethodCard* UpcycleForm::card(engine::UpcycleMethod method) const {
    for (MethodCard* card : m_cards)
        if (card->method() == method) return card;
    return nullptr;
}

void UpcycleForm::setProject(ProjectContext* project) {
    m_project = project;
    m_refused.clear();
    refresh();
}

void UpcycleForm::take(const std::string& key) {
    if (!m_project || m_filling) return;
    FieldEditor* changed = m_editors.at(key);
    const auto done = m_project->setField(key, changed->value(), fieldLabel(changed->field()));
    const bool was = m_refused.count(key);
    if (done) {
        m_refused.erase(key);
        if (was) changed->setProblem({});
    } else {
        m_refused[key] = problemSentence(key, done.error(), {});
        changed->setProblem(m_refused[key]);
    }
    if (was || !done) Q_EMIT refusedChanged();
}

void UpcycleForm::setModel(const QString& path) {
    if (m_project && !path.isEmpty())
        (void)m_project->setField("model.path", path.toStdString(), tr("Base model"));
}

void UpcycleForm::setMethod(engine::UpcycleMethod method) {
    if (m_project)
        (void)m_project->setField("upcycle.method", method == engine::UpcycleMethod::Pesc ? "pesc" : "none",
                                  tr("Method"));
}

std::int64_t UpcycleForm::layerCount() const {
    const ModelEntry* base = m_project ? m_project->baseModel() : nullptr;
    return base && base->status == ModelEntry::Status::Ready ? base->inspection.config.layers : 0;
}

void UpcycleForm::takeLayers(const QVector<bool>& cells) {
    if (!m_project) return;
    const std::string text = engine::formatLayers(indicesOf(cells), cells.size());
    (void)m_project->setField("upcycle.layers", text, tr("Sparse layers"));
    refreshLayers();  // also where the choice was not taken (no layer at all)
}

void UpcycleForm::choosePattern(int index) {
    if (index != OwnChoice && layerCount() > 0)
        takeLayers(cellsOf(static_cast<Pattern>(index), layerCount()));
    else
        refreshLayers();
}

void UpcycleForm::refresh() {
    m_filling = true;
    fillBases();
    const engine::Recipe recipe = m_project ? m_project->recipe() : engine::Recipe{};
    for (MethodCard* card : m_cards) {
        card->setChecked(card->method() == recipe.upcycle.method);
        card->update();
    }
    for (auto& [key, editor] : m_editors) {
        const nlohmann::json value = editor->field().get(recipe);
        if (m_refused.count(key) && editor->control()->hasFocus()) continue;  // still being typed
        m_refused.erase(key);
        editor->setValue(value);
    }
    const bool experts = recipe.upcycle.method != engine::UpcycleMethod::None;
    for (QWidget* widget : m_expertOnly)
        widget->setVisible(experts);
    refreshLayers();
    refreshNotes();
    setEnabled(m_project != nullptr);
    m_filling = false;
}

void UpcycleForm::fillBases() {
    const QSignalBlocker quiet(m_base);
    m_base->clear();
    const ModelEntry* base = m_project ? m_project->baseModel() : nullptr;
    if (m_project)
        for (const ModelEntry& entry : m_project->models())
            if (ModelTree::groupOf(entry) == ModelTree::Group::Dense || &entry == base)
                m_base->addItem(entry.name, entry.path);
    const int at = base ? m_base->findData(base->path) : -1;
    if (at < 0 && m_project && !m_project->recipe().model.path.empty()) {
        const QString path = QString::fromStdString(m_project->recipe().model.path);
        m_base->addItem(path.section(QLatin1Char('/'), -1), path);
        m_base->setCurrentIndex(m_base->count() - 1);
    } else {
        m_base->setCurrentIndex(at);
    }
    m_findModels->setVisible(m_base->count() == 0);
    if (!base)
        return m_baseFacts->setText(m_base->count() ? QString() : tr("No dense model in this project yet."));
    const engine::ModelInspection& facts = base->inspection;
    if (base->status == ModelEntry::Status::Reading) return m_baseFacts->setText(tr("reading headers"));
    if (base->error) return m_baseFacts->setText(words(*base->error).what);
    m_baseFacts->setText(tr("%1, %2 layers × %3, FFN %4, %5 parameters, %6")
                             .arg(QString::fromStdString(facts.architecture))
                             .arg(facts.config.layers)
                             .arg(withThousands(facts.config.hidden),
                                  withThousands(facts.config.intermediate), parameterCount(facts.parameters),
                                  ModelTree::weightsText(facts)));
    m_baseFacts->setToolTip(m_baseFacts->text());
}

void UpcycleForm::refreshLayers() {
    const std::int64_t count = layerCount();
    m_strip->setEnabled(count > 0);
    m_strip->setVisible(count > 0);
    m_pattern->setEnabled(count > 0);
    if (count <= 0) {
        m_strip->setCells({});
        return m_layerText->setText(tr("known with the base model"));
    }
    QVector<bool> cells(static_cast<int>(count), false);
    if (const auto layers = engine::parseLayers(m_project->recipe().upcycle.layers, count))
        for (const std::int64_t layer : *layers)
            if (layer >= 0 && layer < count) cells[static_cast<int>(layer)] = true;
    m_strip->setCells(cells);
    const int on = m_strip->countOn();
    m_layerText->setText(on == count ? tr("all %1 of %1").arg(count) : tr("%1 of %2").arg(on).arg(count));
    int pattern = OwnChoice;
    for (const Pattern p : {EverySecond, UpperHalf, AllLayers})
        if (cells == cellsOf(p, count)) pattern = p;
    const QSignalBlocker quiet(m_pattern);
    m_pattern->setCurrentIndex(pattern);
}

void UpcycleForm::refreshNotes() {
    if (!m_project) return;
    const engine::Recipe::Tune& tune = m_project->recipe().tune;
    m_batchNote->setText(
        tune.batchSequences
            ? tr("%1 packed sequences a step").arg(withThousands(*tune.batchSequences))
            : tr("%1 rows a step, packed into micro-batches").arg(withThousands(tune.batchRows)));
    if (FieldEditor* rank = editor("tune.lora_rank"))
        rank->setHint(tr("alpha %1").arg(shortReal(tune.loraAlpha)));
    if (FieldEditor* epochs = editor("tune.epochs"))
        epochs->setHint(tune.steps ? tr("steps are set") : shortRange(epochs->field()));
}

void UpcycleForm::setProblems(const std::vector<engine::Problem>& problems) {
    for (auto& [key, editor] : m_editors) {
        if (m_refused.count(key)) continue;
        const engine::Problem* worst = nullptr;
        for (const engine::Problem& problem : problems)
            if (problem.key == key && (!worst || (worst->warning && !problem.warning))) worst = &problem;
        editor->setProblem(worst ? problemSentence(key, worst->error, worst->nearestValid) : QString(),
                           worst && worst->warning);
    }
}

QStringList UpcycleForm::refusedTexts() const {
    QStringList result;
    for (const auto& [key, sentence] : m_refused)
        result << sentence;
    return result;
}

}  // namespace caravan::ui

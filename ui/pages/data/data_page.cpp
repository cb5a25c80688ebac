// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/data/data_page.h"

#include <QComboBox>
#include <QDir>
#include <QFileInfo>
#include <QHeaderView>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QVBoxLayout>

#include "engine/api/config/descriptors.h"
#include "engine/api/event_json.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/format/stage_words.h"
#include "ui/pages/data/batch_view.h"
#include "ui/pages/data/data_files_model.h"
#include "ui/pages/data/data_mix.h"
#include "ui/pages/data/data_problems_model.h"
#include "ui/pages/data/length_plot.h"
#include "ui/project_context.h"
#include "ui/shell/icon_label.h"
#include "ui/shell/pane_header.h"
#include "widgets/message_bar.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {

// What the preview depends on.
std::string previewKey(const engine::Recipe& recipe) {
    const nlohmann::json json = engine::recipeToJson(recipe);
    nlohmann::json key;
    for (const char* part : {"model", "data", "tune", "seed"})
        if (json.contains(part)) key[part] = json[part];
    return key.dump();
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
    connect(services.runs, &RunController::liveChanged, this, [this] {
        if (isActive()) showState();  // a run tells this with every step
    });
    connect(&Theme::instance(), &Theme::changed, this, [this] { showState(); });
    showState();
}

void DataPage::setProject(ProjectContext* project) {
    if (this->project() != nullptr) this->project()->disconnect(this);
    Page::setProject(project);
    dropRequest();
    m_preview.reset();
    m_error.reset();
    m_shownKey.clear();
    m_problems->setProblems({});
    m_problemHeader->setContext({});
    m_byRows->setParts({});
    m_byTokens->setParts({});
    for (QLabel* total : m_totals)
        total->setText(QStringLiteral("–"));
    if (project != nullptr) {
        connect(project, &ProjectContext::recipeChanged, this, [this] { recipeChanged(); });
        connect(project, &ProjectContext::opened, this, [this] { recipeChanged(); });
    }
    recipeChanged();
}

void DataPage::setActive(bool active) {
    Page::setActive(active);
    if (!active) return;
    showState();
    if (m_stale) QTimer::singleShot(0, this, [this] { requestPreview(); });
}

void DataPage::recipeChanged() {
    if (project() == nullptr) {
        m_files->setFiles({});
        return showState();
    }
    m_files->setFiles(project()->recipe().data);
    m_mixHeader->setContext(weightWords(project()->recipe().data));
    m_stale = previewKey(project()->recipe()) != m_shownKey;
    if (!m_stale) dropRequest();  // an edit was undone: what is shown is right again
    if (m_stale && isActive()) m_debounce.start();
    showState();
}

void DataPage::commitData(const engine::Recipe::Data& data, const QString& text, const QString& mergeKey) {
    if (project() == nullptr) return;
    engine::Recipe recipe = project()->recipe();
    recipe.data = data;
    project()->setRecipe(recipe, text, mergeKey);
}

void DataPage::dropRequest() {
    if (m_request != 0) services().engine->cancel(m_request);
    m_request = 0;
}

void DataPage::requestPreview() {
    if (project() == nullptr || !m_stale || !isActive() || !services().engine->isUsable()) return;
    const engine::Recipe& recipe = project()->recipe();
    if (recipe.model.path.empty() || (recipe.data.files.empty() && recipe.data.heldout.empty()))
        return showState();
    const std::string key = previewKey(recipe);
    if (m_request != 0 && key == m_askedKey) return;  // the engine's state changes with every request
    dropRequest();
    m_askedKey = key;
    const auto own = std::make_shared<quint64>(0);
    const auto current = [this, own] { return *own == m_request; };  // a cancelled one may answer last
    *own = m_request = services().engine->requestAs<engine::DataPreview>(
        "preview", {{"recipe", engine::recipeToJson(recipe)}, {"folder", project()->folder().toStdString()}},
        this,
        [this, current](const engine::Result<engine::DataPreview>& preview) {
            if (current()) takePreview(preview);
        },
        [this, current](const engine::Progress& progress) {
            if (current()) showProgress(progress);
        });
    m_progress->setRange(0, 0);
    m_clock.restart();
    m_reading.clear();
    showState();
}

void DataPage::takePreview(const engine::Result<engine::DataPreview>& preview) {
    m_request = 0;
    if (m_askedKey != previewKey(project()->recipe())) return showState();  // the next one is asked for soon
    m_stale = !preview && !services().engine->isUsable();                   // again when the engine is back
    m_shownKey = m_askedKey;
    m_error.reset();
    if (preview) {
        m_preview = *preview;
        showPreview();
    } else {
        m_error = preview.error();
    }
    showState();
}

// The engine counts the bytes of one file after the other.
void DataPage::showProgress(const engine::Progress& progress) {
    constexpr int kWhole = 1000;
    const double share =
        static_cast<double>(progress.done) / std::max(1.0, static_cast<double>(progress.total));
    m_progress->setRange(0, progress.total > 0 ? kWhole : 0);
    m_progress->setValue(static_cast<int>(std::clamp(share, 0.0, 1.0) * kWhole));
    m_reading = stageText(progress.stage);
    if (!m_reading.isEmpty()) m_reading[0] = m_reading[0].toUpper();
    if (progress.total > 0)
        m_reading = tr("%1, %2 of %3").arg(m_reading, diskText(progress.done), diskText(progress.total));
    if (const QString left = m_clock.left(progress); !left.isEmpty())
        m_reading += QStringLiteral(" · ") + left;
    m_verdict->setText(hindrance());
}

void DataPage::showPreview() {
    const engine::DataPreview& preview = *m_preview;
    m_files->setReports(preview.files);
    std::vector<engine::RowProblem> problems;
    for (const engine::DataFileReport& file : preview.files)
        if (!file.error.empty()) problems.push_back({file.path, 0, file.error});  // none of its rows is used
    const auto badFiles = static_cast<int>(problems.size());
    problems.insert(problems.end(), preview.problems.begin(), preview.problems.end());
    m_problems->setProblems(std::move(problems));
    const std::vector<DomainShare> shares = largestOf(sharesOf(preview));
    m_byRows->setParts(mixParts(shares, &DomainShare::rows));
    m_byTokens->setParts(mixParts(shares, &DomainShare::tokens));
    m_lengths->setPreview(preview, project()->recipe().data.longRows);
    m_batch->setBatch(preview.firstBatch, preview.sequenceLength);
    m_batchHeader->setContext(tr("step 1, seed %1").arg(project()->recipe().seed));
    const DataTotals totals = totalsOf(preview);
    const auto listed = static_cast<std::int64_t>(preview.problems.size());
    QStringList counts;
    if (badFiles > 0) counts << tr("%n file(s) cannot be used", nullptr, badFiles);
    if (totals.notUsed > 0 || badFiles == 0)
        counts << (totals.notUsed == 0 ? tr("none") : tr("%1 not used").arg(withThousands(totals.notUsed)));
    if (preview.problemCount > listed) counts << tr("the first %1 are listed").arg(withThousands(listed));
    m_problemHeader->setContext(counts.join(QStringLiteral(", ")));
    const QString figures[] = {
        withThousands(totals.used), withThousands(totals.cut),
        QString::number(100 * totals.answersLost, 'f', 2) + kThinSpace + QLatin1Char('%'),
        withThousands(totals.heldout)};
    for (int i = 0; i < 4; ++i)
        m_totals[i]->setText(figures[i]);
    setContextText(tr("%1 rows, %2 tokens per epoch, %3 steps")
                       .arg(withThousands(preview.rowsPerEpoch), withThousands(preview.tokensPerEpoch),
                            withThousands(preview.steps)));
    Q_EMIT statusChanged();
}

// As high as its rows, up to eight of them.
int DataPage::tableHeight() const {
    const int rows = std::clamp(m_files->rowCount(), 3, 8);
    return m_table->horizontalHeader()->height() + rows * m_table->verticalHeader()->defaultSectionSize() + 1;
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
    if (m_request != 0 && !m_reading.isEmpty()) return m_reading;
    if (m_stale || m_request != 0 || !m_preview) return tr("Reading the rows…");
    QStringList bad;
    for (const engine::DataFileReport& file : m_preview->files)
        if (!file.error.empty())
            bad << tr("%1: %2").arg(QFileInfo(QString::fromStdString(file.path)).fileName(),
                                    QString::fromStdString(file.error));
    if (bad.size() > 1)
        return tr("%1 (and %n more file(s) below)", nullptr, static_cast<int>(bad.size()) - 1)
            .arg(bad.first());
    if (!bad.isEmpty()) return bad.first();
    if (m_preview->rowsPerEpoch == 0) return tr("No row can be trained: look at the rows with problems.");
    return {};
}

// What an epoch leaves out, beside the button that starts it.
QString DataPage::lossWords() const {
    const DataTotals totals = m_preview ? totalsOf(*m_preview) : DataTotals();
    QStringList parts;
    if (totals.notUsed > 0) parts << tr("%n row(s) not used.", nullptr, static_cast<int>(totals.notUsed));
    if (totals.cut > 0) parts << tr("%n row(s) cut at their end.", nullptr, static_cast<int>(totals.cut));
    if (parts.isEmpty()) return tr("Ready. Every row is used whole.");
    return tr("Ready. %1").arg(parts.join(QLatin1Char(' ')));
}

void DataPage::showState() {
    const bool empty = project() == nullptr ||
                       (project()->recipe().data.files.empty() && project()->recipe().data.heldout.empty());
    m_stack->setCurrentIndex(empty ? 0 : 1);
    m_addHeldout->setEnabled(project() != nullptr);
    m_mapping->setEnabled(!empty);
    m_split->setEnabled(!empty && !project()->recipe().data.files.empty());
    if (project() != nullptr)
        m_template->setCurrentIndex(
            m_template->findData(QString::fromStdString(project()->recipe().data.templateName)));
    m_add->setEnabled(project() != nullptr);
    m_progress->setVisible(m_request != 0);
    m_cancel->setVisible(m_request != 0);
    m_batch->setStale(m_stale && m_preview.has_value());
    const bool problems = m_problems->rowCount() > 0;
    m_problemStack->setCurrentIndex(problems ? 1 : 0);
    m_exportButton->setEnabled(problems);
    if (auto* none = qobject_cast<QLabel*>(m_problemStack->widget(0)))
        none->setText(m_preview        ? tr("Every row can be used.")
                      : m_request != 0 ? tr("Reading the rows…")
                                       : tr("Known when the rows have been read."));
    const QString why = hindrance();
    const bool ready = why.isEmpty() && !m_starting;
    m_start->setEnabled(ready);
    m_startButton->setEnabled(ready);
    m_startButton->setToolTip(why);
    const bool heldout = project() != nullptr && (!project()->recipe().data.heldout.empty() ||
                                                  project()->recipe().data.heldoutFraction > 0);
    m_verdict->setText(!why.isEmpty() ? why
                       : heldout      ? lossWords()
                                 : tr("Without held-out files nothing shows whether the model learns more "
                                      "than these rows."));
    const Token tone = m_error          ? Token::Err
                       : !why.isEmpty() ? Token::Text2
                       : heldout        ? Token::Ok
                                        : Token::Warn;
    m_verdict->setToken(m_error ? Token::Err : Token::Text);
    showIcon(m_verdictIcon,
             m_error          ? QStringLiteral("err")
             : !why.isEmpty() ? QStringLiteral("info")
             : heldout        ? QStringLiteral("check")
                              : QStringLiteral("warn"),
             Theme::color(tone));
    m_table->setFixedHeight(tableHeight());
    if (empty) setContextText({});
}

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

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/models/import_dialog.h"

#include <QComboBox>
#include <QDir>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

#include "engine/api/event_json.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/shell/surface.h"

namespace caravan::ui {
namespace {

using Check = VerdictBox::Check;
constexpr int kDelayMs = 250, kMostExperts = 128;

QString layoutName(engine::AdapterKeyStyle style) {
    return style == engine::AdapterKeyStyle::Sparsetral ? ImportDialog::tr("Sparsetral")
                                                        : ImportDialog::tr("Camelidae");
}

// The command line names its own options: in the window they are fields.
engine::Error inWords(engine::Error error) {
    for (auto& [key, value] : error.parameters) {
        if (key != "key") continue;
        if (value.rfind("--base", 0) == 0) value = ImportDialog::tr("The base model").toStdString();
        if (value == "--top-k") value = ImportDialog::tr("Experts per token").toStdString();
    }
    return error;
}

}  // namespace

ImportDialog::ImportDialog(EngineLink* engine, RunController* runs, Place place, QWidget* parent)
    : QDialog(parent),
      m_engine(engine),
      m_runs(runs),
      m_place(std::move(place)),
      m_source(new QLineEdit),
      m_target(new QLineEdit),
      m_found(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2)),
      m_base(new QComboBox),
      m_topK(new QSpinBox),
      m_scaling(new QDoubleSpinBox),
      m_form(new QFormLayout),
      m_verdict(new VerdictBox),
      m_progressRow(new QWidget),
      m_progressWords(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2)),
      m_progress(new QProgressBar),
      m_import(textButton(tr("Import"), {}, true)),
      m_cancel(textButton(tr("Cancel"))) {
    setWindowTitle(tr("Import a model"));
    setAttribute(Qt::WA_DeleteOnClose);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    setMinimumWidth(680);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 20, 24, 20);
    column->setSpacing(12);
    auto* what = new ThemedLabel(
        tr("A mixture in the Camelidae or Sparsetral layout, or a run of the released PESC code "
           "(moe_model.bin beside adapter_model, read without running anything). The engine writes a copy in "
           "the Camelidae layout, reads it back and compares logits; the source stays as it is."),
        widgets::TextRole::Secondary, Token::Text2);
    what->setWordWrap(true);
    column->addWidget(what);
    makeForm();
    column->addLayout(m_form);
    m_verdict->hide();
    column->addWidget(m_verdict);
    column->addStretch(1);
    makeFoot();
    m_delay.setSingleShot(true);
    m_delay.setInterval(kDelayMs);
    connect(&m_delay, &QTimer::timeout, this, &ImportDialog::inspect);
    connect(engine, &EngineLink::stateChanged, this, &ImportDialog::renew);
    if (runs != nullptr) connect(runs, &RunController::liveChanged, this, &ImportDialog::renew);
    renew();
}

ImportDialog::~ImportDialog() {
    for (const quint64 request : {m_look, m_work})
        if (request != 0) m_engine->cancel(request);
}

QWidget* ImportDialog::withChooser(QLineEdit* edit, const QString& title) {
    auto* row = new QWidget;
    auto* layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(8);
    auto* choose = textButton(tr("Choose…"), QStringLiteral("folder"));
    choose->setAccessibleName(title);
    layout->addWidget(edit, 1);
    layout->addWidget(choose);
    row->setFocusProxy(edit);
    connect(choose, &QPushButton::clicked, this, [this, edit, title] {
        const QString at = edit->text().isEmpty() ? QDir::homePath() : edit->text();
        auto* dialog = new QFileDialog(this, title, at);
        dialog->setFileMode(QFileDialog::Directory);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        connect(dialog, &QFileDialog::fileSelected, edit, &QLineEdit::setText);
        dialog->open();
    });
    return row;
}

void ImportDialog::makeForm() {
    m_form->setHorizontalSpacing(16);
    m_form->setVerticalSpacing(8);
    m_source->setAccessibleName(tr("Folder to import"));
    m_target->setAccessibleName(tr("Folder of the copy"));
    m_base->setAccessibleName(tr("Base model"));
    m_base->setEditable(true);
    m_base->addItems(m_place.bases);
    m_base->setCurrentIndex(-1);
    m_base->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_base->setMinimumContentsLength(30);
    m_base->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    m_topK->setRange(1, kMostExperts);
    m_topK->setValue(2);
    m_topK->setAccessibleName(tr("Experts per token"));
    m_scaling->setRange(0.0001, 1000);
    m_scaling->setDecimals(4);
    m_scaling->setSingleStep(0.25);
    m_scaling->setValue(1);
    m_scaling->setAccessibleName(tr("Scaling"));
    for (QWidget* box : {static_cast<QWidget*>(m_topK), static_cast<QWidget*>(m_scaling)}) {
        box->setFont(widgets::numberFont());
        box->setMaximumWidth(140);
    }
    m_topK->setToolTip(tr("A moe_model.bin does not say it; the released code tunes with 2"));
    m_scaling->setToolTip(tr(
        "Factor on what the experts add. A moe_model.bin does not say it; the released code tunes with 1"));
    m_found->setWordWrap(true);
    m_form->addRow(tr("&Folder"), withChooser(m_source, tr("Folder to import")));
    m_form->addRow(QString(), m_found);
    m_form->addRow(tr("&Base model"), m_base);
    m_form->addRow(tr("&Experts per token"), m_topK);
    m_form->addRow(tr("&Scaling"), m_scaling);
    m_form->addRow(tr("&Copy to"), withChooser(m_target, tr("Folder of the copy")));
    connect(m_source, &QLineEdit::textChanged, this, &ImportDialog::sourceChanged);
    connect(m_target, &QLineEdit::textChanged, this, &ImportDialog::renew);
    connect(m_base, &QComboBox::editTextChanged, this, &ImportDialog::renew);
}

void ImportDialog::makeFoot() {
    m_progress->setTextVisible(false);
    m_progress->setAccessibleName(tr("Progress of the import"));
    m_progress->setFixedWidth(200);
    auto* progress = new QHBoxLayout(m_progressRow);
    progress->setContentsMargins(0, 0, 0, 0);
    progress->setSpacing(12);
    progress->addWidget(m_progressWords, 1);
    progress->addWidget(m_progress);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addStretch(1);
    row->addWidget(m_cancel);
    row->addWidget(m_import);
    m_import->setDefault(true);
    auto* column = static_cast<QVBoxLayout*>(layout());
    column->addWidget(m_progressRow);
    column->addLayout(row);
    connect(m_import, &QPushButton::clicked, this, &ImportDialog::start);
    connect(m_cancel, &QPushButton::clicked, this, &ImportDialog::reject);
}

// While it works, Esc and Cancel end the work; the dialog stays and says so.
void ImportDialog::reject() {
    if (m_work == 0) return QDialog::reject();
    m_engine->cancel(m_work);
    m_progressWords->setText(tr("stopping"));
}

QString ImportDialog::progressWords() const {
    return m_progressRow->isHidden() ? QString() : m_progressWords->text();
}

bool ImportDialog::isRun() const {
    return m_inspection && m_inspection->kind == "reference_run";
}

void ImportDialog::setSource(const QString& folder) {
    m_source->setText(folder);
    m_delay.stop();
    inspect();
}

void ImportDialog::sourceChanged() {
    if (m_look != 0) m_engine->cancel(m_look);
    m_look = 0;
    m_inspection.reset();
    m_found->setToken(Token::Text2);
    m_found->setText(m_source->text().isEmpty() ? QString() : tr("Reading headers…"));
    m_verdict->hide();
    m_delay.start();
    renew();
}

void ImportDialog::inspect() {
    const QString folder = m_source->text().trimmed();
    if (folder.isEmpty()) return;
    m_look = m_engine->requestAs<engine::ModelInspection>(
        "inspect", {{"path", folder.toStdString()}}, this,
        [this, folder](const engine::Result<engine::ModelInspection>& found) {
            if (folder != m_source->text().trimmed()) return;
            m_look = 0;
            if (found) return take(*found);
            m_found->setToken(Token::Err);
            m_found->setText(words(found.error()).oneLine());
            renew();
        });
}

// A folder beside the others that is not there yet.
QString ImportDialog::freeTarget(const QString& name) const {
    const QDir models(m_place.models);
    QString target = models.filePath(name);
    for (int i = 2; QFileInfo::exists(target); ++i)
        target = models.filePath(QStringLiteral("%1-%2").arg(name).arg(i));
    return target;
}

void ImportDialog::take(const engine::ModelInspection& found) {
    m_inspection = found;
    const bool run = isRun(), mixture = found.config.moe.has_value();
    m_found->setToken(run || mixture ? Token::Text2 : Token::Err);
    if (run) {
        m_found->setText(tr("A run of the released PESC code, %1.").arg(diskText(found.bytes)));
        m_base->lineEdit()->setPlaceholderText(found.base.empty()
                                                   ? tr("not named by the run: say its folder")
                                                   : homePath(QString::fromStdString(found.base)));
    } else if (mixture) {
        m_found->setText(tr("%1 layout: %2 experts, %3 used by each token, %4.")
                             .arg(layoutName(found.config.moe->keyStyle))
                             .arg(found.config.moe->experts)
                             .arg(found.config.moe->topK)
                             .arg(diskText(found.bytes)));
    } else if (found.kind == "dense") {
        m_found->setText(tr("A dense model: nothing has to be imported. Add its folder to the list."));
    } else {
        m_found->setText(found.reasons.empty() ? tr("Nothing that can be imported.")
                                               : QString::fromStdString(found.reasons.front()));
    }
    if ((run || mixture) && (m_target->text().isEmpty() || m_target->text() == m_suggested)) {
        m_suggested = freeTarget(QDir(m_source->text().trimmed()).dirName());
        m_target->setText(m_suggested);
    }
    renew();
}

// Why Import is not offered; "" = it is.
QString ImportDialog::whyNot() const {
    if (m_source->text().trimmed().isEmpty()) return tr("Choose the folder to import");
    if (!m_inspection) return tr("The folder has not been recognized");
    if (!isRun() && !m_inspection->config.moe) return tr("This folder holds no experts");
    if (isRun() && m_inspection->base.empty() && m_base->currentText().trimmed().isEmpty())
        return tr("Say the folder of the base model that was tuned");
    if (m_target->text().trimmed().isEmpty()) return tr("Say where the copy goes");
    if (m_runs != nullptr && m_runs->live().isActive())
        return tr("A run holds the engine; stop it, or wait for its end");
    if (!m_engine->isUsable()) return m_engine->stateWords();
    return {};
}

void ImportDialog::renew() {
    for (QWidget* field :
         {static_cast<QWidget*>(m_base), static_cast<QWidget*>(m_topK), static_cast<QWidget*>(m_scaling)}) {
        field->setVisible(isRun());
        m_form->labelForField(field)->setVisible(isRun());
        field->setEnabled(m_work == 0);
    }
    for (QLineEdit* edit : {m_source, m_target})
        edit->parentWidget()->setEnabled(m_work == 0 && !m_done);
    const QString why = whyNot();
    m_import->setVisible(!m_done);
    m_import->setEnabled(m_work == 0 && why.isEmpty());
    m_import->setToolTip(why);
    m_cancel->setText(m_done ? tr("Close") : tr("Cancel"));
    m_progressRow->setVisible(m_work != 0);
}

void ImportDialog::start() {
    if (m_work != 0 || !whyNot().isEmpty()) return;
    engine::ModelSource source;
    source.path = m_source->text().trimmed().toStdString();
    if (isRun()) {
        source.topK = m_topK->value();
        source.scaling = m_scaling->value();
        const QString base = m_base->currentText().trimmed();
        if (!base.isEmpty()) source.base = base.toStdString();
    }
    m_verdict->hide();
    m_clock.restart();
    m_progress->setRange(0, 0);
    m_progressWords->setText(tr("starting"));
    const QString target = QDir::cleanPath(m_target->text().trimmed());
    m_work = m_engine->requestAs<engine::ExportOutcome>(
        "export", {{"source", source}, {"folder", target.toStdString()}, {"format", "camelidae"}}, this,
        [this](const engine::Result<engine::ExportOutcome>& outcome) { finish(outcome); },
        [this](const engine::Progress& progress) {
            m_progressWords->setText(m_clock.words(progress));
            m_progress->setRange(0, static_cast<int>(progress.total));
            m_progress->setValue(static_cast<int>(progress.done));
        });
    renew();
}

void ImportDialog::finish(const engine::Result<engine::ExportOutcome>& outcome) {
    m_work = 0;
    m_done = outcome.has_value();
    m_verdict->show();
    if (outcome) {
        const QString target = QDir::cleanPath(m_target->text().trimmed());
        m_verdict->setVerdict(
            VerdictBox::Tone::Good, tr("Imported, %1").arg(diskText(outcome->bytes)),
            {{Check::Mark::Passed, tr("Read back: largest logit difference to the source %1")
                                       .arg(QString::number(outcome->maxAbsLogitDifference, 'g', 2))},
             {Check::Mark::Note, tr("It is in the list: %1").arg(homePath(target))}});
        Q_EMIT imported(target);
    } else {
        showError(outcome.error());
    }
    renew();
    (m_done ? m_cancel : m_import)->setFocus();
}

void ImportDialog::showError(const engine::Error& error) {
    if (error.code == engine::ErrorCode::Interrupted)
        return m_verdict->setVerdict(VerdictBox::Tone::Neutral, tr("Cancelled: nothing was written"), {});
    ErrorWords text = words(inWords(error));
    if (error.code == engine::ErrorCode::EngineGone)
        text.todo = tr("Nothing was written. Import again when the engine is back.");
    if (error.code == engine::ErrorCode::MissingOption)
        text.todo = tr("Say the folder of the dense model that was tuned.");
    QVector<Check> checks;
    if (!text.detail.isEmpty()) checks << Check{Check::Mark::Failed, text.detail};
    if (!text.todo.isEmpty()) checks << Check{Check::Mark::Note, text.todo};
    m_verdict->setVerdict(VerdictBox::Tone::Bad, text.what, checks);
}

}  // namespace caravan::ui

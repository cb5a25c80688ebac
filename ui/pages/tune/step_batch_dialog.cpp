// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/tune/step_batch_dialog.h"

#include <QDialogButtonBox>
#include <QHBoxLayout>
#include <QSpinBox>
#include <QStackedWidget>
#include <QVBoxLayout>

#include "engine/api/config/descriptors.h"
#include "ui/bridge/engine_link.h"
#include "ui/format/format.h"
#include "ui/pages/data/batch_view.h"
#include "ui/pages/data/data_delegates.h"
#include "ui/shell/surface.h"

namespace caravan::ui {
namespace {
constexpr int kDelayMs = 250;
}

StepBatchDialog::StepBatchDialog(EngineLink* engine, Run run, QWidget* parent)
    : QDialog(parent),
      m_engine(engine),
      m_run(std::move(run)),
      m_step(new QSpinBox),
      m_of(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2)),
      m_facts(new ThemedLabel(QString(), widgets::TextRole::Secondary)),
      m_warning(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Err)),
      m_message(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2)),
      m_stack(new QStackedWidget),
      m_view(new BatchView) {
    setWindowTitle(tr("Batch of a step of %1").arg(m_run.name));
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    resize(820, 600);
    auto* word = new QLabel(tr("&Step"));
    word->setBuddy(m_step);
    m_step->setRange(1, static_cast<int>(std::max<engine::StepIndex>(1, m_run.lastStep)));
    m_step->setGroupSeparatorShown(true);
    m_step->setAlignment(Qt::AlignRight);
    m_step->setFont(widgets::numberFont());
    m_step->setMinimumWidth(110);
    m_step->setAccessibleName(tr("Step"));
    m_warning->setWordWrap(true);
    m_message->setWordWrap(true);
    m_message->setAlignment(Qt::AlignCenter);
    m_facts->setAccessibleName(tr("What was in the batch"));
    auto* head = new QHBoxLayout;
    head->setContentsMargins(16, 12, 16, 0);
    head->setSpacing(8);
    for (QWidget* widget :
         {static_cast<QWidget*>(word), static_cast<QWidget*>(m_step), static_cast<QWidget*>(m_of)})
        head->addWidget(widget);
    head->addStretch(1);
    m_stack->addWidget(m_message);
    m_stack->addWidget(m_view);
    auto* facts = new QVBoxLayout;
    facts->setContentsMargins(16, 8, 16, 4);
    facts->addWidget(m_facts);
    facts->addWidget(m_warning);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close);
    buttons->setContentsMargins(16, 8, 16, 12);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addLayout(head);
    column->addLayout(facts);
    column->addWidget(m_stack, 1);
    column->addWidget(buttons);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    m_delay.setSingleShot(true);
    m_delay.setInterval(kDelayMs);
    connect(&m_delay, &QTimer::timeout, this, &StepBatchDialog::ask);
    connect(m_step, &QSpinBox::valueChanged, &m_delay, qOverload<>(&QTimer::start));
    connect(m_view, &BatchView::rowActivated, this, [this](const QString& file, qint64 line) {
        auto* row = new RowDialog(file, line, this);
        row->setAttribute(Qt::WA_DeleteOnClose);
        row->show();
    });
    m_warning->hide();
}

StepBatchDialog::~StepBatchDialog() {
    if (m_request != 0) m_engine->cancel(m_request);
}

void StepBatchDialog::showStep(engine::StepIndex step) {
    {
        const QSignalBlocker quiet(m_step);
        m_step->setValue(static_cast<int>(step));
    }
    ask();
}

QString StepBatchDialog::factsText() const {
    return m_facts->text();
}
QString StepBatchDialog::warningText() const {
    return m_warning->isHidden() ? QString() : m_warning->text();
}

void StepBatchDialog::tell(const QString& words) {
    m_message->setText(words);
    m_stack->setCurrentIndex(0);
    m_facts->clear();
    m_warning->hide();
}

void StepBatchDialog::ask() {
    m_delay.stop();
    if (m_request != 0) m_engine->cancel(m_request);
    m_request = 0;
    m_shown.reset();
    m_of->setText(tr("of %1").arg(withThousands(m_run.lastStep)));
    const QString reading = tr("Reading the data of the run…");
    tell(reading);
    const engine::StepIndex step = m_step->value();
    m_request = m_engine->requestAs<engine::StepBatch>(
        "step_batch",
        {{"recipe", engine::recipeToJson(m_run.recipe)},
         {"folder", m_run.folder.toStdString()},
         {"step", step}},
        this,
        [this, step](const engine::Result<engine::StepBatch>& batch) {
            if (step != m_step->value()) return;  // another one was asked for since
            m_request = 0;
            if (batch) return take(*batch);
            if (batch.error().code != engine::ErrorCode::Interrupted) tell(words(batch.error()).oneLine());
        },
        [this, reading](const engine::Progress& progress) {
            if (progress.total > 0)
                m_message->setText(
                    tr("%1 %2 of %3")
                        .arg(reading, withThousands(progress.done), withThousands(progress.total)));
        });
}

void StepBatchDialog::take(const engine::StepBatch& batch) {
    m_shown = batch;
    m_of->setText(tr("of %1, epoch %2").arg(withThousands(batch.steps), withThousands(batch.epoch + 1)));
    QStringList facts{tr("%n row(s)", nullptr, static_cast<int>(batch.rows())),
                      tr("%1 tokens, %2 of them trained")
                          .arg(withThousands(batch.tokens()), withThousands(batch.trainedTokens()))};
    for (const auto& [domain, rows] : batch.domains())
        facts << tr("%1 × %2").arg(withThousands(rows), QString::fromStdString(domain));
    m_facts->setText(facts.join(QStringLiteral("  ·  ")));
    m_view->setBatch(batch.batch, batch.sequenceLength);
    m_stack->setCurrentIndex(1);
    const std::int64_t logged = m_run.loggedTokens ? m_run.loggedTokens(batch.step) : 0;
    m_warning->setVisible(logged > 0 && logged != batch.tokens());
    if (logged > 0 && logged != batch.tokens())
        m_warning->setText(tr("The step logged %1 tokens: the files were changed since, and this is not what "
                              "it was trained on.")
                               .arg(withThousands(logged)));
}

}  // namespace caravan::ui

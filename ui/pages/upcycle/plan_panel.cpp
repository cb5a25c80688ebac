// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/upcycle/plan_panel.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QVBoxLayout>

#include "engine/api/config/descriptors.h"
#include "ui/format/format.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/pages/upcycle/parameter_bar.h"
#include "ui/shell/layouts.h"
#include "ui/shell/surface.h"
#include "widgets/stack_bar.h"

namespace caravan::ui {
namespace {

QString itemName(const std::string& key, const engine::Recipe& recipe, const engine::RunPlan& plan) {
    const bool nf4 = recipe.model.quantization == engine::Quantization::Nf4;
    if (key == "base_weights")
        return nf4 ? PlanPanel::tr("Base weights and scales, NF4") : PlanPanel::tr("Base weights");
    if (key == "embeddings") return PlanPanel::tr("Embeddings and head");
    if (key == "trainable")
        return recipe.upcycle.method == engine::UpcycleMethod::None
                   ? PlanPanel::tr("LoRA")
                   : PlanPanel::tr("Adapters, routers, LoRA");
    if (key == "gradients")
        return recipe.tune.trained == engine::TrainedValues::Bf16 ? PlanPanel::tr("Gradients, bf16")
                                                                  : PlanPanel::tr("Gradients");
    if (key == "optimizer")
        return recipe.tune.optimizer == engine::OptimizerKind::AdamW8bit
                   ? PlanPanel::tr("Adam moments, 8-bit")
                   : PlanPanel::tr("Adam moments");
    if (key == "activations")
        return PlanPanel::tr("Activations, %1 tokens").arg(withThousands(plan.microBatchTokens));
    if (key == "workspace") return PlanPanel::tr("Workspace");
    if (key == "context") return PlanPanel::tr("Device context");
    return QString::fromStdString(key);
}

}  // namespace

void PlanPanel::showPlan(const engine::RunPlan& plan, const engine::Recipe& recipe,
                         const engine::ModelConfig* model) {
    m_plan = plan;
    m_known = true;
    const double total = std::max<double>(1.0, static_cast<double>(plan.parametersTotal));
    const bool experts = recipe.upcycle.method != engine::UpcycleMethod::None;
    QString formula = tr("dense, as it is");
    if (experts && model) {
        std::int64_t layers = model->layers;
        if (const auto chosen = engine::parseLayers(recipe.upcycle.layers, model->layers))
            layers = static_cast<std::int64_t>(chosen->size());
        formula = tr("dense + %1 × %2 × (2 × %3 × %4 + %3)")
                      .arg(QString::number(layers), QString::number(recipe.upcycle.experts),
                           withThousands(model->hidden), withThousands(recipe.upcycle.adapterSize));
    }
    m_total->set(1.0, parameterCountExact(plan.parametersTotal), formula);
    m_active->set(
        static_cast<double>(plan.parametersActive) / total, parameterCountExact(plan.parametersActive),
        experts ? tr("%1 of %2 adapters, all routers").arg(recipe.upcycle.topK).arg(recipe.upcycle.experts)
                : tr("all of them"));
    const std::int64_t adapters = plan.parametersTrainable - plan.parametersLora;
    QStringList parts;
    if (adapters > 0) parts << tr("adapters and routers %1").arg(parameterCountExact(adapters));
    if (plan.parametersLora > 0) parts << tr("LoRA %1").arg(parameterCountExact(plan.parametersLora));
    m_trainable->set(static_cast<double>(plan.parametersTrainable) / total,
                     parameterCountExact(plan.parametersTrainable), parts.join(QStringLiteral(" + ")));
    QVector<widgets::StackBar::Part> bar;
    for (const engine::MemoryItem& item : plan.memory)
        if (item.bytes > 0)
            bar << widgets::StackBar::Part{itemName(item.key, recipe, plan), static_cast<double>(item.bytes),
                                           memoryTextLike(item.bytes, plan.memoryTotal)};
    m_bar->setParts(bar);
    emptyLayout(m_items);
    for (int i = 0; i < bar.size(); ++i) {
        auto* row = new LegendItem(i, static_cast<int>(bar.size()), bar[i].name, bar[i].text);
        row->setSpread(true);
        m_items->addWidget(row);
    }
    m_planTotal->setText(memoryTextLike(plan.memoryTotal, plan.memoryTotal));
    m_checkpoint->setText(diskText(plan.checkpointBytes));
    m_kept->setText(diskText(plan.diskBytes));
    renewMemory();
    renewTime();
    setOutdated(false);
}

void PlanPanel::showDevice(const engine::DeviceStatus& device) {
    const bool same = device.name == m_device.name && device.memoryTotal == m_device.memoryTotal;
    m_device = device;
    if (!same) renewMemory();
}

bool PlanPanel::fits() const {
    return !m_known || m_device.memoryTotal <= 0 || m_plan.memoryTotal <= m_device.memoryTotal;
}
QString PlanPanel::totalText() const {
    return m_total->value();
}
QString PlanPanel::memoryTotalText() const {
    return m_planTotal->text();
}

void PlanPanel::renewMemory() {
    m_memoryNote->setText(m_device.name.empty() ? QString() : QString::fromStdString(m_device.name));
    m_bar->setCapacity(static_cast<double>(m_device.memoryTotal));
    m_scaleRight->setText(
        m_device.memoryTotal > 0
            ? (m_device.cuda ? tr("card %1") : tr("memory %1")).arg(memoryText(m_device.memoryTotal))
            : QString());
    m_over->setVisible(!fits());
    if (!fits())
        m_over->setText((m_device.cuda ? tr("This plan needs %1; the card has %2.")
                                       : tr("This plan needs %1; this computer has %2."))
                            .arg(memoryText(m_plan.memoryTotal), memoryText(m_device.memoryTotal)));
    else
        showRemedies({});
}

void PlanPanel::showRemedies(const QVector<Remedy>& remedies) {
    emptyLayout(m_remedies);
    for (const Remedy& remedy : remedies) {
        auto* row = new QWidget;
        auto* layout = new QHBoxLayout(row);
        layout->setContentsMargins(0, 0, 0, 0);
        layout->addWidget(new ThemedLabel(tr("%1 saves %2.").arg(remedy.text, memoryText(remedy.saves)),
                                          widgets::TextRole::Secondary));
        auto* apply = new LinkButton(tr("Apply"));
        layout->addWidget(apply);
        layout->addStretch(1);
        connect(apply, &LinkButton::clicked, this, [this, remedy] { Q_EMIT remedyChosen(remedy); });
        m_remedies->addWidget(row);
    }
}

void PlanPanel::setDiskFree(std::int64_t bytes) {
    m_free->setText(bytes < 0 ? QStringLiteral("–") : diskText(bytes));
}

void PlanPanel::setOutdated(bool outdated) {
    m_planTotal->setToken(outdated ? Token::Text3 : Token::Text);
}

void PlanPanel::showDryStep(const std::optional<engine::DryStep>& step, bool stale) {
    m_dryStep = step;
    m_dryStale = stale;
    const Token token = stale ? Token::Text3 : Token::Text;
    m_measured->setToken(token);
    if (!step) {
        m_measuredName->setText(tr("Not measured yet"));
        m_measured->setText(QString());
    } else {
        m_measuredName->setText(stale ? tr("Measured before the settings changed")
                                      : tr("Measured in a dry step on the longest batch"));
        QString text = memoryTextLike(step->peakBytes, m_plan.memoryTotal);
        if (!stale && m_plan.memoryTotal > 0) {
            const double difference =
                100.0 *
                (static_cast<double>(step->peakBytes) / static_cast<double>(m_plan.memoryTotal) - 1.0);
            text +=
                QStringLiteral(", %1%2").arg(difference >= 0 ? QStringLiteral("+") : QString(QChar(0x2212)),
                                             QLocale::c().toString(std::abs(difference), 'f', 1)) +
                kThinSpace + QLatin1Char('%');
        }
        m_measured->setText(text);
    }
    renewTime();
}

void PlanPanel::renewTime() {
    const Token token = m_dryStale ? Token::Text3 : Token::Text;
    for (ThemedLabel* label : {m_stepTime, m_throughput})
        label->setToken(token);
    const bool measured = m_dryStep && m_dryStep->seconds > 0 && m_dryStep->tokens > 0;
    const double rate = measured ? static_cast<double>(m_dryStep->tokens) / m_dryStep->seconds : 0;
    const double perStep = measured && m_plan.tokensPerStep > 0
                               ? static_cast<double>(m_plan.tokensPerStep) / rate
                           : measured ? m_dryStep->seconds
                                      : 0;
    m_stepTime->setText(measured ? durationText(perStep) : tr("not measured"));
    m_throughput->setText(measured ? tr("%1 tokens/s").arg(withThousands(static_cast<std::int64_t>(rate)))
                                   : QStringLiteral("–"));
    m_stepsName->setText(m_plan.steps > 0 ? tr("%1 steps").arg(withThousands(m_plan.steps)) : tr("Steps"));
    m_steps->setText(m_plan.steps <= 0 ? tr("choose data")
                     : measured        ? durationText(perStep * static_cast<double>(m_plan.steps))
                                       : QStringLiteral("–"));
}

void PlanPanel::showProof(const std::optional<engine::StepZeroProof>& proof, bool stale,
                          engine::UpcycleMethod method) {
    using Mark = VerdictBox::Check::Mark;
    const QString name = method == engine::UpcycleMethod::None
                             ? tr("Step 0: LoRA leaves the dense model as it is")
                             : tr("Step 0: the MoE equals the dense model");
    if (!proof)
        return m_proof->setVerdict(VerdictBox::Tone::Neutral, name,
                                   {{Mark::Note, tr("By construction. The real weights are checked before "
                                                    "tuning starts, or by Check step 0.")}});
    const QString readOut =
        QStringLiteral("max |Δlogit| ") +
        (proof->maxAbsLogitDifference == 0 ? QStringLiteral("0.0") : shortReal(proof->maxAbsLogitDifference));
    const QString counts = tr("%1 tokens, %2 logits compared bit by bit")
                               .arg(withThousands(proof->tokens), withThousands(proof->logits));
    if (stale)
        return m_proof->setVerdict(VerdictBox::Tone::Neutral, name,
                                   {{Mark::Note, tr("Settings changed since this was checked.")}}, readOut);
    if (proof->maxAbsLogitDifference == 0)
        return m_proof->setVerdict(VerdictBox::Tone::Good, name, {{Mark::Passed, counts}}, readOut);
    QVector<VerdictBox::Check> checks{{Mark::Failed, counts}};
    if (proof->firstDifferingLayer >= 0)
        checks << VerdictBox::Check{
            Mark::Failed, tr("The first layer that differs is layer %1.").arg(proof->firstDifferingLayer)};
    m_proof->setVerdict(VerdictBox::Tone::Bad, tr("Step 0 differs from the dense model"), checks, readOut);
}

void PlanPanel::showWork(const QString& what, const std::optional<engine::Progress>& progress) {
    m_workRow->setVisible(!what.isEmpty());
    if (!progress) m_clock.restart();
    engine::Progress shown = progress.value_or(engine::Progress{});
    if (shown.stage.empty()) shown.stage = what.toStdString();
    m_work->setText(m_clock.words(shown));
    m_progress->setRange(0, 1000);
    m_progress->setValue(progress && progress->total > 0
                             ? static_cast<int>(1000.0 * static_cast<double>(progress->done) /
                                                static_cast<double>(progress->total))
                             : 0);
}

void PlanPanel::showError(const QString& sentence) {
    m_error->setText(sentence);
    m_error->setVisible(!sentence.isEmpty());
}

void PlanPanel::showDryNeed(const QString& sentence, bool offerData) {
    m_dryNeed->setText(sentence);
    m_chooseData->setVisible(offerData);
    m_needRow->setVisible(!sentence.isEmpty());
}

QString PlanPanel::dryNeed() const {
    return m_needRow->isHidden() ? QString() : m_dryNeed->text();
}

}  // namespace caravan::ui

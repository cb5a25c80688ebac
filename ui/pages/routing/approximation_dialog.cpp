// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/routing/approximation_dialog.h"

#include <QComboBox>
#include <QDir>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>
#include <cmath>

#include "ui/bridge/background.h"
#include "ui/bridge/engine_link.h"
#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/models/verdict_box.h"
#include "ui/pages/routing/approximation_plot.h"
#include "ui/shell/pane_header.h"
#include "widgets/chart_pane.h"

namespace caravan::ui {
namespace {

using Check = VerdictBox::Check;
constexpr int kTokens = 32768;
constexpr double kApart = 1.25;  // times: xi on other rows over xi on those of the fit, with too few of them
constexpr double kAboveLinear = 1.02;  // times: a fit that a linear map beats has not found its best

// First, middle and last of so many layers, as one would type them.
QString someLayers(std::int64_t layers) {
    QStringList indices;
    const auto some = engine::resolveLayers({0, engine::kMiddleLayer, engine::kLastLayer}, layers);
    if (layers > 0 && some)
        for (const std::int64_t layer : *some)
            indices << QString::number(layer);
    return indices.isEmpty() ? QStringLiteral("all") : indices.join(QStringLiteral(", "));
}

QString nameOf(const std::string& path) {
    return QDir(QString::fromStdString(path)).dirName();
}

}  // namespace

ApproximationDialog::ApproximationDialog(EngineLink* engine, RunController* runs, Place place,
                                         QWidget* parent)
    : QDialog(parent),
      m_engine(engine),
      m_runs(runs),
      m_place(std::move(place)),
      m_tuned(new QComboBox),
      m_widths(new QLineEdit(QStringLiteral("16, 64, 256"))),
      m_layers(new QLineEdit(someLayers(m_place.layers))),
      m_tokens(new QSpinBox),
      m_plot(new ApproximationPlot),
      m_chart(new widgets::ChartPane(m_plot)),
      m_sentence(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2)),
      m_verdict(new VerdictBox),
      m_progressWords(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2)),
      m_progress(new QProgressBar),
      m_measure(textButton(tr("Measure"), {}, true)),
      m_cancel(textButton(tr("Close"))) {
    setWindowTitle(tr("Approximation error"));
    setAttribute(Qt::WA_DeleteOnClose);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    m_thread.setMaxThreadCount(1);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 20, 24, 20);
    column->setSpacing(10);
    auto* form = new QFormLayout;
    makeForm(form);
    column->addLayout(form);
    column->addWidget(makeChart(), 1);
    m_sentence->setWordWrap(true);
    column->addWidget(m_sentence);
    m_verdict->hide();
    column->addWidget(m_verdict);
    column->addWidget(makeFoot());
    resize(780, 690);
    connect(engine, &EngineLink::stateChanged, this, &ApproximationDialog::renew);
    if (runs != nullptr) connect(runs, &RunController::liveChanged, this, &ApproximationDialog::renew);
    showResult({});
    renew();
    readLast();
}

ApproximationDialog::~ApproximationDialog() {
    if (m_work != 0) m_engine->cancel(m_work);
    m_thread.waitForDone();
}

void ApproximationDialog::makeForm(QFormLayout* form) {
    form->setHorizontalSpacing(16);
    form->setVerticalSpacing(8);
    auto* base = new ThemedLabel(m_place.base);
    form->addRow(tr("Base"), base);
    m_tuned->setEditable(true);
    m_tuned->addItems(m_place.models);
    m_tuned->setCurrentIndex(-1);
    m_tuned->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_tuned->setMinimumContentsLength(30);
    m_tuned->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    m_tuned->setAccessibleName(tr("Tuned model"));
    m_tuned->lineEdit()->setPlaceholderText(tr("folder of a dense model of the base's shape"));
    auto* choose = textButton(tr("Choose…"), QStringLiteral("folder"));
    choose->setAccessibleName(tr("Choose the tuned model"));
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addWidget(m_tuned, 1);
    row->addWidget(choose);
    form->addRow(tr("&Tuned model"), row);
    static_cast<QLabel*>(form->labelForField(row))->setBuddy(m_tuned);
    m_widths->setAccessibleName(tr("Adapter widths"));
    m_layers->setAccessibleName(tr("Layers"));
    m_layers->setToolTip(m_place.layers > 0
                             ? tr("Indices from 0 to %1, ranges as in 0-3, or all").arg(m_place.layers - 1)
                             : tr("Indices from 0, ranges as in 0-3, or all"));
    m_widths->setToolTip(tr("Of the fitted adapters, as in the Upcycle page: 16, 64, 256"));
    form->addRow(tr("Adapter &widths"), m_widths);
    form->addRow(tr("&Layers"), m_layers);
    m_tokens->setRange(512, 1000000);
    m_tokens->setSingleStep(1024);
    m_tokens->setValue(kTokens);
    m_tokens->setGroupSeparatorShown(true);
    m_tokens->setFont(widgets::numberFont());
    m_tokens->setAlignment(Qt::AlignRight);
    m_tokens->setMaximumWidth(140);
    m_tokens->setAccessibleName(tr("Tokens"));
    m_tokens->setToolTip(tr("Of the run's held-out rows; every fourth row is kept from the fit"));
    form->addRow(tr("Tokens &read"), m_tokens);
    for (QLineEdit* edit : {m_widths, m_layers, m_tuned->lineEdit()})
        connect(edit, &QLineEdit::textChanged, this, &ApproximationDialog::renew);
    connect(choose, &QPushButton::clicked, this, [this] {
        const QString at = m_tuned->currentText().isEmpty() ? QDir::homePath() : m_tuned->currentText();
        auto* dialog = new QFileDialog(this, tr("Choose the tuned model"), at);
        dialog->setFileMode(QFileDialog::Directory);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        connect(dialog, &QFileDialog::fileSelected, m_tuned, &QComboBox::setEditText);
        dialog->open();
    });
}

QWidget* ApproximationDialog::makeChart() {
    m_chart->setExportName(tr("approximation error"));
    auto* box = new Surface(Token::Base);
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    m_chartHeader = new PaneHeader(tr("Error against width"));
    m_chartHeader->addMenu(m_chart->chartActions());
    column->addWidget(m_chartHeader);
    m_chart->setMinimumHeight(220);
    column->addWidget(m_chart, 1);
    return box;
}

QWidget* ApproximationDialog::makeFoot() {
    m_progress->setTextVisible(false);
    m_progress->setAccessibleName(tr("Progress of the measurement"));
    m_progress->setFixedWidth(200);
    auto* foot = new QWidget;
    auto* row = new QHBoxLayout(foot);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    row->addWidget(m_progressWords, 1);
    row->addWidget(m_progress);
    row->addWidget(m_cancel);
    row->addWidget(m_measure);
    m_measure->setDefault(true);
    connect(m_measure, &QPushButton::clicked, this, &ApproximationDialog::start);
    connect(m_cancel, &QPushButton::clicked, this, &ApproximationDialog::reject);
    return foot;
}

// While it works, Esc and Cancel end the work; the dialog stays and says so.
void ApproximationDialog::reject() {
    if (m_work == 0) return QDialog::reject();
    m_engine->cancel(m_work);
    m_progressWords->setText(tr("stopping"));
}

QString ApproximationDialog::sentence() const {
    return m_sentence->text();
}
QString ApproximationDialog::progressWords() const {
    return isWorking() ? m_progressWords->text() : QString();
}

void ApproximationDialog::readLast() {
    if (m_place.run.isEmpty()) return;
    using Last = std::optional<engine::Approximation>;
    const std::string path = m_place.run.toStdString() + '/' + engine::kApproximationFile;
    runInBackground<Last>(
        &m_thread, this,
        [path]() -> Last {
            auto read = engine::readApproximation(path);
            return read ? Last(std::move(*read)) : Last();
        },
        [this](const Last& last) {
            if (!last || m_work != 0 || !m_plot->approximation().layers.empty()) return;
            showResult(*last);
            if (m_tuned->currentText().isEmpty()) m_tuned->setEditText(QString::fromStdString(last->tuned));
        });
}

// Why Measure is not offered; "" = it is.
QString ApproximationDialog::whyNot() const {
    if (m_place.run.isEmpty()) return tr("Choose a run first");
    if (m_tuned->currentText().trimmed().isEmpty()) return tr("Choose the model that was tuned in full");
    if (!engine::parseAdapterWidths(m_widths->text().toStdString()))
        return tr("Widths are whole numbers, as in 16, 64, 256");
    const auto layers = engine::parseApproximationLayers(m_layers->text().toStdString());
    if (!layers) return tr("Layers are indices or ranges, as in 0, 4-7, or all");
    if (m_place.layers > 0 && !engine::resolveLayers(*layers, m_place.layers))
        return tr("The model's layers are 0 to %1").arg(m_place.layers - 1);
    if (m_runs != nullptr && m_runs->live().isActive())
        return tr("A run holds the engine; stop it, or wait for its end");
    if (!m_engine->isUsable()) return m_engine->stateWords();
    return {};
}

void ApproximationDialog::renew() {
    const QString why = whyNot();
    const bool working = m_work != 0;
    for (QWidget* field : {static_cast<QWidget*>(m_tuned), static_cast<QWidget*>(m_widths),
                           static_cast<QWidget*>(m_layers), static_cast<QWidget*>(m_tokens)})
        field->setEnabled(!working);
    m_measure->setEnabled(!working && why.isEmpty());
    m_measure->setToolTip(why);
    m_cancel->setText(working ? tr("Cancel") : tr("Close"));
    m_progress->setVisible(working);
    if (!working) m_progressWords->setText(why);
}

void ApproximationDialog::start() {
    if (m_work != 0 || !whyNot().isEmpty()) return;
    engine::ApproximationRequest request;
    request.base.path = m_place.run.toStdString();
    request.tuned.path = QDir::cleanPath(m_tuned->currentText().trimmed()).toStdString();
    request.widths = *engine::parseAdapterWidths(m_widths->text().toStdString());
    request.layers = *engine::parseApproximationLayers(m_layers->text().toStdString());
    request.maxTokens = m_tokens->value();
    m_verdict->hide();
    m_clock.restart();
    m_progress->setRange(0, 0);
    m_work = m_engine->requestAs<engine::Approximation>(
        "approximation", nlohmann::json(request), this,
        [this](const engine::Result<engine::Approximation>& result) { finish(result); },
        [this](const engine::Progress& progress) {
            m_progressWords->setText(m_clock.words(progress));
            m_progress->setRange(0, static_cast<int>(progress.total));
            m_progress->setValue(static_cast<int>(progress.done));
        });
    renew();
    m_progressWords->setText(tr("starting"));
}

void ApproximationDialog::finish(const engine::Result<engine::Approximation>& result) {
    m_work = 0;
    if (result)
        showResult(*result);
    else
        showFailure(result.error());
    renew();
}

void ApproximationDialog::showResult(const engine::Approximation& a) {
    m_plot->setApproximation(a);
    m_chart->refresh();
    m_chartHeader->setContext(a.tuned.empty() ? QString()
                                              : tr("%1 against %2").arg(nameOf(a.base), nameOf(a.tuned)));
    m_sentence->setText(
        tr("ξ(r): mean squared distance of an adapter of width r on the frozen FFN to the tuned FFN, over "
           "that of the "
           "frozen FFN alone; 1 = the adapter adds nothing, 0 = it is the tuned FFN.") +
        (a.heldOutTokens > 0
             ? QLatin1Char(' ') + tr("Measured on %1 tokens of rows that the fits on %2 tokens did not see.")
                                      .arg(withThousands(a.heldOutTokens), withThousands(a.fittedTokens))
             : QString()));
    showVerdict(a);
}

// Whether the points are what adapters can reach, or what these fits and rows allowed.
void ApproximationDialog::showVerdict(const engine::Approximation& a) {
    int fits = 0, falling = 0, aboveLinear = 0, apart = 0;
    QStringList equal;
    for (const engine::LayerApproximation& layer : a.layers) {
        if (layer.fits.empty()) equal << QString::number(layer.layer);
        for (const engine::AdapterFit& fit : layer.fits) {
            ++fits;
            if (!fit.settled) ++falling;
            if (fit.fitted > kAboveLinear * fit.linearFitted) ++aboveLinear;
            if (fit.heldOut > kApart * fit.fitted) ++apart;
        }
    }
    m_verdict->setVisible(fits > 0);
    if (fits == 0) return;
    QVector<Check> checks;
    const auto add = [&](int count, const QString& text) {
        if (count > 0) checks << Check{Check::Mark::Note, text};
    };
    add(falling, tr("%n fit(s) still fell when the steps ran out.", nullptr, falling));
    add(aboveLinear,
        tr("%n fit(s) did worse than the best linear map of their width.", nullptr, aboveLinear));
    add(apart, tr("%n fit(s) had too few rows: more tokens would lower these points.", nullptr, apart));
    add(static_cast<int>(equal.size()),
        tr("The FFNs are equal in these layers: %1.").arg(equal.join(QStringLiteral(", "))));
    const bool unfit = falling + aboveLinear > 0;
    m_verdict->setVerdict(
        unfit || apart > 0 ? VerdictBox::Tone::Caution : VerdictBox::Tone::Good,
        unfit       ? tr("Some points are no limit of the adapter: the fit was not at its best")
        : apart > 0 ? tr("Every fit stood still; some points are no limit of the adapter, but of the rows")
                    : tr("Every fit stood still: the curves are what adapters of these widths reach"),
        checks);
}

void ApproximationDialog::showFailure(const engine::Error& error) {
    m_verdict->show();
    if (error.code == engine::ErrorCode::Interrupted)
        return m_verdict->setVerdict(VerdictBox::Tone::Neutral, tr("Cancelled: nothing was measured"), {});
    const ErrorWords text = words(error);
    QVector<Check> checks;
    if (!text.detail.isEmpty()) checks << Check{Check::Mark::Failed, text.detail};
    if (!text.todo.isEmpty()) checks << Check{Check::Mark::Note, text.todo};
    m_verdict->setVerdict(VerdictBox::Tone::Bad, text.what, checks);
}

}  // namespace caravan::ui

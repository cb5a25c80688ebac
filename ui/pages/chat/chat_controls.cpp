// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/chat/chat_controls.h"

#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QMouseEvent>
#include <QPainter>
#include <QPlainTextEdit>
#include <QSpinBox>
#include <algorithm>
#include <cmath>

#include "ui/format/format.h"
#include "widgets/accessible_roles.h"
#include "widgets/chip.h"
#include "widgets/paint.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {
constexpr int kChipStep = 64, kLeastChipStep = 52;  // px: chip 18, gap, percent
constexpr std::size_t kAlwaysShown = 8;             // experts that have their room before the slider has

QDoubleSpinBox* realField(double low, double high, double step, double value) {
    auto* box = new QDoubleSpinBox;
    box->setRange(low, high);
    box->setSingleStep(step);
    box->setDecimals(2);
    box->setValue(value);
    return box;
}
QSpinBox* wholeField(int low, int high, int value) {
    auto* box = new QSpinBox;
    box->setRange(low, high);
    box->setValue(value);
    return box;
}
// To the nearest: eight shares that all lose their fraction would not make a whole.
QString shareText(double share) {
    return percentText(std::round(share * 100) / 100);
}
// Closer together where that makes room for all.
int chipStep(int width, std::size_t chips) {
    return std::clamp(width / std::max(1, static_cast<int>(chips)), kLeastChipStep, kChipStep);
}
}  // namespace

SamplingPanel::SamplingPanel(QWidget* parent)
    : QFrame(parent, Qt::Popup),
      m_temperature(realField(0, 5, 0.1, 0.7)),
      m_topP(realField(0.01, 1, 0.05, 0.95)),
      m_topK(wholeField(0, 1000, 0)),
      m_repetition(realField(0.5, 3, 0.05, 1.0)),
      m_maxTokens(wholeField(1, 32768, 256)),
      m_seed(wholeField(0, 2147483647, 0)),
      m_stop(new QPlainTextEdit),
      m_system(new QPlainTextEdit) {
    setFrameShape(QFrame::StyledPanel);
    setAccessibleName(tr("Sampling"));
    m_temperature->setSpecialValueText(tr("0 (greedy)"));
    m_topK->setSpecialValueText(tr("off"));
    m_stop->setFixedHeight(48);
    m_stop->setPlaceholderText(tr("One text per line ends the answer"));
    m_system->setFixedHeight(80);
    m_system->setPlaceholderText(tr("What the model is told before the conversation"));
    auto* form = new QFormLayout(this);
    form->setContentsMargins(16, 16, 16, 16);
    form->setSpacing(8);
    form->addRow(tr("&Temperature"), m_temperature);
    form->addRow(tr("Top-&p"), m_topP);
    form->addRow(tr("Top-&k"), m_topK);
    form->addRow(tr("&Repetition penalty"), m_repetition);
    form->addRow(tr("&Longest answer, tokens"), m_maxTokens);
    form->addRow(tr("&Seed"), m_seed);
    form->addRow(tr("St&op at"), m_stop);
    form->addRow(tr("System prom&pt"), m_system);
    setMinimumWidth(380);
    for (QDoubleSpinBox* box : {m_temperature, m_topP, m_repetition})
        connect(box, &QDoubleSpinBox::valueChanged, this, &SamplingPanel::changed);
    for (QSpinBox* box : {m_topK, m_maxTokens, m_seed})
        connect(box, &QSpinBox::valueChanged, this, &SamplingPanel::changed);
    connect(m_stop, &QPlainTextEdit::textChanged, this, &SamplingPanel::changed);
    connect(m_system, &QPlainTextEdit::textChanged, this,
            [this] { Q_EMIT systemChanged(m_system->toPlainText()); });
}

engine::GenerateOptions SamplingPanel::options() const {
    engine::GenerateOptions options;
    options.temperature = m_temperature->value();
    options.topP = m_topP->value();
    options.topKTokens = m_topK->value();
    options.repetitionPenalty = m_repetition->value();
    options.maxTokens = m_maxTokens->value();
    options.seed = static_cast<std::uint64_t>(m_seed->value());
    for (const QString& line : m_stop->toPlainText().split(QLatin1Char('\n'), Qt::SkipEmptyParts))
        options.stop.push_back(line.toStdString());
    return options;
}

void SamplingPanel::setOptions(const engine::GenerateOptions& options) {
    const QSignalBlocker quiet(this);
    m_temperature->setValue(options.temperature);
    m_topP->setValue(options.topP);
    m_topK->setValue(static_cast<int>(options.topKTokens));
    m_repetition->setValue(options.repetitionPenalty);
    m_maxTokens->setValue(static_cast<int>(options.maxTokens));
    m_seed->setValue(static_cast<int>(options.seed));
}

void SamplingPanel::setSystem(const QString& text) {
    if (m_system->toPlainText().trimmed() == text.trimmed()) return;
    const QSignalBlocker quiet(m_system);
    m_system->setPlainText(text);
}

QString SamplingPanel::summary() const {
    const QString seed = tr("Seed %1").arg(m_seed->value());
    if (m_temperature->value() == 0) return tr("Greedy · %1").arg(seed);
    return tr("Temperature %1 · Top-p %2 · %3")
        .arg(shortReal(m_temperature->value()), shortReal(m_topP->value()), seed);
}

ExpertLegend::ExpertLegend(QWidget* parent) : QWidget(parent) {
    setMouseTracking(true);
    setFocusPolicy(Qt::TabFocus);
    setFixedHeight(28);
    widgets::setAccessibleRole(this, QAccessible::List);
    setAccessibleName(tr("Experts of the answer"));
}

void ExpertLegend::setShares(const std::vector<std::pair<int, double>>& shares) {
    if (shares == m_shares) return;
    m_shares = shares;
    setAccessibleDescription(text());
    setMinimumWidth(static_cast<int>(std::min(shares.size(), kAlwaysShown)) * kLeastChipStep);
    setToolTip(tr("Share of the answer's tokens by their first expert in this layer"));
    updateGeometry();
    update();
}

QString ExpertLegend::text() const {
    QStringList parts;
    for (const auto& [expert, share] : m_shares)
        parts.push_back(tr("expert %1: %2").arg(expert).arg(shareText(share)));
    return parts.join(QStringLiteral(", "));
}

QSize ExpertLegend::sizeHint() const {
    return {static_cast<int>(m_shares.size()) * kChipStep, 28};
}
int ExpertLegend::fitting() const {
    const int all = static_cast<int>(m_shares.size()), room = width() / chipStep(width(), m_shares.size());
    return all <= room ? all : std::max(1, room - 1);  // the last place says how many more there are
}
QRect ExpertLegend::chipRect(int index) const {
    const int step = chipStep(width(), m_shares.size());
    return {index * step, 0, step - 4, height()};
}

void ExpertLegend::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const widgets::ThemeColors& c = widgets::themeColors();
    painter.setFont(widgets::numberFont());
    for (int i = 0; i < fitting(); ++i) {
        const QRect r = chipRect(i);
        if (i == m_current) painter.fillRect(r.adjusted(-3, 2, 0, -2), c.hover);
        widgets::drawExpertChip(painter, QRectF(r.left(), 5, 18, 18),
                                m_shares[static_cast<std::size_t>(i)].first);
        painter.setPen(c.text);
        QString share = shareText(m_shares[static_cast<std::size_t>(i)].second);
        share.remove(kThinSpace).remove(QLatin1Char(' '));  // "39%": eight of them have their room everywhere
        painter.drawText(r.adjusted(23, 0, 4, 0), Qt::AlignVCenter | Qt::AlignLeft, share);
    }
    if (const int more = static_cast<int>(m_shares.size()) - fitting(); more > 0) {
        painter.setPen(c.text2);
        painter.drawText(chipRect(fitting()), Qt::AlignVCenter | Qt::AlignLeft, tr("+ %1").arg(more));
    }
    if (hasFocus()) widgets::drawFocusRing(painter, rect());
}

void ExpertLegend::highlight(int index) {
    if (index == m_current) return;
    m_current = index;
    update();
    Q_EMIT highlighted(index < 0 ? -1 : m_shares[static_cast<std::size_t>(index)].first);
}

void ExpertLegend::mouseMoveEvent(QMouseEvent* event) {
    const int index = event->pos().x() / chipStep(width(), m_shares.size());
    highlight(index < fitting() ? index : -1);
}
void ExpertLegend::leaveEvent(QEvent*) {
    highlight(-1);
}
void ExpertLegend::focusOutEvent(QFocusEvent* event) {
    highlight(-1);
    QWidget::focusOutEvent(event);
}
void ExpertLegend::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Right) return highlight(std::min(m_current + 1, fitting() - 1));
    if (event->key() == Qt::Key_Left) return highlight(std::max(m_current - 1, -1));
    QWidget::keyPressEvent(event);
}

}  // namespace caravan::ui

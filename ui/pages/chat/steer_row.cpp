// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/steer_row.h"

#include <QButtonGroup>
#include <QDoubleSpinBox>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QToolButton>
#include <algorithm>

#include "ui/shell/surface.h"
#include "widgets/chip.h"

namespace caravan::ui {
namespace {
constexpr const char* kIcons[] = {"check", "mute", "force"};
constexpr double kMostBias = 5;
}  // namespace

SteerRow::SteerRow(int expert, QGridLayout* grid, int row, QWidget* parent)
    : QObject(parent),
      m_expert(expert),
      m_chip(new widgets::ExpertChip(expert)),
      m_switch(new QWidget),
      m_bias(new QDoubleSpinBox),
      m_token(new ThemedLabel(QString(), widgets::TextRole::Number)),
      m_answer(new ThemedLabel(QString(), widgets::TextRole::Number)) {
    const QString names[] = {tr("Expert %1 as the router says").arg(expert), tr("Mute expert %1").arg(expert),
                             tr("Force expert %1").arg(expert)};
    const QString tips[] = {tr("As the router says"), tr("Never choose it"), tr("Always choose it")};
    auto* uses = new QHBoxLayout(m_switch);
    uses->setContentsMargins(0, 0, 0, 0);
    uses->setSpacing(0);
    auto* group = new QButtonGroup(m_switch);
    for (std::size_t i = 0; i < m_uses.size(); ++i) {
        auto* button = m_uses[i] = new QToolButton;
        button->setIcon(widgets::themeIcon(QString::fromLatin1(kIcons[i])));
        button->setIconSize({14, 14});
        button->setFixedSize(27, 24);
        button->setCheckable(true);
        button->setAccessibleName(names[i]);
        button->setToolTip(tips[i]);
        group->addButton(button, static_cast<int>(i));
        uses->addWidget(button);
    }
    m_uses[0]->setChecked(true);
    m_bias->setRange(-kMostBias, kMostBias);
    m_bias->setSingleStep(0.5);
    m_bias->setDecimals(1);
    m_bias->setFixedSize(64, 24);
    m_bias->setFont(widgets::numberFont());
    m_bias->setAlignment(Qt::AlignRight);
    m_bias->setKeyboardTracking(false);
    m_bias->setAccessibleName(tr("Bias of expert %1").arg(expert));
    m_bias->setToolTip(tr("Added to the expert's router logit"));
    for (ThemedLabel* label : {m_token, m_answer})
        label->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    grid->addWidget(m_chip, row, 0, Qt::AlignLeft | Qt::AlignVCenter);
    grid->addWidget(m_switch, row, 1, Qt::AlignLeft | Qt::AlignVCenter);
    grid->addWidget(m_bias, row, 2, Qt::AlignLeft | Qt::AlignVCenter);
    grid->addWidget(m_token, row, 3);
    grid->addWidget(m_answer, row, 4);
    connect(group, &QButtonGroup::idClicked, this, [this] { Q_EMIT edited(); });
    connect(m_bias, &QDoubleSpinBox::valueChanged, this, [this] { Q_EMIT edited(); });
}

void SteerRow::remove() {
    for (QWidget* widget : std::initializer_list<QWidget*>{m_chip, m_switch, m_bias, m_token, m_answer}) {
        widget->hide();
        widget->deleteLater();
    }
    deleteLater();
}

void SteerRow::set(engine::SteerExpert::Use use, double bias) {
    const QSignalBlocker quiet(m_bias);
    m_uses[static_cast<std::size_t>(use)]->setChecked(true);
    m_bias->setValue(bias);
}

engine::SteerExpert::Use SteerRow::use() const {
    for (std::size_t i = 1; i < m_uses.size(); ++i)
        if (m_uses[i]->isChecked()) return static_cast<engine::SteerExpert::Use>(i);
    return engine::SteerExpert::Use::Normal;
}

double SteerRow::bias() const {
    return m_bias->value();
}

void SteerRow::setDeltas(const QString& token, const QString& answer) {
    m_token->setText(token);
    m_answer->setText(answer);
    m_token->setAccessibleName(tr("Expert %1 muted, this token: %2").arg(m_expert).arg(token));
    m_answer->setAccessibleName(tr("Expert %1 muted, whole answer: %2").arg(m_expert).arg(answer));
}

bool SteerRow::hasFocus() const {
    return m_bias->hasFocus() || std::any_of(m_uses.begin(), m_uses.end(),
                                             [](const QToolButton* button) { return button->hasFocus(); });
}

void SteerRow::focusBias() {
    m_bias->setFocus(Qt::ShortcutFocusReason);
    m_bias->selectAll();
}

QString SteerRow::text() const {
    const QString uses[] = {tr("normal"), tr("muted"), tr("forced")};
    return tr("expert %1 %2 %3 %4 %5")
        .arg(m_expert)
        .arg(uses[static_cast<int>(use())], m_bias->text(), m_token->text(), m_answer->text());
}

}  // namespace caravan::ui

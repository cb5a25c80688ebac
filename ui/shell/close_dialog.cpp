// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/close_dialog.h"

#include <QButtonGroup>
#include <QCheckBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/format/format.h"
#include "ui/shell/choice_card.h"
#include "ui/shell/icon_label.h"
#include "ui/shell/surface.h"

namespace caravan::ui {
namespace {

QString situation(const LiveRun& run) {
    QStringList parts;
    parts << (run.steps > 0
                  ? CloseDialog::tr("Step %1 of %2").arg(withThousands(run.step), withThousands(run.steps))
                  : CloseDialog::tr("Step %1").arg(withThousands(run.step)));
    if (run.secondsLeft >= 0) parts << CloseDialog::tr("about %1").arg(timeLeftText(run.secondsLeft));
    QString text = parts.join(QStringLiteral(", ")) + QLatin1Char('.');
    if (run.lastCheckpoint > 0)
        text += CloseDialog::tr(" The last checkpoint is step %1.").arg(withThousands(run.lastCheckpoint));
    else
        text += CloseDialog::tr(" There is no checkpoint yet.");
    return text;
}

QString lost(const LiveRun& run) {
    const auto kept = std::max<engine::StepIndex>(run.lastCheckpoint, 0);
    if (run.step == 0) return CloseDialog::tr("Nothing is lost: no step was made yet.");
    if (kept >= run.step)
        return CloseDialog::tr("Nothing is lost: step %1 is saved.").arg(withThousands(kept));
    if (kept == 0) return CloseDialog::tr("All %1 steps are lost.").arg(withThousands(run.step));
    return CloseDialog::tr("Steps %1 to %2 are lost. Step %3 stays.")
        .arg(withThousands(kept + 1), withThousands(run.step), withThousands(kept));
}

}  // namespace

CloseDialog::CloseDialog(const LiveRun& run, QWidget* parent) : QDialog(parent) {
    setWindowTitle(tr("Close Caravan"));
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    const bool paused = run.state == engine::RunState::Paused;
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(24, 24, 24, 20);
    layout->setSpacing(8);
    auto* head = new QHBoxLayout;
    head->setSpacing(18);
    auto* icon = new QLabel;
    const auto showMark = [icon] { showIcon(icon, QStringLiteral("tune"), Theme::color(Token::Accent), 28); };
    showMark();
    connect(&Theme::instance(), &Theme::changed, icon, showMark);
    head->addWidget(icon, 0, Qt::AlignTop);
    auto* texts = new QVBoxLayout;
    texts->setSpacing(2);
    auto* title =
        new ThemedLabel(paused ? tr("%1 is paused").arg(run.name) : tr("%1 is still tuning").arg(run.name),
                        widgets::TextRole::Title);
    title->setWordWrap(true);
    texts->addWidget(title);
    m_situation = new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2);
    texts->addWidget(m_situation);
    head->addLayout(texts, 1);
    layout->addLayout(head);
    layout->addSpacing(10);
    m_group = new QButtonGroup(this);
    const auto card = [&](CloseChoice choice, const QString& name, const QString& text) {
        auto* button = new ChoiceCard(name, text, ChoiceCard::Mark::Radio, this);
        m_group->addButton(button, static_cast<int>(choice));
        layout->addWidget(button);
        return button;
    };
    card(CloseChoice::KeepTuning,
         paused ? tr("Keep it paused in the background") : tr("Keep tuning in the background"),
         tr("The engine goes on without the window. Open Caravan again to re-attach."));
    m_save = card(CloseChoice::PauseAndSave, tr("Pause and save"), {});
    m_stop = card(CloseChoice::StopWithoutSaving, tr("Stop without saving"), {});
    setRun(run);
    m_group->button(static_cast<int>(CloseChoice::KeepTuning))->setChecked(true);
    layout->addSpacing(10);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    m_always = new QCheckBox(tr("Always do this while a run is on"));
    auto* cancel = textButton(tr("Cancel"));
    auto* close = textButton(tr("Close the window"), QString(), true);
    close->setDefault(true);
    row->addWidget(m_always);
    row->addStretch(1);
    row->addWidget(cancel);
    row->addWidget(close);
    layout->addLayout(row);
    setMinimumWidth(std::max(560, layout->minimumSize().width()));
    connect(cancel, &QPushButton::clicked, this, &QDialog::reject);
    connect(close, &QPushButton::clicked, this, &QDialog::accept);
    m_group->button(static_cast<int>(CloseChoice::KeepTuning))->setFocus();
}

void CloseDialog::setRun(const LiveRun& run) {
    m_situation->setText(situation(run));
    m_save->setBody(tr("Writes a checkpoint at step %1 and frees the memory. Resume gives the same losses.")
                        .arg(withThousands(run.step)));
    m_stop->setBody(lost(run));
}

CloseChoice CloseDialog::choice() const {
    return result() == QDialog::Accepted ? static_cast<CloseChoice>(m_group->checkedId())
                                         : CloseChoice::Cancel;
}

bool CloseDialog::always() const {
    return m_always->isChecked();
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// A paused run: who paused it, why, and how it goes on.
#include <QPushButton>
#include <algorithm>
#include <string_view>

#include "ui/bridge/run_controller.h"
#include "ui/format/format.h"
#include "ui/pages/tune/tune_page.h"
#include "widgets/message_bar.h"

namespace caravan::ui {
namespace {

using engine::Error;
using engine::ErrorCode;

std::int64_t numberOf(const Error& error, const char* parameter) {
    const std::string_view text = error.parameter(parameter);
    return QByteArray(text.data(), static_cast<qsizetype>(text.size())).toLongLong();
}

// Half of the micro-batch that did not fit, or what the longest row needs; 0: it cannot be made smaller.
std::int64_t smallerMicroBatch(const Error& error) {
    const std::int64_t now = numberOf(error, "micro_batch_tokens"), least = numberOf(error, "longest_row");
    const std::int64_t half = std::max(least, now / 2);
    return least > 0 && half < now ? half : 0;
}

QString memoryWords(const Error& error, std::int64_t smaller) {
    const std::int64_t needed = numberOf(error, "needed"), free = numberOf(error, "available");
    QString text;
    if (needed > 0)
        text =
            TunePage::tr("A step asked for %1 more, %2 are free. ").arg(memoryText(needed), memoryText(free));
    else if (free > 0)
        text = TunePage::tr("%1 are free. ").arg(memoryText(free));
    return text + (smaller > 0
                       ? TunePage::tr("Close other programs and continue, or take smaller micro-batches: "
                                      "the same rows and updates, a little slower.")
                       : TunePage::tr("Close other programs, then continue."));
}

}  // namespace

void TunePage::showPaused(const std::optional<Error>& reason, engine::StepIndex step) {
    using Kind = widgets::MessageBar::Kind;
    Kind kind = Kind::Warning;
    QString title = tr("Tuning paused itself at step %1.").arg(withThousands(step)), text;
    std::int64_t smaller = 0;
    // Losses that went wrong have a bar of their own, which says what can be done.
    if (!reason || reason->code == ErrorCode::NotANumber || reason->code == ErrorCode::LossDiverged) {
        kind = Kind::Information;
        title = tr("Paused at step %1.").arg(withThousands(step));
        text = tr("Chat can use these weights.");
    } else if (reason->code == ErrorCode::MemoryShort) {
        smaller = smallerMicroBatch(*reason);
        title = tr("Tuning paused itself at step %1: there is not enough memory.").arg(withThousands(step));
        text = memoryWords(*reason, smaller);
    } else {
        text = words(*reason).oneLine();
    }
    if (!m_stateBar->isHidden() && m_stateBar->title() == title && m_stateBar->text() == text) return;
    m_stateBar->showMessage(kind, title, text);
    if (smaller == 0) return;
    QPushButton* button =
        m_stateBar->addButton(tr("Continue with %1 tokens at a time").arg(withThousands(smaller)));
    connect(button, &QPushButton::clicked, this, [this, button, smaller] {
        button->setEnabled(false);
        services().runs->change("tune.micro_batch_tokens", std::to_string(smaller));
        services().runs->proceed();
    });
}

}  // namespace caravan::ui

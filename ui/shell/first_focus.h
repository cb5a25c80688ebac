// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

class QWidget;

namespace caravan::ui {

class Page;

// The first time that a page is shown with `first` on it, the keys are those of `first`, which the status
// line names; from then on the focus is the user's.
void focusFirst(Page& page, QWidget* first);

}  // namespace caravan::ui

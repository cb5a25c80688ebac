// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QLabel>
#include <QLineEdit>

namespace caravan::ui {

// Shows one of our icons; for screen readers it is the word that it stands for ("Error").
void showIcon(QLabel* label, const QString& icon, const QColor& color, int size = 16);
// A magnifier at the left, a button that clears at the right; both have names.
void makeSearchField(QLineEdit* field);

}  // namespace caravan::ui

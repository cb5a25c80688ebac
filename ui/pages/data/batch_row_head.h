// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

namespace caravan::ui {

// The border between two packed rows: what the row is, where it came from (opens it), a dashed line.
class BatchRowHead : public QWidget {
    Q_OBJECT
  public:
    BatchRowHead(const QString& words, const QString& source, QWidget* parent = nullptr);

  Q_SIGNALS:
    void sourceActivated();
};

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <vector>

#include "projects/chat_votes.h"

class QTableWidget;

namespace caravan::ui {

// How the models of a project fared against each other in blind votes: a row per pair.
class VoteTable : public QDialog {
    Q_OBJECT
  public:
    explicit VoteTable(const std::vector<projects::PairTally>& pairs, QWidget* parent = nullptr);
    [[nodiscard]] QTableWidget* table() const { return m_table; }

  private:
    QTableWidget* m_table;
};

}  // namespace caravan::ui

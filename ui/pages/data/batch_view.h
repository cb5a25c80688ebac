// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "engine/api/data_preview.h"

class QLabel;
class QVBoxLayout;
class QSpinBox;

namespace caravan::widgets {
class Segmented;
class TokenStrip;
}  // namespace caravan::widgets

namespace caravan::ui {

// The first batch exactly as the model sees it: one sequence at a time, its rows with file and line, trained
// tokens tinted and underlined, special tokens boxed, counts that add up to the sequence.
class BatchView : public QWidget {
    Q_OBJECT
  public:
    explicit BatchView(QWidget* parent = nullptr);
    void setBatch(const std::vector<engine::PreviewSequence>& batch, std::int64_t sequenceLength);
    void setStale(bool stale);
    [[nodiscard]] int sequence() const;
    [[nodiscard]] QList<widgets::TokenStrip*> strips() const { return m_strips; }
    [[nodiscard]] QString countsText() const;

  Q_SIGNALS:
    void rowActivated(const QString& file, qint64 line);

  private:
    void showSequence();
    void addRow(const engine::PreviewRow& row, int number, std::int64_t position);

    std::vector<engine::PreviewSequence> m_batch;
    std::int64_t m_sequenceLength = 0;
    QSpinBox* m_number;
    QLabel* m_of;
    QLabel* m_counts;
    widgets::Segmented* m_mode;
    QWidget* m_canvas;
    QVBoxLayout* m_rows;
    QList<widgets::TokenStrip*> m_strips;
};

}  // namespace caravan::ui

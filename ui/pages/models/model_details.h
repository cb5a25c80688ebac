// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QScrollArea>
#include <QTimer>

#include "ui/bridge/engine_link.h"
#include "ui/project_context.h"

class QFormLayout;
class QGridLayout;
class QHBoxLayout;
class QLineEdit;
class QVBoxLayout;

namespace caravan::widgets {
class StackBar;
}

namespace caravan::ui {

class CardNeed;
class ThemedLabel;
class TokenChips;
class VerdictBox;

// Everything about one model: verdict, facts, where the parameters are, its tokenizer to try, the runs that
// use it.
class ModelDetails : public QScrollArea {
    Q_OBJECT
  public:
    ModelDetails(EngineLink* engine, QAction* chat, QAction* upcycle, QWidget* parent = nullptr);
    // nullptr clears. runs: of the project.
    void show(const ModelEntry* entry, const QVector<RunEntry>& runs);
    [[nodiscard]] VerdictBox* verdict() const { return m_verdict; }
    [[nodiscard]] TokenChips* chips() const { return m_chips; }
    [[nodiscard]] CardNeed* need() const { return m_need; }
    [[nodiscard]] QLineEdit* tryText() const { return m_text; }

  Q_SIGNALS:
    void runChosen(const QString& runId);

  private:
    void makeHead(QAction* chat, QAction* upcycle);
    void showVerdict(const ModelEntry& entry);
    void showFacts(const engine::ModelInspection& facts);
    void showShares(const engine::ModelInspection& facts);
    void showUse(const ModelEntry& entry, const QVector<RunEntry>& runs);
    void tokenize();
    void fact(const QString& name, const QString& value);

    EngineLink* m_engine;
    QString m_path;
    quint64 m_request = 0;
    QTimer m_debounce;
    QWidget *m_body, *m_known;  // m_known: what only a readable model has
    ThemedLabel *m_name, *m_place, *m_sharesTitle, *m_tokenNote;
    VerdictBox* m_verdict;
    QGridLayout *m_facts, *m_legend;
    widgets::StackBar* m_bar;
    QLineEdit* m_text;
    TokenChips* m_chips;
    QWidget* m_tokenizer;
    CardNeed* m_need;
    QVBoxLayout* m_use;
    QWidget* m_useBox;
    QVBoxLayout* m_layout;
};

}  // namespace caravan::ui

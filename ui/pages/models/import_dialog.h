// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <QTimer>
#include <optional>

#include "engine/api/engine.h"
#include "engine/api/inspection.h"
#include "ui/format/stage_clock.h"

class QComboBox;
class QDoubleSpinBox;
class QFormLayout;
class QLineEdit;
class QProgressBar;
class QPushButton;
class QSpinBox;

namespace caravan::ui {

class EngineLink;
class RunController;
class ThemedLabel;
class VerdictBox;

// Takes in a model of elsewhere: mixtures in the Camelidae or Sparsetral layout and runs of the released PESC
// code. The engine writes a copy in the Camelidae layout, reads it back and compares logits; the source stays
// as it is. Goes on while the window is used; closing the dialog ends it.
class ImportDialog : public QDialog {
    Q_OBJECT
  public:
    struct Place {
        QString models;     // folder in which copies are put if nothing else is said
        QStringList bases;  // dense models of the project, by path
    };
    ImportDialog(EngineLink* engine, RunController* runs, Place place, QWidget* parent);
    ~ImportDialog() override;
    void setSource(const QString& folder);
    void reject() override;

    [[nodiscard]] bool isWorking() const { return m_work != 0; }
    [[nodiscard]] QLineEdit* sourceEdit() const { return m_source; }
    [[nodiscard]] QLineEdit* targetEdit() const { return m_target; }
    [[nodiscard]] QComboBox* baseBox() const { return m_base; }
    [[nodiscard]] QSpinBox* topKBox() const { return m_topK; }
    [[nodiscard]] QDoubleSpinBox* scalingBox() const { return m_scaling; }
    [[nodiscard]] QPushButton* importButton() const { return m_import; }
    [[nodiscard]] QPushButton* cancelButton() const { return m_cancel; }
    [[nodiscard]] VerdictBox* verdict() const { return m_verdict; }
    [[nodiscard]] QString progressWords() const;

  Q_SIGNALS:
    void imported(const QString& folder);

  private:
    void makeForm();
    void makeFoot();
    QWidget* withChooser(QLineEdit* edit, const QString& title);
    void sourceChanged();
    void inspect();
    void take(const engine::ModelInspection& found);
    void renew();
    [[nodiscard]] bool isRun() const;
    [[nodiscard]] QString freeTarget(const QString& name) const;
    [[nodiscard]] QString whyNot() const;
    void start();
    void finish(const engine::Result<engine::ExportOutcome>& outcome);
    void showError(const engine::Error& error);

    EngineLink* m_engine;
    RunController* m_runs;
    Place m_place;
    QLineEdit *m_source, *m_target;
    ThemedLabel* m_found;
    QComboBox* m_base;
    QSpinBox* m_topK;
    QDoubleSpinBox* m_scaling;
    QFormLayout* m_form;
    VerdictBox* m_verdict;
    QWidget* m_progressRow;
    ThemedLabel* m_progressWords;
    QProgressBar* m_progress;
    QPushButton *m_import, *m_cancel;
    QTimer m_delay;
    StageClock m_clock;
    std::optional<engine::ModelInspection> m_inspection;  // of the source
    QString m_suggested;                                  // target that this dialog put in
    quint64 m_look = 0, m_work = 0;
    bool m_done = false;
};

}  // namespace caravan::ui

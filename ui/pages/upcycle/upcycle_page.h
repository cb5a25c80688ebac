// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <optional>

#include "engine/api/config/descriptors.h"
#include "engine/api/engine.h"
#include "ui/page.h"

class QMenu;
class QPushButton;
class QSplitter;

namespace caravan::widgets {
class MessageBar;
}

namespace caravan::ui {

class PlanPanel;
class ThemedLabel;
class UpcycleForm;
struct Remedy;

// From a dense model to the plan of a run: one form, its consequences beside it while one types.
class UpcyclePage : public Page {
    Q_OBJECT
  public:
    UpcyclePage(const Services& services, QWidget* parent);
    void setProject(ProjectContext* project) override;
    void setActive(bool active) override;
    void openLink(const QVariantMap& arguments) override;
    [[nodiscard]] QAction* mainAction() const override { return m_create; }
    [[nodiscard]] QStringList keyHints() const override;
    [[nodiscard]] QVector<FoundItem> found() const override;  // the settings, with their values
    [[nodiscard]] QString statusFact() const override;
    [[nodiscard]] UpcycleForm* form() const { return m_form; }
    [[nodiscard]] PlanPanel* panel() const { return m_panel; }
    // Settings of a preset file instead of those here, as one undoable step; name is what people call it.
    void takePreset(const QString& path, const QString& name);

  private:
    void makeHeader();
    void makePresets();
    void fillPresets(QMenu* menu);
    void keepPreset();
    void tellError(const engine::Error& error);
    [[nodiscard]] QWidget* makeFooter();
    void draftChanged();
    void ask();  // plan of the draft
    void takePlan(const nlohmann::json& answer, const engine::Recipe& recipe);
    void askRemedies();
    void validate();
    template <class T>
    void work(const char* type, const QString& doing,
              std::function<void(const T&, const std::string& key)> take);
    void prove();
    void dryStep();
    void cancelWork();
    void renewWork();
    [[nodiscard]] bool hasData() const;
    void create();
    [[nodiscard]] std::string settingsKey() const;  // what dry step and proof depend on
    [[nodiscard]] const engine::ModelConfig* modelConfig() const;

    UpcycleForm* m_form = nullptr;
    PlanPanel* m_panel = nullptr;
    QSplitter* m_splitter = nullptr;
    ThemedLabel* m_verdict = nullptr;
    QLabel* m_verdictIcon = nullptr;
    widgets::MessageBar* m_message = nullptr;
    QPushButton* m_createButton = nullptr;
    QAction *m_create = nullptr, *m_copy = nullptr, *m_prove = nullptr, *m_dry = nullptr;
    QTimer m_debounce;
    quint64 m_planRequest = 0, m_workRequest = 0;
    int m_remedyRound = 0;
    std::optional<engine::DryStep> m_dryStep;
    std::optional<engine::StepZeroProof> m_proof;
    std::string m_dryKey, m_proofKey;
    QString m_planError;
    bool m_stale = true, m_creating = false;
    QString m_measuredAt;
};

[[nodiscard]] Page* makeUpcyclePage(const Services& services, QWidget* parent);

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QScrollArea>
#include <map>
#include <vector>

#include "engine/api/config/descriptors.h"
#include "ui/project_context.h"

class QComboBox;
class QGridLayout;
class QVBoxLayout;

namespace caravan::widgets {
class LayerStrip;
}

namespace caravan::ui {

class FieldEditor;
class LinkButton;
class MethodCard;
class ThemedLabel;

// The settings of a run, made from the descriptor table: base, method, experts, layers, batch, training.
// Every edit is one undoable command of the project; what the table refuses stays in the field with a
// sentence below.
class UpcycleForm : public QScrollArea {
    Q_OBJECT
  public:
    explicit UpcycleForm(QWidget* parent = nullptr);
    void setProject(ProjectContext* project);
    void refresh();  // from the project's draft
    void setProblems(const std::vector<engine::Problem>& problems);
    [[nodiscard]] QStringList refusedTexts() const;  // sentences of fields whose text was not taken
    [[nodiscard]] FieldEditor* editor(const std::string& key) const;
    void goTo(const std::string& key);  // shows the field and gives it the focus
    [[nodiscard]] widgets::LayerStrip* layerStrip() const { return m_strip; }
    [[nodiscard]] QComboBox* baseBox() const { return m_base; }
    [[nodiscard]] MethodCard* card(engine::UpcycleMethod method) const;
    [[nodiscard]] int settingCount() const { return static_cast<int>(m_editors.size()) + 3; }

  Q_SIGNALS:
    void refusedChanged();
    void modelsWanted();

  private:
    void makeBase();
    void makeMethods();
    void makeExperts();
    void makeLayers();
    void makeBatch();
    void makeTraining();
    void makeMore();
    [[nodiscard]] QVBoxLayout* section(const QString& title, ThemedLabel** note = nullptr);
    void addColumns(QVBoxLayout* to, const std::vector<std::string>& left,
                    const std::vector<std::string>& right);
    [[nodiscard]] FieldEditor* make(const std::string& key);
    void take(const std::string& key);
    void fillBases();
    void takeLayers(const QVector<bool>& cells);
    void choosePattern(int index);
    void setModel(const QString& path);
    void setMethod(engine::UpcycleMethod method);
    [[nodiscard]] std::int64_t layerCount() const;
    void refreshLayers();
    void refreshNotes();

    ProjectContext* m_project = nullptr;
    QVBoxLayout* m_layout;
    QComboBox *m_base = nullptr, *m_pattern = nullptr;
    LinkButton* m_findModels = nullptr;
    ThemedLabel *m_baseFacts = nullptr, *m_layerText = nullptr, *m_batchNote = nullptr;
    std::vector<MethodCard*> m_cards;
    std::map<std::string, FieldEditor*> m_editors;
    std::map<std::string, QString> m_refused;
    std::vector<QWidget*> m_expertOnly;  // hidden for dense QLoRA
    widgets::LayerStrip* m_strip = nullptr;
    QWidget* m_more = nullptr;
    LinkButton* m_moreLink = nullptr;
    int m_moreCount = 0;
    bool m_filling = false;
};

}  // namespace caravan::ui

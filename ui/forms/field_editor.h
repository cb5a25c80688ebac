// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <functional>
#include <nlohmann/json.hpp>

#include "engine/api/config/descriptors.h"

class QLabel;
class QVBoxLayout;

namespace caravan::ui {

class ThemedLabel;

// One setting, made from its descriptor: label, control, gray range, and a sentence below when its value is
// bad.
class FieldEditor : public QWidget {
    Q_OBJECT
  public:
    explicit FieldEditor(const engine::FieldDescriptor& field, int labelWidth, QWidget* parent = nullptr);
    [[nodiscard]] const engine::FieldDescriptor& field() const { return m_field; }
    [[nodiscard]] std::string key() const { return m_field.key; }
    void setValue(const nlohmann::json& value);  // without a signal; clears a bad text
    [[nodiscard]] nlohmann::json value() const;
    void setProblem(const QString& sentence, bool warning = false);  // "" = none
    [[nodiscard]] QString problem() const { return m_problemText; }
    void setHint(const QString& text);
    [[nodiscard]] QWidget* control() const { return m_control; }

  Q_SIGNALS:
    void edited(const QString& key);

  protected:
    void changeEvent(QEvent* event) override;

  private:
    void paintProblemIcon();
    [[nodiscard]] QWidget* makeControl();
    [[nodiscard]] QWidget* makeChoice();
    [[nodiscard]] QWidget* makeTargets();
    [[nodiscard]] QWidget* makePrompts();
    void tell();
    const engine::FieldDescriptor& m_field;
    QWidget* m_control;
    ThemedLabel *m_hint, *m_problem;
    QLabel* m_problemIcon;
    QWidget* m_problemRow;
    QString m_problemText;
    bool m_warning = false;
    std::function<nlohmann::json()> m_read;
    std::function<void(const nlohmann::json&)> m_write;
};

}  // namespace caravan::ui

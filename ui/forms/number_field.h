// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractSpinBox>
#include <nlohmann/json.hpp>

#include "engine/api/config/descriptors.h"

namespace caravan::ui {

// A number as typed: keeps what cannot be taken, so that the sentence below can say what is wrong with it.
// Empty = null where the field is optional ("auto").
class NumberField : public QAbstractSpinBox {
    Q_OBJECT
  public:
    explicit NumberField(const engine::FieldDescriptor& field, QWidget* parent = nullptr);
    void setValue(const nlohmann::json& value);  // without a signal
    [[nodiscard]] nlohmann::json value() const;  // a text where it is no number
    void stepBy(int steps) override;
    QValidator::State validate(QString& input, int& position) const override;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return sizeHint(); }
    [[nodiscard]] QLineEdit* edit() const { return lineEdit(); }

  Q_SIGNALS:
    void edited();

  protected:
    StepEnabled stepEnabled() const override;
    bool eventFilter(QObject* watched, QEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    [[nodiscard]] QString textOf(const nlohmann::json& value) const;
    const engine::FieldDescriptor& m_field;
};

// Undo and redo of a text field go to the project's stack.
void passUndoOn(QWidget* editor);

}  // namespace caravan::ui

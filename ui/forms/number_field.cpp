// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/forms/number_field.h"

#include <QKeyEvent>
#include <QLineEdit>
#include <algorithm>
#include <cmath>

#include "ui/format/format.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {

class UndoPasser : public QObject {
  public:
    using QObject::QObject;
    bool eventFilter(QObject*, QEvent* event) override {
        if (event->type() != QEvent::ShortcutOverride) return false;
        auto* key = static_cast<QKeyEvent*>(event);
        if (!key->matches(QKeySequence::Undo) && !key->matches(QKeySequence::Redo)) return false;
        event->ignore();
        return true;
    }
};

// 512 -> 576 -> 640: powers of two apart by an eighth feel right for sizes; small counts move by one.
double stepOf(const engine::FieldDescriptor& field, double value) {
    if (field.type == engine::FieldType::Integer) {
        if (field.maximum <= 128 || std::abs(value) < 32) return 1;
        return std::max(1.0, std::pow(2.0, std::floor(std::log2(std::abs(value))) - 3));
    }
    if (value == 0) return field.maximum <= 1 ? 0.01 : 0.1;
    return std::pow(10.0, std::floor(std::log10(std::abs(value)) + 1e-9));
}

}  // namespace

void passUndoOn(QWidget* editor) {
    editor->installEventFilter(new UndoPasser(editor));
}

NumberField::NumberField(const engine::FieldDescriptor& field, QWidget* parent)
    : QAbstractSpinBox(parent), m_field(field) {
    setFocusPolicy(Qt::StrongFocus);
    setFont(widgets::numberFont());
    lineEdit()->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    if (field.optional) lineEdit()->setPlaceholderText(tr("auto"));
    setAccelerated(true);
    passUndoOn(lineEdit());
    connect(lineEdit(), &QLineEdit::textEdited, this, &NumberField::edited);
}

QString NumberField::textOf(const nlohmann::json& value) const {
    if (value.is_null()) return {};
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > 9000000000000000ULL)
        return QString::number(value.get<std::uint64_t>());
    if (value.is_number_integer()) return withThousands(value.get<std::int64_t>());
    if (value.is_number()) return shortReal(value.get<double>());
    return value.is_string() ? QString::fromStdString(value.get<std::string>()) : QString();
}

void NumberField::setValue(const nlohmann::json& value) {
    if (this->value() == value) return;
    const int cursor = lineEdit()->cursorPosition();
    lineEdit()->setText(textOf(value));
    if (hasFocus())
        lineEdit()->setCursorPosition(std::min<int>(cursor, static_cast<int>(lineEdit()->text().size())));
}

nlohmann::json NumberField::value() const {
    QString text = lineEdit()->text().trimmed();
    if (text.isEmpty()) return m_field.optional ? nlohmann::json(nullptr) : nlohmann::json("");
    QString plain = text;
    plain.remove(QLatin1Char(','));
    plain.replace(QChar(0x2212), QLatin1Char('-'));
    bool ok = false;
    if (m_field.type == engine::FieldType::Integer) {
        const qlonglong whole = plain.toLongLong(&ok);
        if (ok) return whole;
        const qulonglong large = plain.toULongLong(&ok);
        if (ok) return large;
    }
    const double real = plain.toDouble(&ok);
    return ok ? nlohmann::json(real) : nlohmann::json(text.toStdString());
}

void NumberField::stepBy(int steps) {
    const nlohmann::json now = value();
    double number = now.is_number() ? now.get<double>() : m_field.minimum;
    for (int i = 0; i < std::abs(steps); ++i) {
        const double down = stepOf(m_field, number * 0.999999);  // 1e-4 steps down to 9e-5, not to 0
        number += steps > 0 ? stepOf(m_field, number) : -down;
    }
    number = std::clamp(number, m_field.minimum, m_field.maximum);
    const nlohmann::json next =
        m_field.type == engine::FieldType::Integer
            ? nlohmann::json(static_cast<std::int64_t>(std::llround(number)))
            : nlohmann::json(std::stod(QString::number(number, 'g', 8).toStdString()));
    lineEdit()->setText(textOf(next));
    selectAll();
    Q_EMIT edited();
}

QAbstractSpinBox::StepEnabled NumberField::stepEnabled() const {
    const nlohmann::json now = value();
    if (!now.is_number()) return StepUpEnabled;
    StepEnabled result;
    if (now.get<double>() < m_field.maximum) result |= StepUpEnabled;
    if (now.get<double>() > m_field.minimum) result |= StepDownEnabled;
    return result;
}

QValidator::State NumberField::validate(QString&, int&) const {
    return QValidator::Acceptable;
}
bool NumberField::eventFilter(QObject* watched, QEvent* event) {
    return QAbstractSpinBox::eventFilter(watched, event);
}

void NumberField::changeEvent(QEvent* event) {
    if (event->type() == QEvent::ApplicationFontChange) setFont(widgets::numberFont());
    QAbstractSpinBox::changeEvent(event);
}

QSize NumberField::sizeHint() const {
    return {84, std::max(28, fontMetrics().height() + 12)};
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/forms/field_editor.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QSignalBlocker>
#include <QVBoxLayout>

#include "ui/format/format.h"
#include "ui/forms/field_words.h"
#include "ui/forms/number_field.h"
#include "ui/shell/icon_label.h"
#include "ui/shell/surface.h"
#include "ui/theme/style.h"
#include "widgets/segmented.h"

namespace caravan::ui {
namespace {

using Json = nlohmann::json;
const std::vector<std::string> kAttention{"q_proj", "k_proj", "v_proj", "o_proj"};
const std::vector<std::string> kFeedForward{"gate_proj", "up_proj", "down_proj"};

}  // namespace

FieldEditor::FieldEditor(const engine::FieldDescriptor& field, int labelWidth, QWidget* parent)
    : QWidget(parent), m_field(field) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(2);
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    auto* label = new ThemedLabel(fieldLabel(field), widgets::TextRole::Body, Token::Text2);
    label->setMinimumWidth(labelWidth);
    label->setToolTip(fieldHelp(field));
    m_control = makeControl();
    m_control->setAccessibleName(fieldLabel(field));
    m_control->setAccessibleDescription(fieldHelp(field));
    m_control->setToolTip(fieldHelp(field));
    label->setBuddy(m_control);
    const bool tall = qobject_cast<QPlainTextEdit*>(m_control) != nullptr;
    row->addWidget(label, 0, tall ? Qt::AlignTop : Qt::AlignVCenter);
    row->addWidget(m_control, tall ? 1 : 0);
    m_hint = new ThemedLabel(shortRange(field), widgets::TextRole::Caption, Token::Text2);
    m_hint->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    if (!tall) row->addWidget(m_hint, 1);
    layout->addLayout(row);
    m_problemRow = new QWidget;
    auto* problem = new QHBoxLayout(m_problemRow);
    problem->setContentsMargins(labelWidth + 8, 0, 0, 2);
    problem->setSpacing(6);
    m_problemIcon = new QLabel;
    m_problem = new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Err);
    m_problem->setWordWrap(true);
    problem->addWidget(m_problemIcon, 0, Qt::AlignTop);
    problem->addWidget(m_problem, 1);
    layout->addWidget(m_problemRow);
    m_problemRow->hide();
}

void FieldEditor::tell() {
    Q_EMIT edited(QString::fromStdString(m_field.key));
}

QWidget* FieldEditor::makeControl() {
    using Type = engine::FieldType;
    if (m_field.type == Type::Integer || m_field.type == Type::Real) {
        auto* number = new NumberField(m_field, this);
        m_read = [number] { return number->value(); };
        m_write = [number](const Json& value) { number->setValue(value); };
        connect(number, &NumberField::edited, this, &FieldEditor::tell);
        return number;
    }
    if (m_field.type == Type::Choice) return makeChoice();
    if (m_field.type == Type::TextList) return m_field.choices.empty() ? makePrompts() : makeTargets();
    auto* text = new QLineEdit(this);
    passUndoOn(text);
    text->setFixedWidth(160);
    if (m_field.type == Type::RealPair) {
        m_read = [text] {
            Json pair = Json::array();
            for (const QString& part : text->text().split(QLatin1Char(','))) {
                bool ok = false;
                const double value = part.trimmed().toDouble(&ok);
                if (!ok) return Json(text->text().toStdString());
                pair.push_back(value);
            }
            return pair;
        };
        m_write = [text](const Json& value) {
            QStringList parts;
            for (const Json& item : value)
                parts << shortReal(item.get<double>());
            text->setText(parts.join(QStringLiteral(", ")));
        };
        text->setFont(widgets::numberFont());
    } else {
        m_read = [text] { return Json(text->text().toStdString()); };
        m_write = [text](const Json& value) {
            text->setText(QString::fromStdString(value.is_string() ? value.get<std::string>() : ""));
        };
    }
    connect(text, &QLineEdit::textEdited, this, &FieldEditor::tell);
    return text;
}

QWidget* FieldEditor::makeChoice() {
    QStringList labels;
    for (const std::string& word : m_field.choices)
        labels << choiceLabel(m_field, word);
    const auto indexOf = [this](const Json& value) {
        const auto at = std::find(m_field.choices.begin(), m_field.choices.end(),
                                  value.is_string() ? value.get<std::string>() : "");
        return static_cast<int>(at - m_field.choices.begin());
    };
    if (m_field.choices.size() == 2 && labels.join(QString()).size() < 18) {
        auto* segments = new widgets::Segmented(labels, this);
        m_read = [this, segments] {
            return Json(m_field.choices[static_cast<std::size_t>(segments->current())]);
        };
        m_write = [segments, indexOf](const Json& value) {
            const QSignalBlocker quiet(segments);
            segments->setCurrent(indexOf(value));
            segments->update();
        };
        connect(segments, &widgets::Segmented::currentChanged, this, &FieldEditor::tell);
        return segments;
    }
    auto* combo = new QComboBox(this);
    combo->addItems(labels);
    m_read = [this, combo] {
        return Json(m_field.choices[static_cast<std::size_t>(std::max(0, combo->currentIndex()))]);
    };
    m_write = [combo, indexOf](const Json& value) {
        const QSignalBlocker quiet(combo);
        combo->setCurrentIndex(indexOf(value));
    };
    connect(combo, &QComboBox::currentIndexChanged, this, &FieldEditor::tell);
    return combo;
}

QWidget* FieldEditor::makeTargets() {
    auto* combo = new QComboBox(this);
    combo->addItem(tr("All seven linears"));
    combo->addItem(tr("Attention"));
    combo->addItem(tr("Feed-forward"));
    m_read = [this, combo] {
        const std::vector<std::string> sets[] = {m_field.choices, kAttention, kFeedForward};
        if (combo->currentIndex() < 3) return Json(sets[std::max(0, combo->currentIndex())]);
        return Json::parse(combo->currentData().toString().toStdString(), nullptr, false);
    };
    m_write = [this, combo](const Json& value) {
        const QSignalBlocker quiet(combo);
        const std::vector<std::string> sets[] = {m_field.choices, kAttention, kFeedForward};
        while (combo->count() > 3)
            combo->removeItem(3);
        for (int i = 0; i < 3; ++i)
            if (value == Json(sets[i])) return combo->setCurrentIndex(i);
        QStringList names;
        for (const Json& item : value)
            names << QString::fromStdString(item.get<std::string>()).remove(QStringLiteral("_proj"));
        combo->addItem(names.isEmpty() ? tr("None") : names.join(QStringLiteral(", ")),
                       QString::fromStdString(value.dump()));
        combo->setCurrentIndex(3);
    };
    connect(combo, &QComboBox::currentIndexChanged, this, &FieldEditor::tell);
    return combo;
}

QWidget* FieldEditor::makePrompts() {
    auto* text = new QPlainTextEdit(this);
    text->setPlaceholderText(tr("One prompt per line"));
    text->setProperty("framed", true);
    text->setTabChangesFocus(true);
    text->setFixedHeight(66);
    text->document()->setDocumentMargin(6);
    text->setUndoRedoEnabled(false);
    passUndoOn(text);
    m_read = [text] {
        Json list = Json::array();
        for (const QString& line : text->toPlainText().split(QLatin1Char('\n')))
            if (!line.trimmed().isEmpty()) list.push_back(line.trimmed().toStdString());
        return list;
    };
    m_write = [text](const Json& value) {
        QStringList lines;
        for (const Json& item : value)
            lines << QString::fromStdString(item.get<std::string>());
        const QSignalBlocker quiet(text);
        text->setPlainText(lines.join(QLatin1Char('\n')));
    };
    connect(text, &QPlainTextEdit::textChanged, this, &FieldEditor::tell);
    return text;
}

void FieldEditor::setValue(const nlohmann::json& value) {
    if (m_read() != value) m_write(value);
}

nlohmann::json FieldEditor::value() const {
    return m_read();
}

void FieldEditor::setHint(const QString& text) {
    m_hint->setText(text);
}

void FieldEditor::setProblem(const QString& sentence, bool warning) {
    if (sentence == m_problemText && warning == m_warning &&
        !sentence.isEmpty() == m_problemRow->isVisibleTo(this))
        return;
    m_problemText = sentence;
    m_warning = warning;
    setInvalid(m_control, !sentence.isEmpty() && !warning);
    m_problem->setToken(warning ? Token::Warn : Token::Err);
    m_problem->setText(sentence);
    paintProblemIcon();
    m_problemRow->setVisible(!sentence.isEmpty());
    m_control->setAccessibleDescription(sentence.isEmpty() ? fieldHelp(m_field) : sentence);
}

void FieldEditor::paintProblemIcon() {
    showIcon(m_problemIcon, m_warning ? QStringLiteral("warn") : QStringLiteral("err"),
             Theme::color(m_warning ? Token::Warn : Token::Err));
}

void FieldEditor::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange && !m_problemText.isEmpty()) paintProblemIcon();
    QWidget::changeEvent(event);
}

}  // namespace caravan::ui

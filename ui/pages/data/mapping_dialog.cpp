// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/data/mapping_dialog.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFileInfo>
#include <QFormLayout>
#include <QLineEdit>
#include <QVBoxLayout>

#include "engine/api/config/column_mapping.h"
#include "ui/format/format.h"
#include "ui/shell/surface.h"

namespace caravan::ui {
namespace {

using engine::FileFormat;
using engine::RowShape;

QString columnName(const QString& word) {
    if (word == QLatin1String("system")) return MappingDialog::tr("System text");
    if (word == QLatin1String("prompt")) return MappingDialog::tr("Prompt");
    if (word == QLatin1String("input")) return MappingDialog::tr("Input");
    if (word == QLatin1String("answer")) return MappingDialog::tr("Answer, trained");
    if (word == QLatin1String("messages")) return MappingDialog::tr("List of messages");
    if (word == QLatin1String("role")) return MappingDialog::tr("Role of a message");
    return MappingDialog::tr("Text of a message");
}

// Which columns a row of that shape has.
bool belongs(const QString& word, RowShape shape) {
    const bool list = word == QLatin1String("messages") || word == QLatin1String("role") ||
                      word == QLatin1String("content");
    switch (shape) {
        case RowShape::ShareGpt:
        case RowShape::Messages:
            return list || word == QLatin1String("system");
        case RowShape::Alpaca:
            return !list;
        case RowShape::Pesc:
        case RowShape::Completion:
            return !list && word != QLatin1String("input");
        case RowShape::Auto:
            break;
    }
    return true;
}

}  // namespace

MappingDialog::MappingDialog(const engine::DataFile& file, const engine::DataFileReport* report,
                             QWidget* parent)
    : QDialog(parent), m_format(new QComboBox), m_shape(new QComboBox), m_form(new QFormLayout) {
    const QString name = QFileInfo(QString::fromStdString(file.path)).fileName();
    setWindowTitle(tr("Column mapping of %1").arg(name));
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    if (report != nullptr) m_recognised = report->columns;
    const std::pair<FileFormat, QString> formats[] = {{FileFormat::Auto, tr("Recognized by its content")},
                                                      {FileFormat::JsonLines, tr("JSON Lines")},
                                                      {FileFormat::Json, tr("JSON")},
                                                      {FileFormat::Csv, tr("CSV")},
                                                      {FileFormat::Tsv, tr("TSV")},
                                                      {FileFormat::Text, tr("Plain text")}};
    for (const auto& [format, words] : formats)
        m_format->addItem(words, static_cast<int>(format));
    const std::pair<RowShape, QString> shapes[] = {
        {RowShape::Auto, tr("Recognized by their columns")},
        {RowShape::Pesc, tr("PESC rows")},
        {RowShape::Alpaca, tr("Alpaca: instruction, input, output")},
        {RowShape::ShareGpt, tr("ShareGPT conversations")},
        {RowShape::Messages, tr("OpenAI messages")},
        {RowShape::Completion, tr("A prompt and its answer")}};
    for (const auto& [shape, words] : shapes)
        m_shape->addItem(words, static_cast<int>(shape));
    m_format->setCurrentIndex(m_format->findData(static_cast<int>(file.columns.format)));
    m_shape->setCurrentIndex(m_shape->findData(static_cast<int>(file.columns.shape)));
    m_form->setHorizontalSpacing(16);
    m_form->setVerticalSpacing(8);
    m_form->addRow(tr("&File"), m_format);
    m_form->addRow(tr("&Rows"), m_shape);
    for (std::size_t i = 0; i < m_columns.size(); ++i) {
        auto* box = new QComboBox;
        box->setEditable(true);
        box->setMinimumWidth(260);
        box->addItem(QString());
        if (report != nullptr)
            for (const std::string& column : report->known)
                box->addItem(QString::fromStdString(column));
        const auto& part = engine::kMappedColumns[i];
        box->setCurrentText(QString::fromStdString(file.columns.*part.name));
        const QString found = QString::fromStdString(m_recognised.*part.name);
        box->lineEdit()->setPlaceholderText(found.isEmpty() ? tr("recognized by itself")
                                                            : tr("%1, recognized").arg(found));
        const QString words = columnName(QString::fromLatin1(part.word));
        box->setAccessibleName(words);
        box->setObjectName(QString::fromLatin1(part.word));
        m_columns[i] = box;
        m_form->addRow(words, box);
    }
    auto* note = new ThemedLabel(report == nullptr || report->format.empty()
                                     ? tr("The file has not been read yet.")
                                     : tr("Read as: %1").arg(QString::fromStdString(report->format)),
                                 widgets::TextRole::Secondary, Token::Text2);
    auto* buttons = new QDialogButtonBox;
    QPushButton* automatic = textButton(tr("Automatic"), QStringLiteral("undo"));
    buttons->addButton(automatic, QDialogButtonBox::ResetRole);
    buttons->addButton(textButton(tr("Cancel")), QDialogButtonBox::RejectRole);
    buttons->addButton(textButton(tr("Use this mapping"), {}, true), QDialogButtonBox::AcceptRole);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 20, 24, 20);
    column->setSpacing(12);
    column->addWidget(note);
    column->addLayout(m_form);
    column->addWidget(buttons);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(automatic, &QPushButton::clicked, this, &MappingDialog::makeAutomatic);
    connect(m_shape, &QComboBox::currentIndexChanged, this, [this] { showColumns(); });
    showColumns();
}

RowShape MappingDialog::shape() const {
    const auto chosen = static_cast<RowShape>(m_shape->currentData().toInt());
    return chosen == RowShape::Auto ? m_recognised.shape : chosen;
}

void MappingDialog::showColumns() {
    for (QComboBox* box : m_columns) {
        const bool shown = belongs(box->objectName(), shape());
        box->setVisible(shown);
        m_form->labelForField(box)->setVisible(shown);
    }
    adjustSize();
}

QComboBox* MappingDialog::columnBox(const QString& word) const {
    for (QComboBox* box : m_columns)
        if (box->objectName() == word) return box;
    return nullptr;
}

void MappingDialog::makeAutomatic() {
    m_format->setCurrentIndex(0);
    m_shape->setCurrentIndex(0);
    for (QComboBox* box : m_columns)
        box->setCurrentText({});
}

engine::ColumnMapping MappingDialog::mapping() const {
    engine::ColumnMapping mapping;
    mapping.format = static_cast<FileFormat>(m_format->currentData().toInt());
    mapping.shape = static_cast<RowShape>(m_shape->currentData().toInt());
    for (std::size_t i = 0; i < m_columns.size(); ++i)
        if (belongs(m_columns[i]->objectName(), shape()))
            mapping.*engine::kMappedColumns[i].name = m_columns[i]->currentText().trimmed().toStdString();
    return mapping;
}

}  // namespace caravan::ui

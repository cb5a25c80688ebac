// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later

#include "ui/pages/data/data_delegates.h"

#include <QApplication>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QDoubleSpinBox>
#include <QFile>
#include <QFileInfo>
#include <QLabel>
#include <QPainter>
#include <QPlainTextEdit>
#include <QThreadPool>
#include <QVBoxLayout>

#include "ui/bridge/background.h"
#include "ui/format/format.h"
#include "ui/pages/data/data_files_model.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {
constexpr qint64 kLongestLine = 8 << 20;  // bytes; as the reader accepts

QString readLine(const QString& path, qint64 line) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return QObject::tr("The file cannot be read: %1").arg(file.errorString());
    for (qint64 i = 1; !file.atEnd(); ++i) {
        const QByteArray text = file.readLine(kLongestLine);
        if (i == line) return QString::fromUtf8(text.trimmed());
    }
    return QObject::tr("The file has no line %1 any more.").arg(line);
}

QRect fieldRect(const QRect& cell) {
    return {cell.right() - 15 - 56, cell.center().y() - 11, 56, 24};
}

}  // namespace

void WeightDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                           const QModelIndex& index) const {
    if (!(index.flags() & Qt::ItemIsEditable)) return QStyledItemDelegate::paint(painter, option, index);
    QStyleOptionViewItem ground = option;
    initStyleOption(&ground, index);
    ground.text.clear();
    const QStyle* style = option.widget != nullptr ? option.widget->style() : QApplication::style();
    style->drawControl(QStyle::CE_ItemViewItem, &ground, painter, option.widget);
    QStyleOptionSpinBox box;
    box.rect = fieldRect(option.rect);
    box.state = QStyle::State_Enabled;
    box.subControls = QStyle::SC_All;
    box.stepEnabled = QAbstractSpinBox::StepUpEnabled | QAbstractSpinBox::StepDownEnabled;
    style->drawComplexControl(QStyle::CC_SpinBox, &box, painter, nullptr);
    painter->setFont(widgets::numberFont());
    painter->setPen(widgets::themeColors().text);
    painter->drawText(style->subControlRect(QStyle::CC_SpinBox, &box, QStyle::SC_SpinBoxEditField, nullptr),
                      Qt::AlignVCenter | Qt::AlignRight, index.data().toString());
}

void WeightDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                                          const QModelIndex&) const {
    editor->setGeometry(fieldRect(option.rect).adjusted(-16, 0, 0, 0));
}

QWidget* WeightDelegate::createEditor(QWidget* parent, const QStyleOptionViewItem&,
                                      const QModelIndex&) const {
    auto* box = new QDoubleSpinBox(parent);
    box->setRange(0.01, 1000);
    box->setDecimals(2);
    box->setSingleStep(1);
    box->setFont(widgets::numberFont());
    box->setAccessibleName(tr("Times per epoch"));
    return box;
}
void WeightDelegate::setEditorData(QWidget* editor, const QModelIndex& index) const {
    static_cast<QDoubleSpinBox*>(editor)->setValue(index.data(Qt::EditRole).toDouble());
}
void WeightDelegate::setModelData(QWidget* editor, QAbstractItemModel* model,
                                  const QModelIndex& index) const {
    auto* box = static_cast<QDoubleSpinBox*>(editor);
    box->interpretText();
    model->setData(index, box->value());
}

QWidget* UseDelegate::createEditor(QWidget* parent, const QStyleOptionViewItem&, const QModelIndex&) const {
    auto* box = new QComboBox(parent);
    box->addItems({tr("Training"), tr("Held out")});
    box->setAccessibleName(tr("Used for"));
    return box;
}
void UseDelegate::setEditorData(QWidget* editor, const QModelIndex& index) const {
    static_cast<QComboBox*>(editor)->setCurrentIndex(index.data(DataFilesModel::HeldoutRole).toBool() ? 1
                                                                                                      : 0);
}
void UseDelegate::setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const {
    model->setData(index, static_cast<QComboBox*>(editor)->currentIndex() == 1);
}

RowDialog::RowDialog(const QString& file, qint64 line, QWidget* parent) : QDialog(parent) {
    setWindowTitle(tr("%1, line %2").arg(QFileInfo(file).fileName(), withThousands(line)));
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    auto* path = new QLabel(homePath(file));
    path->setForegroundRole(QPalette::PlaceholderText);
    auto* text = new QPlainTextEdit(tr("Reading…"));
    text->setReadOnly(true);
    text->setFont(widgets::textFont(widgets::TextRole::Code));
    text->setAccessibleName(tr("The row as it stands in the file"));
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(24, 20, 24, 20);
    layout->setSpacing(12);
    layout->addWidget(path);
    layout->addWidget(text, 1);
    layout->addWidget(buttons);
    resize(640, 360);
    runInBackground<QString>(
        QThreadPool::globalInstance(), this, [file, line] { return readLine(file, line); },
        [text](const QString& found) { text->setPlainText(found); });
}

}  // namespace caravan::ui

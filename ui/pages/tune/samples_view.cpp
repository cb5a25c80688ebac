// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/tune/samples_view.h"

#include <QListView>
#include <QPainter>
#include <QStackedWidget>
#include <QStyledItemDelegate>
#include <QTextLayout>
#include <QTextOption>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/format/format.h"
#include "ui/pages/tune/samples_table.h"
#include "ui/shell/surface.h"
#include "widgets/theme_colors.h"

namespace caravan::ui {
namespace {

constexpr int kStepWidth = 64, kMostLines = 4;

// Step at the left, up to four lines of the answer at the right.
class SampleDelegate : public QStyledItemDelegate {
  public:
    using QStyledItemDelegate::QStyledItemDelegate;

    static int layOut(QTextLayout& layout, int width, int* lines) {
        QTextOption option;  // an untrained model writes words longer than a line
        option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
        layout.setTextOption(option);
        layout.beginLayout();
        double height = 0;
        int count = 0;
        for (QTextLine line = layout.createLine(); line.isValid() && count < kMostLines;
             line = layout.createLine()) {
            line.setLineWidth(width);
            line.setPosition({0, height});
            height += std::max(18.0, line.height() + 2);
            ++count;
        }
        layout.endLayout();
        *lines = count;
        return static_cast<int>(height);
    }
    static QString shown(const QModelIndex& index) {
        QString text = index.data(SamplesModel::TextRole).toString().trimmed();
        return text.replace(QLatin1Char('\n'), QChar::LineSeparator);
    }
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        QTextLayout layout(shown(index), widgets::textFont(widgets::TextRole::Secondary));
        int lines = 0;
        const int width = option.widget != nullptr
                              ? static_cast<const QListView*>(option.widget)->viewport()->width()
                              : 300;
        return {width, layOut(layout, std::max(80, width - kStepWidth - 32), &lines) + 14};
    }
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        painter->save();
        painter->setClipRect(option.rect);
        const bool selected = option.state & QStyle::State_Selected;
        painter->fillRect(option.rect, Theme::color(selected                                 ? Token::Soft
                                                    : option.state & QStyle::State_MouseOver ? Token::Alt
                                                                                             : Token::Base));
        painter->setFont(widgets::numberFont());
        painter->setPen(Theme::color(selected ? Token::Accent : Token::Text2));
        painter->drawText(option.rect.adjusted(16, 6, 0, 0), Qt::AlignTop | Qt::AlignLeft,
                          withThousands(index.data(SamplesModel::StepRole).toLongLong()));
        QTextLayout layout(shown(index), widgets::textFont(widgets::TextRole::Secondary));
        int lines = 0;
        layOut(layout, std::max(80, option.rect.width() - kStepWidth - 32), &lines);
        painter->setPen(Theme::color(Token::Text));
        for (int i = 0; i < std::min(lines, layout.lineCount()); ++i)
            layout.lineAt(i).draw(painter,
                                  QPointF(option.rect.left() + kStepWidth + 16, option.rect.top() + 6));
        painter->restore();
    }
};

bool sameSample(const engine::Sample& a, const engine::Sample& b) {
    return a.step == b.step && a.prompt == b.prompt && a.text == b.text;
}

bool sameSamples(const std::vector<engine::Sample>& a, const std::vector<engine::Sample>& b) {
    return a.size() == b.size() && std::equal(a.rbegin(), a.rend(), b.rbegin(), sameSample);
}

}  // namespace

void SamplesModel::setSamples(const std::vector<engine::Sample>& samples, const std::string& prompt) {
    m_all.clear();
    for (const engine::Sample& sample : samples)
        if (sample.prompt == prompt) m_all.push_back(sample);
    std::stable_sort(m_all.begin(), m_all.end(),
                     [](const auto& a, const auto& b) { return a.step > b.step; });
    setWindow(m_first, m_last);
}

void SamplesModel::setWindow(engine::StepIndex first, engine::StepIndex last) {
    m_first = first;
    m_last = last;
    std::vector<engine::Sample> rows;
    for (const engine::Sample& sample : m_all)
        if (last < first || (sample.step >= first && sample.step <= last)) rows.push_back(sample);
    rebuild(std::move(rows));
}

void SamplesModel::rebuild(std::vector<engine::Sample> rows) {
    const auto same = sameSample;
    if (rows.size() == m_rows.size() && std::equal(rows.begin(), rows.end(), m_rows.begin(), same)) return;
    const std::size_t fresh = rows.size() > m_rows.size() ? rows.size() - m_rows.size() : 0;
    if (fresh > 0 &&
        std::equal(m_rows.begin(), m_rows.end(), rows.begin() + static_cast<std::ptrdiff_t>(fresh), same)) {
        beginInsertRows({}, 0, static_cast<int>(fresh) - 1);
        m_rows = std::move(rows);
        endInsertRows();
        return;
    }
    beginResetModel();
    m_rows = std::move(rows);
    endResetModel();
}

int SamplesModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

QVariant SamplesModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rowCount()) return {};
    const engine::Sample& sample = m_rows[static_cast<std::size_t>(index.row())];
    switch (role) {
        case StepRole:
            return static_cast<qlonglong>(sample.step);
        case TextRole:
            return QString::fromStdString(sample.text);
        case Qt::DisplayRole:
        case Qt::AccessibleTextRole:
            return tr("Step %1: %2").arg(withThousands(sample.step), QString::fromStdString(sample.text));
        case Qt::ToolTipRole:
            return QString::fromStdString(sample.text);
        default:
            return {};
    }
}

SamplesView::SamplesView(QWidget* parent)
    : QWidget(parent),
      m_table(new SamplesTable),
      m_model(new SamplesModel(this)),
      m_list(new QListView),
      m_stack(new QStackedWidget),
      m_empty(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text3)) {
    m_list->setModel(m_model);
    m_list->setItemDelegate(new SampleDelegate(m_list));
    m_list->setFrameShape(QFrame::NoFrame);
    m_list->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_list->setResizeMode(QListView::Adjust);
    m_list->setMouseTracking(true);
    m_list->setWordWrap(true);
    m_list->setLayoutMode(QListView::Batched);  // thousands of answers of a long run
    m_list->setAccessibleName(tr("Samples by step"));
    m_empty->setAlignment(Qt::AlignCenter);
    m_empty->setWordWrap(true);
    m_empty->setMargin(16);
    m_stack->addWidget(m_empty);
    m_stack->addWidget(m_list);
    m_stack->addWidget(m_table);
    m_stack->setBackgroundRole(QPalette::Base);
    m_stack->setAutoFillBackground(true);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(m_stack);
    setMinimumHeight(72);
}

void SamplesView::setEmptyText(const QString& text) {
    m_empty->setText(text);
}

void SamplesView::setSamples(const std::vector<engine::Sample>& samples) {
    if (sameSamples(samples, m_samples)) return;  // asked ten times a second
    m_samples = samples;
    std::vector<std::string> prompts;
    for (const engine::Sample& sample : samples)
        if (std::find(prompts.begin(), prompts.end(), sample.prompt) == prompts.end())
            prompts.push_back(sample.prompt);
    const bool changed = prompts != m_prompts;
    const bool wasAtTop = m_list->currentIndex().row() <= 0;
    m_prompts = prompts;
    if (m_prompt >= m_prompts.size()) m_prompt = 0;
    m_model->setSamples(m_samples, m_prompts.empty() ? std::string() : m_prompts[m_prompt]);
    m_table->setSamples(m_samples);
    m_stack->setCurrentIndex(m_prompts.empty() ? 0 : m_asTable ? 2 : 1);
    if (wasAtTop && m_model->rowCount() > 0) m_list->setCurrentIndex(m_model->index(0));
    if (changed) Q_EMIT promptChanged();
}

void SamplesView::setWindow(engine::StepIndex first, engine::StepIndex last) {
    m_model->setWindow(first, last);
    m_table->setWindow(first, last);
}

void SamplesView::showTable(bool shown) {
    m_asTable = shown;
    m_stack->setCurrentIndex(m_prompts.empty() ? 0 : m_asTable ? 2 : 1);
    Q_EMIT promptChanged();
}

// The answers of that time: the row of the list, the place of the slider.
void SamplesView::showStep(engine::StepIndex step) {
    m_table->showStep(step);
    for (int row = 0; row < m_model->rowCount(); ++row) {
        const QModelIndex index = m_model->index(row);
        if (index.data(SamplesModel::StepRole).toLongLong() > step) continue;
        m_list->setCurrentIndex(index);
        return;
    }
}

void SamplesView::nextPrompt() {
    if (m_prompts.empty()) return;
    m_prompt = (m_prompt + 1) % m_prompts.size();
    m_model->setSamples(m_samples, m_prompts[m_prompt]);
    if (m_model->rowCount() > 0) m_list->setCurrentIndex(m_model->index(0));
    Q_EMIT promptChanged();
}

QString SamplesView::promptText() const {
    return m_prompts.empty() ? QString() : QString::fromStdString(m_prompts[m_prompt]);
}

}  // namespace caravan::ui

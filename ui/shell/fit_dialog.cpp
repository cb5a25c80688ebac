// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/fit_dialog.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QPainter>
#include <QPushButton>
#include <QStandardItemModel>
#include <QStyledItemDelegate>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>
#include <utility>

#include "ui/format/format.h"
#include "ui/shell/surface.h"
#include "ui/shell/tables.h"

namespace caravan::ui {
namespace {

QString settingName(const engine::FitSetting& setting) {
    if (setting.key == "qlora") return FitDialog::tr("Dense QLoRA, NF4");
    if (setting.key == "pesc") return FitDialog::tr("PESC 8×2, NF4");
    if (setting.key == "pesc_adam8") return FitDialog::tr("and 8-bit AdamW");
    if (setting.key == "pesc_bf16") return FitDialog::tr("PESC 8×2, not quantized");
    return QString::fromStdString(setting.name);
}

// A figure with its mark right before it; the marks of a column stand below each other.
class MarkedFigure : public QStyledItemDelegate {
  public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        QStyleOptionViewItem item = option;
        initStyleOption(&item, index);
        const QIcon mark = std::exchange(item.icon, {});
        item.features &= ~QStyleOptionViewItem::HasDecoration;
        const QStyle* style = item.widget->style();
        style->drawControl(QStyle::CE_ItemViewItem, &item, painter, item.widget);
        if (mark.isNull()) return;
        const QFontMetrics metrics(item.font);
        const int text = std::max(metrics.horizontalAdvance(item.text),
                                  metrics.horizontalAdvance(QStringLiteral("100.00 GiB")));
        const QRect room = style->subElementRect(QStyle::SE_ItemViewItemText, &item, item.widget);
        mark.paint(painter, QRect(room.right() - kTextMargin - text - 24, room.center().y() - 8, 16, 16));
    }

  private:
    static constexpr int kTextMargin = 8;  // px, of the style
};

}  // namespace

FitDialog::FitDialog(EngineLink* engine, QWidget* parent)
    : QDialog(parent),
      m_engine(engine),
      m_head(new ThemedLabel(QString(), widgets::TextRole::Title)),
      m_note(new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2)),
      m_model(new QStandardItemModel(this)),
      m_table(flatTable(tr("What fits"))) {
    setAttribute(Qt::WA_DeleteOnClose);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(24, 24, 24, 20);
    column->setSpacing(12);
    m_head->setWordWrap(true);
    m_note->setWordWrap(true);
    m_table->setModel(m_model);
    m_table->setSelectionMode(QAbstractItemView::NoSelection);
    m_table->setItemDelegate(new MarkedFigure(m_table));
    column->addWidget(m_head);
    column->addWidget(m_table, 1);
    column->addWidget(m_note);
    auto* row = new QHBoxLayout;
    row->addStretch(1);
    auto* close = new QPushButton(tr("Close"));
    close->setDefault(true);
    row->addWidget(close);
    column->addLayout(row);
    resize(860, 440);
    connect(close, &QPushButton::clicked, this, &QDialog::accept);
    connect(engine, &EngineLink::stateChanged, this, [this] {
        if (m_request == 0 && m_fits.rows.empty() && m_engine->isUsable()) ask();
        showState();
    });
    ask();
}

QString FitDialog::note() const {
    return m_note->text();
}

void FitDialog::ask() {
    m_request = m_engine->requestAs<engine::FitTable>(
        "fits", nlohmann::json::object(), this, [this](const engine::Result<engine::FitTable>& fits) {
            m_request = 0;
            if (!fits) return m_note->setText(words(fits.error()).oneLine());
            m_fits = *fits;
            showTable();
        });
    showState();
}

void FitDialog::showState() {
    if (!m_fits.rows.empty()) return;
    setWindowTitle(tr("What fits on this computer"));
    m_head->setText(tr("What fits on this computer"));
    m_table->hide();
    m_note->setText(m_request != 0 && m_engine->isUsable()
                        ? tr("Asking the engine…")
                        : tr("The figures come from the engine's plan. %1.").arg(m_engine->stateWords()));
}

void FitDialog::showTable() {
    const QString title = m_fits.cuda ? tr("What fits on this card") : tr("What fits on this computer");
    setWindowTitle(title);
    m_head->setText(tr("%1: %2, %3 (%4 free now)")
                        .arg(title, QString::fromStdString(m_fits.device), memoryText(m_fits.memory),
                             memoryText(m_fits.memoryFree)));
    QStringList heads{tr("Model"), tr("Parameters")};
    for (const engine::FitSetting& setting : m_fits.settings)
        heads << settingName(setting);
    m_model->clear();
    m_model->setHorizontalHeaderLabels(heads);
    const QIcon good = widgets::themeIcon(QStringLiteral("check"), Theme::color(Token::Ok));
    const QIcon over = widgets::themeIcon(QStringLiteral("err"), Theme::color(Token::Err));
    for (const engine::FitRow& fit : m_fits.rows) {
        const auto cell = [](const QString& text) {
            auto* item = new QStandardItem(text);
            item->setEditable(false);
            return item;
        };
        const QString model = QString::fromStdString(fit.model);
        QList<QStandardItem*> row{cell(model),
                                  cell(tr("%1 B").arg(static_cast<double>(fit.parameters) / 1e9, 0, 'f', 1))};
        for (std::size_t i = 0; i < fit.needed.size(); ++i) {
            const bool fits = fit.needed[i] <= m_fits.memory;
            auto* item = cell(memoryText(fit.needed[i]));
            item->setIcon(fits ? good : over);
            if (!fits) item->setForeground(Theme::color(Token::Text2));
            const QString sentence =
                (fits ? tr("%1, %2: fits, needs %3") : tr("%1, %2: does not fit, needs %3"))
                    .arg(model, settingName(m_fits.settings[i]), memoryText(fit.needed[i]));
            item->setToolTip(sentence);
            item->setData(sentence, Qt::AccessibleTextRole);
            row << item;
        }
        for (int i = 1; i < row.size(); ++i) {
            row[i]->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
            row[i]->setFont(widgets::numberFont());
        }
        m_model->appendRow(row);
    }
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
    for (int i = 1; i < m_model->columnCount(); ++i)
        m_model->horizontalHeaderItem(i)->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
    m_model->horizontalHeaderItem(0)->setTextAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    m_table->show();
    m_note->setText(tr("Memory that the plan asks for with rows of %1 tokens and the other settings as they "
                       "come; the check "
                       "is against all of the memory. Upcycle plans your own model and measures a step.")
                        .arg(withThousands(m_fits.sequenceLength)));
}

void FitDialog::changeEvent(QEvent* event) {
    QDialog::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && m_model != nullptr && !m_fits.rows.empty()) showTable();
}

}  // namespace caravan::ui

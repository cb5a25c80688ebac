// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/command_palette.h"

#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/theme/style_paint.h"
#include "ui/theme/theme.h"

namespace caravan::ui {
namespace {

constexpr int kItemRole = Qt::UserRole, kRightRole = Qt::UserRole + 1, kGroupRole = Qt::UserRole + 2;

class PaletteDelegate : public QStyledItemDelegate {
  public:
    using QStyledItemDelegate::QStyledItemDelegate;
    QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override { return {100, 32}; }
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        if (option.state & QStyle::State_Selected)
            stylepaint::box(painter, QRectF(option.rect).adjusted(6, 1, -6, -1), Theme::color(Token::Soft),
                            QColor());
        const bool enabled = index.flags() & Qt::ItemIsEnabled;
        const QRect row = option.rect.adjusted(18, 0, -18, 0);
        index.data(Qt::DecorationRole)
            .value<QIcon>()
            .paint(painter, QRect(row.x(), row.center().y() - 7, 16, 16));
        painter->setFont(widgets::textFont(widgets::TextRole::Body));
        painter->setPen(Theme::color(enabled ? Token::Text : Token::Text3));
        painter->drawText(row.adjusted(28, 0, -150, 0), Qt::AlignVCenter, index.data().toString());
        painter->setFont(widgets::textFont(widgets::TextRole::Secondary));
        painter->setPen(Theme::color(Token::Text2));
        painter->drawText(row, Qt::AlignVCenter | Qt::AlignRight, index.data(kRightRole).toString());
    }
};

}  // namespace

CommandPalette::CommandPalette(QWidget* window) : QFrame(window) {
    setAccessibleName(tr("Command palette"));
    setFocusPolicy(Qt::NoFocus);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(10, 10, 10, 8);
    layout->setSpacing(8);
    m_query = new QLineEdit;
    m_query->setPlaceholderText(tr("Actions and runs"));
    m_query->setAccessibleName(tr("Find an action or a run"));
    m_query->setProperty("noFocusRing", true);
    m_query->addAction(widgets::themeIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    m_list = new QListWidget;
    m_list->setItemDelegate(new PaletteDelegate(m_list));
    m_list->setFocusPolicy(Qt::NoFocus);
    m_list->setMouseTracking(true);
    m_list->setUniformItemSizes(true);
    m_list->viewport()->setAutoFillBackground(false);
    layout->addWidget(m_query);
    layout->addWidget(m_list);
    m_query->installEventFilter(this);
    connect(m_query, &QLineEdit::textChanged, this, &CommandPalette::filter);
    connect(m_list, &QListWidget::itemClicked, this, &CommandPalette::run);
    hide();
}

int CommandPalette::score(const QString& text, const QString& query) {
    if (query.isEmpty()) return 1000;
    const QString t = text.toCaseFolded(), q = query.toCaseFolded();
    if (t.startsWith(q)) return 0;
    const int word = static_cast<int>(t.indexOf(QLatin1Char(' ') + q));
    if (word >= 0) return 10 + word;
    const int inside = static_cast<int>(t.indexOf(q));
    if (inside >= 0) return 200 + inside;
    int at = 0;
    for (const QChar c : t)
        if (at < q.size() && c == q[at]) ++at;
    return at == q.size() ? 500 : -1;
}

void CommandPalette::open(QVector<Item> items) {
    m_items = std::move(items);
    const int width = std::min(640, parentWidget()->width() - 40);
    setGeometry((parentWidget()->width() - width) / 2, 60, width,
                std::min(440, parentWidget()->height() - 100));
    m_query->clear();
    filter();
    show();
    raise();
    m_query->setFocus(Qt::OtherFocusReason);
}

void CommandPalette::filter() {
    QString query = m_query->text().trimmed();
    const QChar prefix = query.isEmpty() ? QChar() : query[0];
    const QString only = prefix == QLatin1Char('>')   ? tr("Actions")
                         : prefix == QLatin1Char('#') ? tr("Runs")
                                                      : QString();
    if (!only.isEmpty()) query = query.mid(1).trimmed();
    QVector<std::pair<int, int>> ranked;
    for (int i = 0; i < m_items.size(); ++i) {
        if (!only.isEmpty() && m_items[i].group != only) continue;
        const int points = score(m_items[i].text, query);
        if (points >= 0) ranked << std::pair{points + (m_items[i].enabled ? 0 : 2000), i};
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    m_list->clear();
    for (const auto& [points, i] : ranked) {
        auto* row = new QListWidgetItem(m_items[i].text, m_list);
        row->setData(kItemRole, i);
        row->setData(kRightRole, m_items[i].right.isEmpty() ? m_items[i].group : m_items[i].right);
        row->setIcon(
            widgets::themeIcon(m_items[i].icon.isEmpty() ? QStringLiteral("right") : m_items[i].icon));
        if (!m_items[i].enabled) row->setFlags(Qt::NoItemFlags);
    }
    m_list->setCurrentRow(0);
}

void CommandPalette::run() {
    QListWidgetItem* row = m_list->currentItem();
    if (!row || !(row->flags() & Qt::ItemIsEnabled)) return;
    const auto act = m_items[row->data(kItemRole).toInt()].act;
    hide();
    if (act) act();
}

bool CommandPalette::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_query && event->type() == QEvent::FocusOut) hide();
    if (watched == m_query && event->type() == QEvent::ShortcutOverride) {
        if (static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape) event->accept();
    }
    if (watched == m_query && event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        const int row = m_list->currentRow(), count = m_list->count();
        if (key == Qt::Key_Escape) {
            hide();
            return true;
        }
        if (key == Qt::Key_Return || key == Qt::Key_Enter) {
            run();
            return true;
        }
        const int move = key == Qt::Key_Down       ? 1
                         : key == Qt::Key_Up       ? -1
                         : key == Qt::Key_PageDown ? 10
                         : key == Qt::Key_PageUp   ? -10
                                                   : 0;
        if (move && count) {
            m_list->setCurrentRow(std::clamp(row + move, 0, count - 1));
            return true;
        }
    }
    return QFrame::eventFilter(watched, event);
}

void CommandPalette::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    stylepaint::box(&painter, rect(), Theme::color(Token::Raised), Theme::color(Token::ButtonLine), 1, 6);
}

}  // namespace caravan::ui

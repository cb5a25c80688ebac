// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/command_palette.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/shell/icon_label.h"
#include "ui/shell/key_chip.h"
#include "ui/theme/style_paint.h"
#include "widgets/chip.h"
#include "widgets/paint.h"

namespace caravan::ui {
namespace {

using Group = FoundItem::Group;
using widgets::TextRole;

constexpr int kItemRole = Qt::UserRole, kMatchRole = Qt::UserRole + 1;
constexpr int kRow = 33, kHeading = 28, kHead = 48, kFoot = 32;
constexpr int kMostOfGroup = 6;  // while every group is shown
constexpr int kMostOfOne = 200;  // while one is
constexpr Group kOrder[] = {Group::Pages,    Group::Actions, Group::Experts,
                            Group::Settings, Group::Runs,    Group::Help};

QString groupName(Group group) {
    switch (group) {
        case Group::Pages:
            return CommandPalette::tr("Pages");
        case Group::Actions:
            return CommandPalette::tr("Actions");
        case Group::Experts:
            return CommandPalette::tr("Experts");
        case Group::Settings:
            return CommandPalette::tr("Settings");
        case Group::Runs:
            return CommandPalette::tr("Runs");
        case Group::Help:
            break;
    }
    return CommandPalette::tr("Help");
}

struct Prefix {
    char16_t sign;
    Group group;
    const char* name;
};
constexpr Prefix kPrefixes[] = {{u'>', Group::Actions, QT_TRANSLATE_NOOP("CommandPalette", "actions")},
                                {u':', Group::Settings, QT_TRANSLATE_NOOP("CommandPalette", "settings")},
                                {u'@', Group::Experts, QT_TRANSLATE_NOOP("CommandPalette", "experts")},
                                {u'#', Group::Runs, QT_TRANSLATE_NOOP("CommandPalette", "runs")},
                                {u'?', Group::Help, QT_TRANSLATE_NOOP("CommandPalette", "help")}};

const Prefix* prefixOf(const QString& query) {
    for (const Prefix& prefix : kPrefixes)
        if (!query.isEmpty() && query[0] == QChar(prefix.sign)) return &prefix;
    return nullptr;
}

// The text with the part that matches in bold; its end.
int drawMatch(QPainter* painter, const QRect& room, const QString& text, const QString& match,
              const QFont& font) {
    QFont bold = font;
    bold.setWeight(QFont::DemiBold);
    const int at = match.isEmpty() ? -1 : static_cast<int>(text.indexOf(match, 0, Qt::CaseInsensitive));
    const int length = at < 0 ? 0 : static_cast<int>(match.size());
    const std::pair<QString, QFont> parts[] = {{text.left(std::max(at, 0)), font},
                                               {at < 0 ? QString() : text.mid(at, length), bold},
                                               {text.mid(at < 0 ? 0 : at + length), font}};
    int x = room.left();
    for (const auto& [part, face] : parts) {
        if (part.isEmpty() || x >= room.right()) continue;
        painter->setFont(face);
        const QString shown = painter->fontMetrics().elidedText(part, Qt::ElideRight, room.right() - x);
        painter->drawText(QRect(x, room.top(), room.right() - x, room.height()),
                          Qt::AlignVCenter | Qt::TextSingleLine, shown);
        x += painter->fontMetrics().horizontalAdvance(shown);
    }
    return x;
}

class PaletteDelegate : public QStyledItemDelegate {
  public:
    PaletteDelegate(const QVector<FoundItem>* items, QObject* parent)
        : QStyledItemDelegate(parent), m_items(items) {}
    QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const override {
        return {100, index.data(kItemRole).isValid() ? kRow : kHeading};
    }
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        painter->save();
        const QRect row = option.rect.adjusted(18, 0, -18, 0);
        const QVariant number = index.data(kItemRole);
        if (!number.isValid()) {
            painter->setFont(widgets::textFont(TextRole::Secondary));
            QFont font = painter->font();
            font.setWeight(QFont::DemiBold);
            painter->setFont(font);
            painter->setPen(Theme::color(Token::Text2));
            painter->drawText(row.adjusted(0, 6, 0, 0), Qt::AlignVCenter, index.data().toString());
        } else if (number.toInt() < m_items->size()) {
            paintItem(painter, option, row, (*m_items)[number.toInt()], index.data(kMatchRole).toString());
        }
        painter->restore();
    }

  private:
    static void paintItem(QPainter* painter, const QStyleOptionViewItem& option, const QRect& row,
                          const FoundItem& item, const QString& match) {
        const bool selected = option.state & QStyle::State_Selected;
        if (selected) {
            painter->fillRect(option.rect, Theme::color(Token::Soft));
            painter->fillRect(QRect(option.rect.topLeft(), QSize(3, option.rect.height())),
                              Theme::color(Token::Accent));
        }
        if (item.expert >= 0)
            widgets::drawExpertChip(*painter, QRectF(row.left(), row.center().y() - 8, 18, 18), item.expert);
        else
            widgets::themeIcon(item.icon.isEmpty() ? QStringLiteral("right") : item.icon,
                               Theme::color(item.enabled ? Token::Text : Token::Text3))
                .paint(painter, QRect(row.left() + 1, row.center().y() - 7, 16, 16));
        int right = row.right();
        if (!item.keys.isEmpty()) {
            const int width = keyChipWidth(item.keys);
            drawKeyChip(painter, QRectF(right - width, row.center().y() - 9, width, 20), item.keys);
            right -= width + 12;
        }
        if (selected && !item.verb.isEmpty()) {
            painter->setFont(widgets::textFont(TextRole::Secondary));
            painter->setPen(Theme::color(Token::Accent));
            const int width = painter->fontMetrics().horizontalAdvance(item.verb);
            painter->drawText(QRect(right - width, row.top(), width + 1, row.height()), Qt::AlignVCenter,
                              item.verb);
            right -= width + 12;
        }
        painter->setPen(Theme::color(item.enabled ? Token::Text : Token::Text3));
        QRect room(row.left() + 31, row.top(), right - row.left() - 31, row.height());
        const int end = drawMatch(painter, room, item.text, match, widgets::textFont(TextRole::Body));
        room.setLeft(end + 12);
        if (room.width() < 24 || item.note.isEmpty()) return;
        painter->setPen(Theme::color(item.enabled ? Token::Text2 : Token::Text3));
        drawMatch(painter, room, item.note, match, widgets::textFont(TextRole::Secondary));
    }

    const QVector<FoundItem>* m_items;
};

// The signs that narrow the search, and the keys.
class PaletteFoot : public QWidget {
  public:
    explicit PaletteFoot(QWidget* parent) : QWidget(parent) { setFixedHeight(kFoot); }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        painter.fillRect(QRect(1, 0, width() - 2, 1), Theme::color(Token::Line));
        const QFont font = widgets::textFont(TextRole::Caption);
        int x = 18;
        for (const Prefix& prefix : kPrefixes) {
            const QString sign{QChar(prefix.sign)};
            const int width = keyChipWidth(sign);
            drawKeyChip(&painter, QRectF(x, height() / 2.0 - 9, width, 18), sign);
            x += width + 5;
            painter.setFont(font);
            painter.setPen(Theme::color(Token::Text2));
            const QString name = QCoreApplication::translate("CommandPalette", prefix.name);
            painter.drawText(QRect(x, 0, 200, height()), Qt::AlignVCenter, name);
            x += painter.fontMetrics().horizontalAdvance(name) + 14;
        }
        const QString keys = CommandPalette::tr("Tab completes, Enter runs");
        if (x + painter.fontMetrics().horizontalAdvance(keys) + 18 < width())
            painter.drawText(rect().adjusted(0, 0, -18, 0), Qt::AlignVCenter | Qt::AlignRight, keys);
    }
};

}  // namespace

CommandPalette::CommandPalette(QWidget* window) : QFrame(window) {
    setAccessibleName(tr("Command palette"));
    setFocusPolicy(Qt::NoFocus);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(1, 1, 1, 1);
    layout->setSpacing(0);
    m_query = new QLineEdit;
    m_query->setFrame(false);
    m_query->setFixedHeight(kHead - 1);
    m_query->setFont(widgets::textFont(TextRole::Chat));
    m_query->setPlaceholderText(tr("Actions, settings, runs, experts"));
    m_query->setAccessibleName(tr("Find an action, a setting, a run or an expert"));
    m_query->setProperty("noFocusRing", true);
    m_query->setAttribute(Qt::WA_MacShowFocusRect, false);
    auto* icon = new QLabel;
    showIcon(icon, QStringLiteral("search"), Theme::color(Token::Text2));
    auto* head = new QHBoxLayout;
    head->setContentsMargins(18, 0, 16, 0);
    head->setSpacing(12);
    head->addWidget(icon);
    head->addWidget(m_query, 1);
    head->addWidget(new KeyChip(tr("Esc")));
    auto* line = new Surface(Token::Line);
    line->setFixedHeight(1);
    m_list = new QListWidget;
    m_list->setItemDelegate(new PaletteDelegate(&m_items, m_list));
    m_list->setAccessibleName(tr("Found"));
    m_list->setFocusPolicy(Qt::NoFocus);
    m_list->setMouseTracking(true);
    m_list->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_list->viewport()->setAutoFillBackground(false);
    layout->addLayout(head);
    layout->addWidget(line);
    layout->addWidget(m_list, 1);
    layout->addWidget(new PaletteFoot(this));
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
    m_list->clear();
    m_items = std::move(items);
    const int width = std::min(640, parentWidget()->width() - 40);
    setGeometry((parentWidget()->width() - width) / 2, 40, width,
                std::min(466, parentWidget()->height() - 100));
    m_query->clear();
    filter();
    show();
    raise();
    m_query->setFocus(Qt::OtherFocusReason);
}

QString CommandPalette::words() const {
    const QString query = m_query->text().trimmed();
    return prefixOf(query) != nullptr ? query.mid(1).trimmed() : query;
}

void CommandPalette::filter() {
    const Prefix* only = prefixOf(m_query->text().trimmed());
    const QString query = words();
    m_list->clear();
    int best = -1, bestPoints = 0;
    for (const Group group : kOrder) {
        if (only != nullptr && only->group != group) continue;
        QVector<std::pair<int, int>> ranked;
        for (int i = 0; i < m_items.size(); ++i) {
            if (m_items[i].group != group) continue;
            int points = score(m_items[i].text, query);
            if (const int note = score(m_items[i].note, query); points < 0 && note >= 0 && note < 500)
                points = 600 + note;  // found by what is said of it
            if (points >= 0) ranked << std::pair{points + (m_items[i].enabled ? 0 : 2000), i};
        }
        if (ranked.isEmpty()) continue;
        std::stable_sort(ranked.begin(), ranked.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        const bool whole = only != nullptr || group == Group::Pages;  // a page is never left out
        ranked.resize(std::min<qsizetype>(ranked.size(), whole ? kMostOfOne : kMostOfGroup));
        if (best < 0 || ranked.first().first < bestPoints) {
            best = m_list->count() + 1;  // behind the heading
            bestPoints = ranked.first().first;
        }
        addGroup(group, ranked);
    }
    if (best >= 0) m_list->setCurrentRow(best);
    if (best == 1) m_list->scrollToTop();
}

void CommandPalette::addGroup(Group group, const QVector<std::pair<int, int>>& ranked) {
    auto* heading = new QListWidgetItem(groupName(group), m_list);
    heading->setFlags(Qt::NoItemFlags);
    for (const auto& [points, i] : ranked) {
        auto* row = new QListWidgetItem(m_items[i].text, m_list);
        row->setData(kItemRole, i);
        row->setData(kMatchRole, words());
        row->setData(Qt::AccessibleTextRole, m_items[i].text + QLatin1Char(' ') + m_items[i].note);
        if (!m_items[i].enabled) row->setFlags(Qt::ItemIsSelectable);
    }
}

void CommandPalette::run() {
    QListWidgetItem* row = m_list->currentItem();
    if (!row || !row->data(kItemRole).isValid() || !(row->flags() & Qt::ItemIsEnabled)) return;
    const auto act = m_items[row->data(kItemRole).toInt()].act;
    hide();
    if (act) act();
}

void CommandPalette::move(int by) {
    const int count = m_list->count();
    if (count == 0) return;
    int row = std::clamp(m_list->currentRow() + by, 0, count - 1);
    while (row >= 0 && row < count && !m_list->item(row)->data(kItemRole).isValid())
        row += by < 0 ? -1 : 1;  // over headings
    if (row < 0 || row >= count) return;
    m_list->setCurrentRow(row);
    if (row == 1) m_list->scrollToTop();
}

void CommandPalette::complete() {
    const QListWidgetItem* row = m_list->currentItem();
    if (row == nullptr) return;
    const Prefix* only = prefixOf(m_query->text().trimmed());
    m_query->setText((only != nullptr ? QString(QChar(only->sign)) : QString()) + row->text());
}

bool CommandPalette::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_query && event->type() == QEvent::FocusOut) hide();
    if (watched == m_query && event->type() == QEvent::ShortcutOverride) {
        if (static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape) event->accept();
    }
    if (watched == m_query && event->type() == QEvent::KeyPress) {
        switch (static_cast<QKeyEvent*>(event)->key()) {
            case Qt::Key_Escape:
                hide();
                return true;
            case Qt::Key_Return:
            case Qt::Key_Enter:
                run();
                return true;
            case Qt::Key_Tab:
                complete();
                return true;
            case Qt::Key_Down:
                move(1);
                return true;
            case Qt::Key_Up:
                move(-1);
                return true;
            case Qt::Key_PageDown:
                move(10);
                return true;
            case Qt::Key_PageUp:
                move(-10);
                return true;
            default:
                break;
        }
    }
    return QFrame::eventFilter(watched, event);
}

void CommandPalette::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    stylepaint::box(&painter, rect(), Theme::color(Token::Raised), Theme::color(Token::Control), 1, 6);
}

}  // namespace caravan::ui

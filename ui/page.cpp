// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/page.h"

#include <QAction>
#include <QDockWidget>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/shell/surface.h"

namespace caravan::ui {

using widgets::TextRole;

namespace {

// Short of room, the buttons at a header's right lose their words, from the left, and keep their icons; the
// words stay as tool tip and accessible name.
class ShortButtons : public QObject {
  public:
    ShortButtons(QWidget* header, QHBoxLayout* buttons)
        : QObject(header), m_header(header), m_buttons(buttons) {
        header->installEventFilter(this);
    }
    bool eventFilter(QObject*, QEvent* event) override {
        if (event->type() == QEvent::Resize || event->type() == QEvent::LayoutRequest ||
            event->type() == QEvent::Show)
            fit();
        return false;
    }

  private:
    static constexpr const char *kWords = "words", *kShort = "short";

    [[nodiscard]] QList<QPushButton*> shown() const {
        QList<QPushButton*> list;
        for (int i = 0; i < m_buttons->count(); ++i)
            if (auto* button = qobject_cast<QPushButton*>(m_buttons->itemAt(i)->widget());
                button != nullptr && !button->isHidden())
                list << button;
        return list;
    }

    // Every change asks for a layout, which comes back here: nothing is done for what was seen before.
    void fit() {
        const QList<QPushButton*> buttons = shown();
        QString seen = QString::number(m_header->width());
        for (QPushButton* button : buttons) {
            if (!button->text().isEmpty()) {
                if (button->property(kShort).toBool()) m_seen.clear();  // its words came back
                button->setProperty(kWords, button->text());
            }
            seen += QLatin1Char('|') + button->property(kWords).toString();
        }
        seen += QString::number(others());
        if (seen == m_seen) return;
        m_seen = seen;
        for (QPushButton* button : buttons) {
            button->setText(button->property(kWords).toString());
            button->setProperty(kShort, false);
        }
        for (QPushButton* button : buttons) {
            m_header->layout()->invalidate();
            if (m_header->layout()->totalMinimumSize().width() <= m_header->width()) break;
            if (button->icon().isNull()) continue;
            const QString words = button->text();
            if (button->accessibleName().isEmpty()) button->setAccessibleName(words);
            if (button->toolTip().isEmpty()) button->setToolTip(words);
            button->setText(QString());
            button->setProperty(kShort, true);
        }
    }
    // What the rest of the header needs.
    [[nodiscard]] int others() const {
        int width = 0;
        for (const QWidget* child : m_header->findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly))
            if (!child->isHidden() && qobject_cast<const QPushButton*>(child) == nullptr)
                width += child->minimumSizeHint().width();
        return width;
    }

    QWidget* m_header;
    QHBoxLayout* m_buttons;
    QString m_seen;
};

}  // namespace

Page::Page(const QString& id, const QString& title, const Services& services, QWidget* parent)
    : QMainWindow(parent, Qt::Widget), m_id(id), m_title(title), m_services(services) {
    setObjectName(id);
    setAccessibleName(title);
    setDockNestingEnabled(true);
    setContextMenuPolicy(Qt::NoContextMenu);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    auto* top = new QWidget;
    m_bars = new QVBoxLayout(top);
    m_bars->setContentsMargins(0, 0, 0, 0);
    m_bars->setSpacing(0);
    m_header = new Surface(Token::Base, Surface::Bottom);
    m_header->setFixedHeight(56);
    m_header->setAccessibleName(tr("Page header"));
    auto* row = new QHBoxLayout(m_header);
    row->setContentsMargins(24, 0, 16, 1);
    row->setSpacing(8);
    row->addWidget(new ThemedLabel(title, TextRole::Title, Token::Text));
    m_left = new QHBoxLayout;
    m_left->setSpacing(8);
    m_context = new ThemedLabel(QString(), TextRole::Body, Token::Text2);
    m_context->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_context->hide();
    m_right = new QHBoxLayout;
    m_right->setSpacing(12);
    row->addSpacing(4);
    row->addLayout(m_left);
    row->addWidget(m_context, 1);
    row->addStretch(0);
    row->addLayout(m_right);
    new ShortButtons(m_header, m_right);
    m_bars->addWidget(m_header);
    setMenuWidget(top);
}

void Page::setProject(ProjectContext* project) {
    m_project = project;
}
void Page::showRun(const QString&) {}
void Page::openLink(const QVariantMap&) {}
void Page::setActive(bool active) {
    m_active = active;
}
bool Page::takeDrop(const QStringList&) {
    return false;
}

void Page::setDragging(bool) {}

QList<QWidget*> Page::panes() const {
    QList<QWidget*> result{m_header};
    if (centralWidget()) result << centralWidget();
    for (QDockWidget* dock : findChildren<QDockWidget*>(QString(), Qt::FindDirectChildrenOnly))
        if (dock->isVisible() && dock->widget()) result << dock->widget();
    return result;
}

void Page::setContextText(const QString& text) {
    m_context->setText(text);
    m_context->setVisible(!text.isEmpty());
}

void Page::addHeaderWidget(QWidget* widget) {
    m_left->addWidget(widget);
}
void Page::addHeaderButton(QWidget* button) {
    m_right->addWidget(button);
}
void Page::addBar(QWidget* bar) {
    m_bars->addWidget(bar);
}

void Page::hostMessages(QWidget* messages) {
    m_bars->addWidget(messages);
}

void Page::setWindowTitlePart(const QString& text) {
    if (m_windowTitlePart == text) return;
    m_windowTitlePart = text;
    Q_EMIT statusChanged();
}

}  // namespace caravan::ui

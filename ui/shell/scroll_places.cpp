// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/scroll_places.h"

#include <QEvent>
#include <QHeaderView>
#include <QPlainTextEdit>
#include <QScrollBar>
#include <QSettings>
#include <QTextEdit>
#include <algorithm>

#include "ui/page.h"
#include "ui/pages/chat/chat_view.h"
#include "ui/project_context.h"
#include "ui/shell/last_places.h"

namespace caravan::ui {
namespace {

constexpr int kKeepAfter = 4000;  // ms
constexpr int kSettleFor = 1000;  // ms in which what a page does while it fills does not move a list
const QString kKey = QStringLiteral("scroll");

// A conversation stands at its end, text fields where the cursor is, headers follow their table.
bool hasAPlace(const QAbstractScrollArea* area, const Page* page) {
    return area->window() == page->window() && qobject_cast<const QHeaderView*>(area) == nullptr &&
           qobject_cast<const QTextEdit*>(area) == nullptr &&
           qobject_cast<const QPlainTextEdit*>(area) == nullptr &&
           qobject_cast<const ChatView*>(area) == nullptr;
}

}  // namespace

ScrollPlaces::ScrollPlaces(ProjectContext* project, const QList<Page*>& pages)
    : QObject(project), m_group(LastPlaces::groupOf(project->folder())) {
    QSettings settings;
    settings.beginGroup(m_group);
    m_kept = settings.value(kKey).toMap();
    m_soon.setSingleShot(true);
    m_soon.setInterval(kKeepAfter);
    connect(&m_soon, &QTimer::timeout, this, &ScrollPlaces::keep);
    for (const Page* page : pages)
        for (auto* area : page->findChildren<QAbstractScrollArea*>())
            if (hasAPlace(area, page)) add(page, area, m_kept);
    if (!pages.isEmpty()) pages.first()->window()->installEventFilter(this);
}

void ScrollPlaces::add(const Page* page, QAbstractScrollArea* area, const QVariantMap& kept) {
    const QString name = area->accessibleName().isEmpty()
                             ? QString::fromLatin1(area->metaObject()->className())
                             : area->accessibleName();
    const QString first = page->id() + QLatin1Char('/') + name;
    QString key = first;
    for (int i = 2;
         std::any_of(m_places.begin(), m_places.end(), [&](const Place& place) { return place.key == key; });
         ++i)
        key = first + QLatin1Char(' ') + QString::number(i);
    const std::size_t index = m_places.size();
    m_places.push_back({area, key, kept.value(key, -1).toInt()});
    QScrollBar* bar = area->verticalScrollBar();
    // Later: the view that scrolls is in the midst of it.
    const auto later = [this, index] {
        if (m_places[index].wanted < 0) return m_soon.start();
        QMetaObject::invokeMethod(
            this, [this, index] { settle(index); }, Qt::QueuedConnection);
    };
    connect(bar, &QScrollBar::rangeChanged, this, later);
    connect(bar, &QScrollBar::valueChanged, this, later);
    for (QObject* watched :
         {static_cast<QObject*>(area), static_cast<QObject*>(area->viewport()), static_cast<QObject*>(bar)})
        watched->installEventFilter(this);
    settle(index);
}

void ScrollPlaces::settle(std::size_t index) {
    Place& place = m_places[index];
    if (place.wanted < 0 || place.area == nullptr) return;
    QScrollBar* bar = place.area->verticalScrollBar();
    if (bar->maximum() < place.wanted) return;
    bar->setValue(place.wanted);
    if (std::exchange(place.reached, true)) return;
    QTimer::singleShot(kSettleFor, this, [this, index] { m_places[index].wanted = -1; });
}

bool ScrollPlaces::eventFilter(QObject* watched, QEvent* event) {
    switch (event->type()) {
        case QEvent::Close:
            if (!m_places.empty() && m_places.front().area != nullptr &&
                watched == m_places.front().area->window())
                keep();
            break;
        case QEvent::Wheel:
        case QEvent::KeyPress:
        case QEvent::MouseButtonPress:
            for (Place& place : m_places)
                if (place.area != nullptr && (watched == place.area || watched == place.area->viewport() ||
                                              watched == place.area->verticalScrollBar()))
                    place.wanted = -1;
            break;
        default:
            break;
    }
    return false;
}

void ScrollPlaces::keep() {
    m_soon.stop();
    QVariantMap now;
    for (const Place& place : m_places) {
        if (place.area == nullptr) continue;
        const int value = place.wanted >= 0 ? place.wanted : place.area->verticalScrollBar()->value();
        if (value > 0) now.insert(place.key, value);
    }
    if (now == m_kept) return;
    m_kept = now;
    QSettings settings;
    settings.beginGroup(m_group);
    settings.setValue(kKey, now);
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QPointer>
#include <QTimer>
#include <QVariantMap>
#include <vector>

class QAbstractScrollArea;

namespace caravan::ui {

class Page;
class ProjectContext;

// Where the lists of a project's pages were scrolled to comes back with it, also in the next window. Lists
// fill later than they are made: a place is wanted until its list is long enough, and given up as soon as
// somebody scrolls. Lives as long as the project, which owns it.
class ScrollPlaces : public QObject {
    Q_OBJECT
  public:
    ScrollPlaces(ProjectContext* project, const QList<Page*>& pages);
    // Into the settings, where something moved. Called before the pages lose the project; by itself a while
    // after the last scrolling and when the window closes.
    void keep();

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    struct Place {
        QPointer<QAbstractScrollArea> area;
        QString key;      // page, name, number among those of the same name
        int wanted = -1;  // px or rows, as the area counts; -1 = it is the user's
        bool reached = false;
    };
    void add(const Page* page, QAbstractScrollArea* area, const QVariantMap& kept);
    void settle(std::size_t index);

    QString m_group;  // in the settings
    QVariantMap m_kept;
    std::vector<Place> m_places;
    QTimer m_soon;  // settings are written through to the disk: not at every turn of the wheel
};

}  // namespace caravan::ui

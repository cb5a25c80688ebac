// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "ui/routing_view.h"

namespace caravan::widgets {
class Segmented;
}

namespace caravan::ui {

// 44 px bar: domain, choice, count or gate weight, whose tokens; the color scale at the right. Segments
// become combo boxes from the right when short of room.
class RoutingFilters : public QWidget {
    Q_OBJECT
  public:
    explicit RoutingFilters(QWidget* parent = nullptr);
    void setShape(const QStringList& domains, int topK);
    [[nodiscard]] RoutingFilter filter() const;
    void cycleDomain();
    void cycleChoice();
    // "token count ÷ ideal, answer tokens, Code, first choice"
    [[nodiscard]] QString words() const;
    [[nodiscard]] widgets::Segmented* domain() const { return m_domain; }
    [[nodiscard]] widgets::Segmented* choice() const { return m_choice; }
    [[nodiscard]] widgets::Segmented* measure() const { return m_measure; }
    [[nodiscard]] widgets::Segmented* role() const { return m_role; }

  Q_SIGNALS:
    void changed();

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

  private:
    void fit();
    QWidget* m_domainWord;
    QWidget* m_scale;
    widgets::Segmented* m_domain;
    widgets::Segmented* m_choice;
    widgets::Segmented* m_measure;
    widgets::Segmented* m_role;
};

}  // namespace caravan::ui

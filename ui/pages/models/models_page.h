// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <QTimer>

#include "ui/page.h"

class QLineEdit;
class QSplitter;
class QStackedWidget;
class QTreeView;

namespace caravan::ui {

class DropStrip;
class ImportDialog;
class ModelDetails;
class ModelTree;

// What models there are, what each is, and whether it can be upcycled; if not, why.
class ModelsPage : public Page {
    Q_OBJECT
  public:
    ModelsPage(const Services& services, QWidget* parent);
    void setProject(ProjectContext* project) override;
    void setActive(bool active) override;
    void openLink(const QVariantMap& arguments) override;
    bool takeDrop(const QStringList& paths) override;
    void setDragging(bool dragging) override;
    [[nodiscard]] QAction* mainAction() const override { return m_upcycle; }
    [[nodiscard]] QStringList keyHints() const override;
    [[nodiscard]] QString statusFact() const override;
    [[nodiscard]] QString selectedPath() const;
    void select(const QString& path);

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void makeActions();
    [[nodiscard]] QWidget* makeList();
    void refresh();
    void selectionChanged();
    void upcycle();
    void chat();
    void importModel();

    ModelTree* m_tree;
    QTreeView* m_view = nullptr;
    QLineEdit* m_filter = nullptr;
    QStackedWidget* m_stack = nullptr;  // list, or the drop strip alone
    QSplitter* m_splitter = nullptr;
    DropStrip *m_strip = nullptr, *m_emptyStrip = nullptr;
    ModelDetails* m_details = nullptr;
    QAction *m_upcycle = nullptr, *m_chat = nullptr, *m_add = nullptr, *m_import = nullptr,
            *m_refresh = nullptr, *m_remove = nullptr;
    QPointer<ImportDialog> m_importing;
    QString m_wanted;  // selected as soon as it is in the list
    bool m_stale = true;
};

[[nodiscard]] Page* makeModelsPage(const Services& services, QWidget* parent);

}  // namespace caravan::ui

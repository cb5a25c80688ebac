// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/page.h"

class QComboBox;
class QTableView;

namespace caravan::widgets {
class Segmented;
}

namespace caravan::ui {

class ShortcutsModel;
class ThemedLabel;

// Colors, what closing the window does to a run, the engine's device, folders, keys. Everything is kept at
// once.
class SettingsPage : public Page {
    Q_OBJECT
  public:
    SettingsPage(const Services& services, QWidget* parent);
    void setActive(bool active) override;
    void openLink(const QVariantMap& arguments) override;  // {"control": index of found()}
    [[nodiscard]] QStringList keyHints() const override;
    [[nodiscard]] QVector<FoundItem> found() const override;  // colors, closing, device, with their values

    // For tests.
    [[nodiscard]] widgets::Segmented* colors() const { return m_colors; }
    [[nodiscard]] QComboBox* closing() const { return m_closing; }
    [[nodiscard]] QComboBox* device() const { return m_device; }
    [[nodiscard]] QPushButton* restartButton() const { return m_restart; }
    [[nodiscard]] ShortcutsModel* shortcuts() const { return m_shortcuts; }

  private:
    [[nodiscard]] QWidget* makeGeneral();
    [[nodiscard]] QWidget* makeFolders();
    [[nodiscard]] QWidget* makeKeys();
    void refresh();
    void renewEngine();

    widgets::Segmented* m_colors = nullptr;
    QComboBox* m_closing = nullptr;
    QComboBox* m_device = nullptr;
    ThemedLabel* m_deviceNote = nullptr;
    QPushButton* m_restart = nullptr;
    ShortcutsModel* m_shortcuts = nullptr;
    QTableView* m_keys = nullptr;
    ThemedLabel* m_refusal = nullptr;
};

[[nodiscard]] Page* makeSettingsPage(const Services& services, QWidget* parent);

}  // namespace caravan::ui

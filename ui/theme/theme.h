// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QDBusVariant>
#include <QObject>
#include <QPalette>

#include "widgets/theme_colors.h"

namespace caravan::ui {

enum class Scheme { System, Light, Dark };
enum class Token {
    Window,
    Base,
    Alt,
    Raised,
    Hover,
    Line,
    Grid,
    ButtonLine,
    Control,
    Text,
    Text2,
    Text3,
    Accent,
    AccentHover,
    OnAccent,
    Soft,
    Ok,
    OkBg,
    Warn,
    WarnBg,
    WarnLine,
    Err,
    ErrBg
};

// Loads a theme from resources/themes. Pure; used by Theme and by the contrast test.
[[nodiscard]] widgets::ThemeColors loadThemeColors(bool dark);
[[nodiscard]] QPalette paletteOf(const widgets::ThemeColors& colors);

// Light, dark or the system's. Sets the style, palette, fonts and the colours of painters for the whole
// application.
class Theme : public QObject {
    Q_OBJECT
  public:
    static Theme& instance();
    void install(Scheme scheme);    // once, after QApplication; sets the style
    void setScheme(Scheme scheme);  // kept in the settings
    [[nodiscard]] Scheme scheme() const { return m_scheme; }
    [[nodiscard]] bool isDark() const { return m_dark; }
    [[nodiscard]] static QColor color(Token token);
    [[nodiscard]] static bool reducedMotion();

  Q_SIGNALS:
    void changed();

  private Q_SLOTS:
    void portalSettingChanged(const QString& group, const QString& key, const QDBusVariant& value);

  private:
    Theme();
    void askPortal();
    void applyColors(bool dark);
    void takeSystemScheme(uint value);  // 1 dark, 2 light, 0 no preference

    Scheme m_scheme = Scheme::System;
    bool m_dark = false, m_systemDark = false, m_installed = false;
};

}  // namespace caravan::ui

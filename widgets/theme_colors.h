// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QIcon>
#include <QString>
#include <array>
#include <functional>
#include <vector>

namespace caravan::widgets {

// The colours that painters use, by role. ui/theme fills them from the theme's JSON with setThemeColors()
// before any widget exists and again when the scheme changes; widgets call update() in
// changeEvent(QEvent::PaletteChange). The defaults are the light theme, so that a widget alone (gallery,
// tests) looks right.
struct ThemeColors {
    bool dark = false;
    QColor window{0xF4F3EF}, base{0xFDFCFA}, alt{0xF8F7F3}, raised{0xFFFFFF}, hover{0xEEECE6};
    QColor line{0xE3E1DA}, grid{0xECEAE4}, btnline{0xC9C6BD}, ctl{0x8F8B82};
    QColor text{0x1F1E1B}, text2{0x5A5751}, text3{0x716E67};
    QColor accent{0x0A6876}, accentHover{0x08535E}, onAccent{0xFFFFFF}, soft{0xDDECED};
    QColor ok{0x1E7245}, okBg{0xE3F1E8}, warn{0x7A5200}, warnBg{0xFBF0D9}, warnLine{0xB98A2E}, err{0xAC2B21},
        errBg{0xFAE7E4};
    // Hue belongs to experts: expert e has colour experts[e % 8]; from 8 on hatched (expertHatched).
    std::array<QColor, 8> experts{QColor{0x4E6ED4}, QColor{0x7E3307}, QColor{0x0B5D48}, QColor{0x9B617C},
                                  QColor{0x79790E}, QColor{0x54427B}, QColor{0x30A0B3}, QColor{0xD67871}};
    std::array<QColor, 8> expertInk{QColor{0xFFFFFF}, QColor{0xFFFFFF}, QColor{0xFFFFFF}, QColor{0xFFFFFF},
                                    QColor{0xFFFFFF}, QColor{0xFFFFFF}, QColor{0x1F1E1B}, QColor{0x1F1E1B}};
    std::vector<QColor> loadMap{QColor{0x1F5C94}, QColor{0x7D9CBC}, QColor{0xF1EFEA}, QColor{0xC89275},
                                QColor{0xA0480A}};
    std::vector<QColor> shareMap{QColor{0xF1EFEA}, QColor{0xB8C5C5}, QColor{0x819DA1}, QColor{0x4B757E},
                                 QColor{0x07505C}};

    [[nodiscard]] const QColor& expert(int e) const { return experts[static_cast<std::size_t>(e % 8)]; }
    [[nodiscard]] const QColor& inkOn(int e) const { return expertInk[static_cast<std::size_t>(e % 8)]; }
    [[nodiscard]] static bool expertHatched(int e) { return (e / 8) % 2 == 1; }
};

// The application-wide value; GUI thread only.
[[nodiscard]] const ThemeColors& themeColors();
void setThemeColors(const ThemeColors& colors);

// Colour maps, interpolated in OKLab between evenly spaced stops.
[[nodiscard]] QColor mixOklab(const QColor& a, const QColor& b, double t);
[[nodiscard]] QColor mapColor(const std::vector<QColor>& stops,
                              double position);  // position in [0, 1], clamped
// Load over its ideal share: log2, 1/range .. range (default 4) over the map, 1 in the middle.
[[nodiscard]] QColor loadColor(double loadOverIdeal, double range = 4.0);
// Share, probability, similarity: fraction of the shown maximum, 0 .. 1.
[[nodiscard]] QColor shareColor(double fraction);
// Text colour with the better contrast on `background`: the theme's text or base.
[[nodiscard]] QColor readableInk(const QColor& background);
[[nodiscard]] double contrastRatio(const QColor& a, const QColor& b);  // WCAG 2, 1 .. 21
// Background of a token chosen by an expert: mix(base, hue) with the gate weight 0.5 .. 1 (ui.md section 2).
[[nodiscard]] QColor expertTint(int expert, double gateWeight);

// Fonts of ui.md section 3: pixel sizes for a 13 px system font, scaled with it. Numbers are fixed width.
enum class TextRole {
    Title,
    Section,
    Body,
    DockTitle,
    Secondary,
    Caption,
    Number,
    ReadOut,
    LaneReadOut,
    Chat,
    Code
};
[[nodiscard]] QFont textFont(TextRole role);
[[nodiscard]] QFont numberFont(double pixels = 12.0);

// Icons of resources/icons, recoloured: normal = text, selected and checked = accent, disabled = text3.
// Filled by ui/theme.
[[nodiscard]] QIcon themeIcon(const QString& name);
[[nodiscard]] QIcon themeIcon(const QString& name, const QColor& color);

}  // namespace caravan::widgets

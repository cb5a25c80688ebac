// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/theme_colors.h"

#include <QApplication>
#include <QCache>
#include <QFile>
#include <QFontDatabase>
#include <QHash>
#include <QIconEngine>
#include <QPainter>
#include <QSvgRenderer>
#include <algorithm>
#include <cmath>

namespace caravan::widgets {
namespace {

ThemeColors& mutableColors() {
    static ThemeColors colors;
    return colors;
}

struct Oklab {
    double l, a, b;
};

double toLinear(double c) {
    return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
}
double toGamma(double c) {
    return c <= 0.0031308 ? 12.92 * c : 1.055 * std::pow(c, 1.0 / 2.4) - 0.055;
}

Oklab toOklab(const QColor& color) {
    const double r = toLinear(color.redF()), g = toLinear(color.greenF()), b = toLinear(color.blueF());
    const double l = std::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const double m = std::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const double s = std::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    return {0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
            1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
            0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

QColor fromOklab(const Oklab& c) {
    const double l = std::pow(c.l + 0.3963377774 * c.a + 0.2158037573 * c.b, 3);
    const double m = std::pow(c.l - 0.1055613458 * c.a - 0.0638541728 * c.b, 3);
    const double s = std::pow(c.l - 0.0894841775 * c.a - 1.2914855480 * c.b, 3);
    const auto channel = [](double v) { return static_cast<float>(std::clamp(toGamma(v), 0.0, 1.0)); };
    return QColor::fromRgbF(channel(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
                            channel(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
                            channel(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s));
}

double luminance(const QColor& c) {
    return 0.2126 * toLinear(c.redF()) + 0.7152 * toLinear(c.greenF()) + 0.0722 * toLinear(c.blueF());
}

// Draws an SVG whose strokes and fills are currentColor, in the colour that the theme gives for mode and
// state now.
class ThemeIconEngine : public QIconEngine {
  public:
    ThemeIconEngine(QByteArray svg, QColor fixed) : m_svg(std::move(svg)), m_fixed(std::move(fixed)) {}

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State state) override {
        QByteArray svg = m_svg;
        svg.replace("currentColor", colorOf(mode, state).name().toLatin1());
        read(svg).render(painter, rect);
    }
    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
        return scaledPixmap(size, mode, state, 1.0);
    }
    QPixmap scaledPixmap(const QSize& size, QIcon::Mode mode, QIcon::State state, qreal) override {
        QPixmap result(size);
        result.fill(Qt::transparent);
        QPainter painter(&result);
        paint(&painter, QRect({}, size), mode, state);
        return result;
    }
    [[nodiscard]] QIconEngine* clone() const override { return new ThemeIconEngine(m_svg, m_fixed); }

  private:
    // A page draws dozens whenever it is shown: none is parsed twice.
    static QSvgRenderer& read(const QByteArray& svg) {
        static QCache<QByteArray, QSvgRenderer> drawings(300);
        if (!drawings.contains(svg)) drawings.insert(svg, new QSvgRenderer(svg));
        return *drawings.object(svg);
    }
    [[nodiscard]] QColor colorOf(QIcon::Mode mode, QIcon::State state) const {
        const ThemeColors& colors = themeColors();
        if (mode == QIcon::Disabled) return colors.text3;
        if (m_fixed.isValid()) return m_fixed;
        return mode == QIcon::Selected || state == QIcon::On ? colors.accent : colors.text;
    }
    QByteArray m_svg;
    QColor m_fixed;
};

QByteArray iconData(const QString& name) {
    static QHash<QString, QByteArray> cache;
    auto found = cache.find(name);
    if (found == cache.end()) {
        QFile file(QStringLiteral(":/icons/%1.svg").arg(name));
        found = cache.insert(name, file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray());
    }
    return *found;
}

struct RoleFont {
    double pixels;
    int weight;
    bool fixed;
};
RoleFont roleFont(TextRole role) {
    switch (role) {
        case TextRole::Title:
            return {18, QFont::DemiBold, false};
        case TextRole::Section:
            return {13, QFont::DemiBold, false};
        case TextRole::Body:
            return {13, QFont::Normal, false};
        case TextRole::DockTitle:
            return {12, QFont::DemiBold, false};
        case TextRole::Secondary:
            return {12, QFont::Normal, false};
        case TextRole::Caption:
            return {11, QFont::Normal, false};
        case TextRole::Number:
            return {12, QFont::Normal, true};
        case TextRole::ReadOut:
            return {20, QFont::Normal, true};
        case TextRole::LaneReadOut:
            return {14, QFont::Normal, true};
        case TextRole::Chat:
            return {14, QFont::Normal, false};
        case TextRole::Code:
            return {13, QFont::Normal, true};
    }
    return {13, QFont::Normal, false};
}

// The application font's size in pixels over the 13 that the roles are given for.
double fontScale() {
    const QFont font = QApplication::font();
    const double pixels = font.pixelSize() > 0 ? font.pixelSize() : font.pointSizeF() * 96.0 / 72.0;
    return std::max(1.0, pixels / 13.0);
}

}  // namespace

const ThemeColors& themeColors() {
    return mutableColors();
}
void setThemeColors(const ThemeColors& colors) {
    mutableColors() = colors;
}

QColor mixOklab(const QColor& a, const QColor& b, double t) {
    const Oklab x = toOklab(a), y = toOklab(b);
    return fromOklab({x.l + (y.l - x.l) * t, x.a + (y.a - x.a) * t, x.b + (y.b - x.b) * t});
}

QColor mapColor(const std::vector<QColor>& stops, double position) {
    if (stops.empty()) return {};
    const double at =
        std::clamp(std::isnan(position) ? 0.0 : position, 0.0, 1.0) * static_cast<double>(stops.size() - 1);
    const auto index = std::min(static_cast<std::size_t>(at), stops.size() - 1);
    const auto next = std::min(index + 1, stops.size() - 1);
    return mixOklab(stops[index], stops[next], at - static_cast<double>(index));
}

QColor loadColor(double loadOverIdeal, double range) {
    const double exponent = loadOverIdeal > 0 ? std::log2(loadOverIdeal) : -1e9;
    return mapColor(themeColors().loadMap, 0.5 + 0.5 * std::clamp(exponent / std::log2(range), -1.0, 1.0));
}

QColor shareColor(double fraction) {
    return mapColor(themeColors().shareMap, fraction);
}

double contrastRatio(const QColor& a, const QColor& b) {
    const double x = luminance(a), y = luminance(b);
    return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

QColor readableInk(const QColor& background) {
    const ThemeColors& colors = themeColors();
    return contrastRatio(colors.text, background) >= contrastRatio(colors.base, background) ? colors.text
                                                                                            : colors.base;
}

QColor expertTint(int expert, double gateWeight) {
    const ThemeColors& colors = themeColors();
    const double low = colors.dark ? 0.12 : 0.10, high = colors.dark ? 0.36 : 0.40;
    const double t = low + (high - low) * std::clamp((gateWeight - 0.5) / 0.5, 0.0, 1.0);
    const QColor hue = colors.expert(expert);
    const auto mix = [t](int from, int to) { return static_cast<int>(std::lround(from + (to - from) * t)); };
    return QColor(mix(colors.base.red(), hue.red()), mix(colors.base.green(), hue.green()),
                  mix(colors.base.blue(), hue.blue()));
}

QFont textFont(TextRole role) {
    const RoleFont spec = roleFont(role);
    if (spec.fixed) return numberFont(spec.pixels);
    QFont font = QApplication::font();
    font.setPixelSize(static_cast<int>(std::lround(spec.pixels * fontScale())));
    font.setWeight(static_cast<QFont::Weight>(spec.weight));
    return font;
}

QFont numberFont(double pixels) {
    QFont font = QFontDatabase::systemFont(QFontDatabase::FixedFont);
    font.setPixelSize(static_cast<int>(std::lround(pixels * fontScale())));
    font.setStyleStrategy(QFont::PreferNoShaping);
    return font;
}

QIcon themeIcon(const QString& name) {
    return themeIcon(name, QColor());
}
QIcon themeIcon(const QString& name, const QColor& color) {
    const QByteArray svg = iconData(name);
    return svg.isEmpty() ? QIcon() : QIcon(new ThemeIconEngine(svg, color));
}

}  // namespace caravan::widgets

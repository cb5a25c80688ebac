// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// caravan-gallery FOLDER: a picture of every widget, light and dark, with usual and with extreme data, for
// the eye and for tests.
#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTextStream>

#include "widgets/curve_plot.h"
#include "widgets/gallery/pictures.h"
#include "widgets/theme_colors.h"

namespace {

using namespace caravan::widgets;

ThemeColors readTheme(const QString& path) {
    QFile file(path);
    ThemeColors colors;
    if (!file.open(QIODevice::ReadOnly)) return colors;
    const QJsonObject json = QJsonDocument::fromJson(file.readAll()).object();
    const auto color = [&](const char* key, QColor& target) {
        target = QColor(json[QLatin1String(key)].toString());
    };
    colors.dark = json[QLatin1String("name")].toString() == QLatin1String("dark");
    color("window", colors.window), color("base", colors.base), color("alt", colors.alt),
        color("raised", colors.raised);
    color("hover", colors.hover), color("line", colors.line), color("grid", colors.grid),
        color("btnline", colors.btnline);
    color("ctl", colors.ctl), color("text", colors.text), color("text2", colors.text2),
        color("text3", colors.text3);
    color("accent", colors.accent), color("accenth", colors.accentHover), color("onacc", colors.onAccent),
        color("soft", colors.soft);
    color("ok", colors.ok), color("okbg", colors.okBg), color("warn", colors.warn),
        color("warnbg", colors.warnBg);
    color("warnl", colors.warnLine), color("err", colors.err), color("errbg", colors.errBg);
    for (std::size_t i = 0; i < 8; ++i) {
        colors.experts[i] = QColor(json[QLatin1String("ex")][static_cast<int>(i)].toString());
        colors.expertInk[i] = QColor(json[QLatin1String("expert_ink")][static_cast<int>(i)].toString());
    }
    colors.loadMap.clear();
    for (const auto& stop : json[QLatin1String("load_map")].toArray())
        colors.loadMap.emplace_back(stop.toString());
    colors.shareMap.clear();
    for (const auto& stop : json[QLatin1String("share_map")].toArray())
        colors.shareMap.emplace_back(stop.toString());
    return colors;
}

int save(QWidget& widget, QSize size, const QString& path) {
    widget.resize(size);
    QPalette palette = widget.palette();
    palette.setColor(QPalette::Base, themeColors().base);
    palette.setColor(QPalette::Window, themeColors().base);
    palette.setColor(QPalette::WindowText, themeColors().text);
    widget.setPalette(palette);
    widget.setAutoFillBackground(true);
    widget.show();
    for (CurvePlot* plot : widget.findChildren<CurvePlot*>())
        plot->flush();
    QApplication::sendPostedEvents();
    return widget.grab().save(path) ? 0 : 1;
}

int drawAll(const QString& folder, const QString& theme) {
    int failed = 0;
    for (const auto& pictures : {caravan::gallery::usualPictures(), caravan::gallery::extremePictures(),
                                 caravan::gallery::stripPictures()})
        for (const auto& picture : pictures) {
            QElapsedTimer time;
            time.start();
            const std::unique_ptr<QWidget> widget = picture.make();
            const QString name = QStringLiteral("%1-%2.png").arg(QLatin1String(picture.name), theme);
            failed += save(*widget, picture.size, folder + QLatin1Char('/') + name);
            QTextStream(stdout) << name << ' ' << picture.size.width() << 'x' << picture.size.height()
                                << (picture.blank ? " blank " : " drawn ") << time.elapsed() << " ms\n";
        }
    return failed;
}

}  // namespace

int main(int argc, char** argv) {
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication app(argc, argv);
    QApplication::setStyle(QStringLiteral("Fusion"));
    if (argc < 2) {
        QTextStream(stderr) << "caravan-gallery FOLDER: writes a picture of every widget\n";
        return 2;
    }
    const QString folder = QString::fromLocal8Bit(argv[1]);
    QDir().mkpath(folder);
    int failed = 0;
    for (const char* theme : {"light", "dark"}) {
        setThemeColors(readTheme(
            QStringLiteral(CARAVAN_SOURCE_DIR "/resources/themes/theme-%1.json").arg(QLatin1String(theme))));
        failed += drawAll(folder, QLatin1String(theme));
    }
    return failed == 0 ? 0 : 1;
}

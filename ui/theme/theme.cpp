// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/theme.h"

#include <QApplication>
#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QDBusVariant>
#include <QFile>
#include <QFont>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QPixmapCache>
#include <QSettings>
#include <QToolTip>
#include <QWidget>

#include "ui/theme/english_plurals.h"
#include "ui/theme/focus_ring.h"
#include "ui/theme/style.h"

// Outside any namespace: the macro declares a function. A static library's resources are dropped without it.
static void initResources() {
    Q_INIT_RESOURCE(caravan);
}

namespace caravan::ui {
namespace {

constexpr auto kPortal = "org.freedesktop.portal.Desktop";
constexpr auto kPortalPath = "/org/freedesktop/portal/desktop";
constexpr auto kPortalSettings = "org.freedesktop.portal.Settings";
constexpr auto kAppearance = "org.freedesktop.appearance";

std::vector<QColor> colorList(const QJsonValue& value) {
    std::vector<QColor> result;
    for (const QJsonValue& item : value.toArray())
        result.emplace_back(item.toString());
    return result;
}

QVariant innermost(QVariant value) {
    while (value.userType() == qMetaTypeId<QDBusVariant>())
        value = value.value<QDBusVariant>().variant();
    return value;
}

}  // namespace

widgets::ThemeColors loadThemeColors(bool dark) {
    initResources();
    QFile file(dark ? QStringLiteral(":/themes/theme-dark.json")
                    : QStringLiteral(":/themes/theme-light.json"));
    if (!file.open(QIODevice::ReadOnly)) return {};
    const QJsonObject json = QJsonDocument::fromJson(file.readAll()).object();
    widgets::ThemeColors c;
    c.dark = dark;
    const std::pair<const char*, QColor*> tokens[] = {{"window", &c.window},  {"base", &c.base},
                                                      {"alt", &c.alt},        {"raised", &c.raised},
                                                      {"hover", &c.hover},    {"line", &c.line},
                                                      {"grid", &c.grid},      {"btnline", &c.btnline},
                                                      {"ctl", &c.ctl},        {"text", &c.text},
                                                      {"text2", &c.text2},    {"text3", &c.text3},
                                                      {"accent", &c.accent},  {"accenth", &c.accentHover},
                                                      {"onacc", &c.onAccent}, {"soft", &c.soft},
                                                      {"ok", &c.ok},          {"okbg", &c.okBg},
                                                      {"warn", &c.warn},      {"warnbg", &c.warnBg},
                                                      {"warnl", &c.warnLine}, {"err", &c.err},
                                                      {"errbg", &c.errBg}};
    for (const auto& [key, color] : tokens)
        *color = QColor(json[QLatin1String(key)].toString());
    const auto experts = colorList(json["ex"]), inks = colorList(json["expert_ink"]);
    for (std::size_t i = 0; i < c.experts.size() && i < experts.size() && i < inks.size(); ++i) {
        c.experts[i] = experts[i];
        c.expertInk[i] = inks[i];
    }
    c.loadMap = colorList(json["load_map"]);
    c.shareMap = colorList(json["share_map"]);
    return c;
}

QPalette paletteOf(const widgets::ThemeColors& c) {
    QPalette p;
    const auto all = [&p](QPalette::ColorRole role, const QColor& color) { p.setColor(role, color); };
    all(QPalette::Window, c.window);
    all(QPalette::WindowText, c.text);
    all(QPalette::Base, c.base);
    all(QPalette::AlternateBase, c.alt);
    all(QPalette::Text, c.text);
    all(QPalette::PlaceholderText, c.text3);
    all(QPalette::Button, c.raised);
    all(QPalette::ButtonText, c.text);
    all(QPalette::BrightText, c.err);
    all(QPalette::Highlight, c.accent);
    all(QPalette::HighlightedText, c.onAccent);
    all(QPalette::ToolTipBase, c.raised);
    all(QPalette::ToolTipText, c.text);
    all(QPalette::Link, c.accent);
    all(QPalette::LinkVisited, c.accent);
    all(QPalette::Light, c.raised);
    all(QPalette::Midlight, c.hover);
    all(QPalette::Mid, c.line);
    all(QPalette::Dark, c.ctl);
    all(QPalette::Shadow, c.text3);
    for (const auto role :
         {QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::ToolTipText})
        p.setColor(QPalette::Disabled, role, c.text3);
    p.setColor(QPalette::Disabled, QPalette::Highlight, c.hover);
    p.setColor(QPalette::Disabled, QPalette::HighlightedText, c.text3);
    return p;
}

Theme& Theme::instance() {
    static auto* theme = new Theme;  // lives until the process ends; parented to nothing on purpose
    return *theme;
}

Theme::Theme() = default;

void Theme::install(Scheme scheme) {
    if (m_installed) return setScheme(scheme);
    m_installed = true;
    m_scheme = scheme;
    m_systemDark = QApplication::palette().color(QPalette::Window).lightnessF() < 0.4;
    QFont font = QApplication::font();
    if (font.pixelSize() < 0) font.setPixelSize(std::max(13, qRound(font.pointSizeF() * 96.0 / 72.0)));
    QApplication::setFont(font);
    QApplication::setStyle(new CaravanStyle);
    applyColors(scheme == Scheme::Dark || (scheme == Scheme::System && m_systemDark));
    new FocusRing(qApp);
    QCoreApplication::installTranslator(new EnglishPlurals(qApp));
    askPortal();
}

void Theme::setScheme(Scheme scheme) {
    m_scheme = scheme;
    QSettings().setValue(QStringLiteral("view/scheme"), static_cast<int>(scheme));
    applyColors(scheme == Scheme::Dark || (scheme == Scheme::System && m_systemDark));
}

void Theme::applyColors(bool dark) {
    m_dark = dark;
    const widgets::ThemeColors colors = loadThemeColors(dark);
    widgets::setThemeColors(colors);
    QPixmapCache::clear();
    QApplication::setPalette(paletteOf(colors));
    QToolTip::setPalette(paletteOf(colors));
    for (QWidget* widget : QApplication::allWidgets())
        widget->update();
    Q_EMIT changed();
}

void Theme::askPortal() {
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected()) return;
    bus.connect(kPortal, kPortalPath, kPortalSettings, QStringLiteral("SettingChanged"), this,
                SLOT(portalSettingChanged(QString, QString, QDBusVariant)));
    QDBusMessage read =
        QDBusMessage::createMethodCall(kPortal, kPortalPath, kPortalSettings, QStringLiteral("Read"));
    read << QString::fromLatin1(kAppearance) << QStringLiteral("color-scheme");
    auto* watcher = new QDBusPendingCallWatcher(bus.asyncCall(read, 2000), this);
    connect(watcher, &QDBusPendingCallWatcher::finished, this, [this](QDBusPendingCallWatcher* call) {
        const QDBusPendingReply<QDBusVariant> reply = *call;
        if (reply.isValid()) takeSystemScheme(innermost(reply.value().variant()).toUInt());
        call->deleteLater();
    });
}

void Theme::portalSettingChanged(const QString& group, const QString& key, const QDBusVariant& value) {
    if (group == QLatin1String(kAppearance) && key == QLatin1String("color-scheme"))
        takeSystemScheme(innermost(value.variant()).toUInt());
}

void Theme::takeSystemScheme(uint value) {
    if (value == 0) return;
    m_systemDark = value == 1;
    if (m_scheme == Scheme::System && m_dark != m_systemDark) applyColors(m_systemDark);
}

QColor Theme::color(Token token) {
    const widgets::ThemeColors& c = widgets::themeColors();
    switch (token) {
        case Token::Window:
            return c.window;
        case Token::Base:
            return c.base;
        case Token::Alt:
            return c.alt;
        case Token::Raised:
            return c.raised;
        case Token::Hover:
            return c.hover;
        case Token::Line:
            return c.line;
        case Token::Grid:
            return c.grid;
        case Token::ButtonLine:
            return c.btnline;
        case Token::Control:
            return c.ctl;
        case Token::Text:
            return c.text;
        case Token::Text2:
            return c.text2;
        case Token::Text3:
            return c.text3;
        case Token::Accent:
            return c.accent;
        case Token::AccentHover:
            return c.accentHover;
        case Token::OnAccent:
            return c.onAccent;
        case Token::Soft:
            return c.soft;
        case Token::Ok:
            return c.ok;
        case Token::OkBg:
            return c.okBg;
        case Token::Warn:
            return c.warn;
        case Token::WarnBg:
            return c.warnBg;
        case Token::WarnLine:
            return c.warnLine;
        case Token::Err:
            return c.err;
        case Token::ErrBg:
            return c.errBg;
    }
    return {};
}

bool Theme::reducedMotion() {
    return qEnvironmentVariableIntValue("CARAVAN_REDUCED_MOTION") > 0 ||
           QSettings().value(QStringLiteral("view/reduced_motion"), false).toBool();
}

}  // namespace caravan::ui

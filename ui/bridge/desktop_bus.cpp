// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/bridge/desktop_bus.h"

#include <QApplication>
#include <QDBusArgument>
#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QIcon>
#include <QImage>

namespace caravan::ui {
namespace {

constexpr int kPatience = 2000;  // ms for an answer; nobody waits for it
constexpr int kIconPixels = 64;

const QString kId = QStringLiteral("org.caravan.Workbench");
const QString kServer = QStringLiteral("org.freedesktop.Notifications");
const QString kServerPath = QStringLiteral("/org/freedesktop/Notifications");

QDBusMessage serverCall(const QString& method) {
    return QDBusMessage::createMethodCall(kServer, kServerPath, kServer, method);
}

// The hint "image-data": width, height, bytes a row, alpha, bits a sample, channels, bytes.
QVariant imageData(const QImage& picture) {
    const QImage image = picture.convertToFormat(QImage::Format_RGBA8888);
    QDBusArgument argument;
    argument.beginStructure();
    argument << image.width() << image.height() << static_cast<int>(image.bytesPerLine()) << true << 8 << 4
             << QByteArray(reinterpret_cast<const char*>(image.constBits()),
                           static_cast<int>(image.sizeInBytes()));
    argument.endStructure();
    return QVariant::fromValue(argument);
}

}  // namespace

DesktopBus::DesktopBus(QObject* parent) : QObject(parent) {}

void DesktopBus::notify(const QString& title, const QString& text, const QString& note) {
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected()) return;
    const Note waiting{title, text, note};
    if (m_capabilities) return send(waiting);
    bus.connect(kServer, kServerPath, kServer, QStringLiteral("ActionInvoked"), this,
                SLOT(invoked(uint, QString)));
    bus.connect(kServer, kServerPath, kServer, QStringLiteral("NotificationClosed"), this,
                SLOT(closed(uint)));
    bus.connect(kServer, kServerPath, kServer, QStringLiteral("ActivationToken"), this,
                SLOT(tokenCame(uint, QString)));
    auto* asked = new QDBusPendingCallWatcher(
        bus.asyncCall(serverCall(QStringLiteral("GetCapabilities")), kPatience), this);
    connect(asked, &QDBusPendingCallWatcher::finished, this, [this, asked, waiting] {
        asked->deleteLater();
        const QDBusPendingReply<QStringList> reply = *asked;
        if (reply.isError()) return;  // no server: the next note asks again
        m_capabilities = reply.value();
        send(waiting);
    });
}

void DesktopBus::send(const Note& note) {
    // A server without markup shows "&amp;" as it is.
    const bool markup = m_capabilities->contains(QStringLiteral("body-markup"));
    QStringList actions;
    if (m_capabilities->contains(QStringLiteral("actions")))
        actions << QStringLiteral("default") << tr("Show");
    // The picture goes along: not every server finds the icon by its name, and it need not be installed.
    const QImage icon = QApplication::windowIcon().pixmap(QSize(kIconPixels, kIconPixels), 1.0).toImage();
    QVariantMap hints{{QStringLiteral("desktop-entry"), kId}};
    if (!icon.isNull()) hints.insert(QStringLiteral("image-data"), imageData(icon));
    QDBusMessage call = serverCall(QStringLiteral("Notify"));
    call << QStringLiteral("Caravan") << 0U << kId << note.title
         << (markup ? note.text.toHtmlEscaped() : note.text) << actions << hints << -1;
    auto* sent = new QDBusPendingCallWatcher(QDBusConnection::sessionBus().asyncCall(call, kPatience), this);
    connect(sent, &QDBusPendingCallWatcher::finished, this, [this, sent, what = note.note] {
        sent->deleteLater();
        const QDBusPendingReply<uint> reply = *sent;
        if (reply.isError())
            m_capabilities.reset();  // another server may come
        else
            m_shown.insert(reply.value(), what);
    });
}

void DesktopBus::invoked(uint id, const QString& action) {
    if (action == QLatin1String("default") && m_shown.contains(id)) Q_EMIT activated(m_shown.value(id));
}

void DesktopBus::closed(uint id) {
    m_shown.remove(id);
}

// What lets a window come to the front under Wayland; taken by the next activateWindow().
void DesktopBus::tokenCame(uint id, const QString& token) {
    if (m_shown.contains(id)) qputenv("XDG_ACTIVATION_TOKEN", token.toUtf8());
}

void DesktopBus::showProgress(double fraction, bool visible) {
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected()) return;
    QDBusMessage signal = QDBusMessage::createSignal(QStringLiteral("/org/caravan/Workbench"),
                                                     QStringLiteral("com.canonical.Unity.LauncherEntry"),
                                                     QStringLiteral("Update"));
    signal << QStringLiteral("application://%1.desktop").arg(kId)
           << QVariantMap{{QStringLiteral("progress"), fraction},
                          {QStringLiteral("progress-visible"), visible}};
    bus.send(signal);
}

}  // namespace caravan::ui

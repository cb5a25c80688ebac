// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/instance.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFileInfo>
#include <QLocalSocket>

#include "engine/api/wire.h"

namespace caravan::ui {

namespace {

QString socketOf(const QString& folder) {
    const QString canonical = QFileInfo(folder).absoluteFilePath();
    const QByteArray hash =
        QCryptographicHash::hash(canonical.toUtf8(), QCryptographicHash::Sha1).toHex().left(16);
    const QDir sockets = QFileInfo(QString::fromStdString(engine::wire::socketPath())).dir();
    return sockets.filePath(QStringLiteral("window-%1").arg(QString::fromLatin1(hash)));
}

}  // namespace

bool Instance::bringToFront(const QString& folder) {
    QLocalSocket other;
    other.connectToServer(socketOf(folder));
    if (!other.waitForConnected(200)) return false;  // answered by the kernel, not by the other window
    other.write("activate\n");
    other.waitForBytesWritten(200);
    return true;
}

std::unique_ptr<Instance> Instance::claim(const QString& folder) {
    if (bringToFront(folder)) return nullptr;
    const QString name = socketOf(folder), sockets = QFileInfo(name).path();
    QDir().mkpath(sockets);
    QFile::setPermissions(sockets, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
    std::unique_ptr<Instance> instance(new Instance);
    QLocalServer::removeServer(name);  // of a window that died
    instance->m_server.setSocketOptions(QLocalServer::UserAccessOption);
    instance->m_server.listen(name);
    Instance* self = instance.get();
    connect(&self->m_server, &QLocalServer::newConnection, self, [self] {
        while (QLocalSocket* peer = self->m_server.nextPendingConnection()) {
            connect(peer, &QLocalSocket::disconnected, peer, &QObject::deleteLater);
            Q_EMIT self->activated();
        }
    });
    return instance;
}

}  // namespace caravan::ui

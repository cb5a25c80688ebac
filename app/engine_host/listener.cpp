// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/engine_host/listener.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace caravan::host {
namespace {

using engine::ErrorCode;
using engine::fail;

tl::unexpected<engine::Error> systemError(const std::string& path, const char* doing) {
    return fail(ErrorCode::Failed,
                {{"detail", std::string(doing) + " " + path + ": " + std::strerror(errno)}});
}

bool addressOf(const std::string& path, sockaddr_un& address) {
    address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return true;
}

bool samePerson(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

}  // namespace

int connectTo(const std::string& path) {
    sockaddr_un address{};
    if (!addressOf(path, address)) return -1;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && samePerson(fd))
        return fd;
    const int cause = errno;
    close(fd);
    errno = cause;
    return -1;
}

// Our own folder must belong to us alone: /tmp/caravan-UID could have been made by somebody else before.
engine::Result<void> Listener::prepareFolder() const {
    const std::filesystem::path folder = std::filesystem::path(m_path).parent_path();
    std::error_code ignored;
    std::filesystem::create_directories(folder.parent_path(), ignored);
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return systemError(folder, "making the folder");
    const char* said = std::getenv("CARAVAN_SOCKET");
    if (said && *said) return {};
    struct stat info {};
    if (lstat(folder.c_str(), &info) != 0) return systemError(folder, "looking at the folder");
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid())
        return fail(ErrorCode::Failed, {{"detail", folder.string() + " belongs to somebody else"}});
    if ((info.st_mode & 077) != 0 && chmod(folder.c_str(), 0700) != 0)
        return systemError(folder, "closing the folder");
    return {};
}

engine::Result<Listener::Outcome> Listener::open() {
    if (const auto ready = prepareFolder(); !ready) return tl::unexpected(ready.error());
    const std::string lockPath = m_path + ".lock";
    m_lock = ::open(lockPath.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (m_lock < 0) return systemError(lockPath, "opening the lock");
    // The owner may be on its way in or out: its socket answers, or its lock comes free.
    for (int tries = 0; flock(m_lock, LOCK_EX | LOCK_NB) != 0; ++tries) {
        const int probe = connectTo(m_path);
        if (probe >= 0) {
            ::close(probe);
            return Outcome::AnotherLives;
        }
        if (tries == 50)
            return fail(ErrorCode::Failed,
                        {{"detail", "another engine holds " + lockPath + " and does not answer"}});
        usleep(100'000);
    }
    sockaddr_un address{};
    if (!addressOf(m_path, address)) return systemError(m_path, "binding");
    unlink(m_path.c_str());  // left by a process that died: the lock is ours
    m_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (m_fd < 0) return systemError(m_path, "making a socket for");
    const mode_t before = umask(0177);
    const int bound = bind(m_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    umask(before);
    if (bound != 0 || listen(m_fd, 16) != 0) return systemError(m_path, "binding");
    return Outcome::Ours;
}

void Listener::close() {
    if (m_fd >= 0) {
        unlink(m_path.c_str());
        ::close(m_fd);
    }
    if (m_lock >= 0) ::close(m_lock);
    m_fd = m_lock = -1;
}

int Listener::accept() const {
    const int fd = accept4(m_fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return -1;
    if (samePerson(fd)) return fd;
    ::close(fd);
    return -1;
}

}  // namespace caravan::host

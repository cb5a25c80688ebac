// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QCoreApplication>
#include <QPointer>
#include <QThreadPool>
#include <functional>

namespace caravan::ui {

// Runs work() on the pool, then done(value) on the GUI thread, if context still lives. GUI thread.
// `ready`, if given, is asked on the pool's thread; where it says no, neither work nor done is called.
template <class T>
void runInBackground(QThreadPool* pool, QObject* context, std::function<T()> work,
                     std::function<void(const T&)> done, std::function<bool()> ready = {}) {
    pool->start([pointer = QPointer<QObject>(context), work = std::move(work), done = std::move(done),
                 ready = std::move(ready)] {
        if (ready && !ready()) return;
        auto value = std::make_shared<T>(work());
        QMetaObject::invokeMethod(
            QCoreApplication::instance(),
            [pointer, value, done] {
                if (pointer) done(*value);
            },
            Qt::QueuedConnection);
    });
}

}  // namespace caravan::ui

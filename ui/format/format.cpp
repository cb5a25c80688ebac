// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/format/format.h"

#include <QCoreApplication>
#include <QDir>
#include <QLocale>
#include <cmath>

#include "engine/api/error_text.h"
#include "ui/format/time_left.h"

namespace caravan::ui {
namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("Format", text);
}
QString united(const QString& number, const QString& unit) {
    return number + kThinSpace + unit;
}

// Three significant digits: 6.74, 15.7, 134.
QString significant(double value, int digits) {
    const int before = value < 1 ? 1 : static_cast<int>(std::floor(std::log10(value))) + 1;
    return QLocale::c().toString(value, 'f', std::max(0, digits - before));
}

QString scaled(double value, int digits) {
    if (value >= 999.5e9) return united(significant(value / 1e12, digits), QStringLiteral("T"));
    if (value >= 999.5e6) return united(significant(value / 1e9, digits), QStringLiteral("B"));
    if (value >= 999.5e3) return united(significant(value / 1e6, digits), QStringLiteral("M"));
    if (value >= 1e4) return united(significant(value / 1e3, digits), QStringLiteral("k"));
    return withThousands(static_cast<std::int64_t>(value));
}

}  // namespace

QString withThousands(std::int64_t value) {
    QString digits = QString::number(std::abs(value));
    for (int at = digits.size() - 3; at > 0; at -= 3)
        digits.insert(at, QLatin1Char(','));
    return value < 0 ? QChar(0x2212) + digits : digits;
}

QString parameterCount(std::int64_t value) {
    return scaled(static_cast<double>(value), 3);
}
QString parameterCountExact(std::int64_t value) {
    return scaled(static_cast<double>(value), 4);
}
QString gibibytes(std::int64_t bytes) {
    return QLocale::c().toString(static_cast<double>(bytes) / (1024.0 * 1024.0 * 1024.0), 'f', 2);
}
QString memoryText(std::int64_t bytes) {
    const double value = static_cast<double>(bytes);
    if (value < 1024.0 * 1024.0 * 1024.0 * 0.1)
        return united(significant(value / (1024.0 * 1024.0), 3), QStringLiteral("MiB"));
    return united(gibibytes(bytes), QStringLiteral("GiB"));
}
QString memoryTextLike(std::int64_t bytes, std::int64_t largest) {
    constexpr double kMiB = 1024.0 * 1024.0;
    if (static_cast<double>(largest) >= 1024.0 * kMiB) return united(gibibytes(bytes), QStringLiteral("GiB"));
    return united(QLocale::c().toString(static_cast<double>(bytes) / kMiB, 'f', 1), QStringLiteral("MiB"));
}
QString diskText(std::int64_t bytes) {
    const double value = static_cast<double>(bytes);
    if (value >= 999.5e9) return united(significant(value / 1e12, 3), QStringLiteral("TB"));
    if (value >= 999.5e6) return united(significant(value / 1e9, 3), QStringLiteral("GB"));
    if (value >= 999.5e3) return united(significant(value / 1e6, value < 1e7 ? 2 : 3), QStringLiteral("MB"));
    if (value >= 1e3) return united(significant(value / 1e3, 2), QStringLiteral("kB"));
    return united(QString::number(bytes), QStringLiteral("B"));
}

QString durationText(double seconds) {
    const auto total = static_cast<std::int64_t>(std::llround(seconds));
    if (seconds < 10) return united(QLocale::c().toString(seconds, 'f', seconds < 1 ? 2 : 1), tr("s"));
    if (total < 60) return united(QString::number(total), tr("s"));
    if (total < 3600) {
        const QString minutes = united(QString::number(total / 60), tr("min"));
        return total % 60 ? minutes + QLatin1Char(' ') + united(QString::number(total % 60), tr("s"))
                          : minutes;
    }
    if (total < 86400)
        return united(QString::number(total / 3600), tr("h")) + QLatin1Char(' ') +
               united(QString::number(total % 3600 / 60), tr("min"));
    return united(QString::number(total / 86400), tr("d")) + QLatin1Char(' ') +
           united(QString::number(total % 86400 / 3600), tr("h"));
}

double roundedTimeLeft(double seconds) {
    const double grain = seconds >= 3600 ? 60 : seconds >= 60 ? 10 : seconds >= 10 ? 5 : 0;
    return grain > 0 ? std::round(seconds / grain) * grain : seconds;
}

QString timeLeftText(double seconds) {
    if (seconds < 0) return {};
    return tr("%1 left").arg(durationText(roundedTimeLeft(seconds)));
}

QString percentText(double fraction) {
    return united(
        QString::number(static_cast<int>(std::floor(std::clamp(fraction, 0.0, 1.0) * 100.0 + 1e-9))),
        QStringLiteral("%"));
}
QString realText(double value, int digits) {
    return std::isfinite(value) ? QLocale::c().toString(value, 'f', digits) : QStringLiteral("–");
}
QString shortReal(double value) {
    if (value == 0) return QStringLiteral("0");
    if (std::abs(value) >= 1e-3 && std::abs(value) < 1e6) return QString::number(value, 'g', 6);
    QString text = QString::number(value, 'e', 6);
    const int e = text.indexOf(QLatin1Char('e'));
    QString mantissa = text.left(e);
    while (mantissa.endsWith(QLatin1Char('0')))
        mantissa.chop(1);
    if (mantissa.endsWith(QLatin1Char('.'))) mantissa.chop(1);
    return mantissa + QLatin1Char('e') + QString::number(text.mid(e + 1).toInt());
}

QString homePath(const QString& path) {
    const QString home = QDir::homePath();
    if (home.size() > 1 && path.startsWith(home + QLatin1Char('/')))
        return QLatin1Char('~') + path.mid(home.size());
    return path;
}

QString stateText(engine::RunState state) {
    switch (state) {
        case engine::RunState::Created:
            return tr("Created");
        case engine::RunState::Queued:
            return tr("Queued");
        case engine::RunState::Loading:
            return tr("Loading");
        case engine::RunState::Running:
            return tr("Running");
        case engine::RunState::Paused:
            return tr("Paused");
        case engine::RunState::Stopping:
            return tr("Stopping");
        case engine::RunState::Stopped:
            return tr("Stopped");
        case engine::RunState::Interrupted:
            return tr("Interrupted");
        case engine::RunState::Finished:
            return tr("Finished");
        case engine::RunState::Failed:
            return tr("Failed");
    }
    return {};
}

ErrorWords words(const engine::Error& error) {
    const engine::ErrorText text = engine::describe(error);
    ErrorWords result;
    result.what = QString::fromStdString(text.what);
    const QString where = QString::fromStdString(text.where), why = QString::fromStdString(text.why);
    result.detail = where.isEmpty() ? why : why.isEmpty() ? where : where + QStringLiteral(": ") + why;
    result.todo = QString::fromStdString(text.todo);
    return result;
}

QString ErrorWords::oneLine() const {
    QStringList parts;
    for (QString part : {what, detail, todo}) {
        if (part.isEmpty()) continue;
        if (!part.endsWith(QLatin1Char('.')) && !part.endsWith(QLatin1Char('?'))) part += QLatin1Char('.');
        parts << part;
    }
    return parts.join(QLatin1Char(' '));
}

}  // namespace caravan::ui

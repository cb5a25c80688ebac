// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/chat/chat_turn.h"

#include <QObject>
#include <QStringList>

#include "engine/api/event_json.h"

namespace caravan::ui {

engine::GenerateOptions ChatTurn::options() const {
    const nlohmann::json& source = message.source;
    if (!source.is_object() || !source.contains("options") || !source["options"].is_object()) return {};
    return source["options"].get<engine::GenerateOptions>();
}

ChatSource ChatTurn::source() const {
    ChatSource found;
    if (!message.source.is_object()) return found;
    found.source = message.source.get<engine::ModelSource>();
    found.words = QString::fromStdString(message.source.value("words", std::string()));
    return found;
}

QString changeWords(const engine::RouterChange& change) {
    using Use = engine::SteerExpert::Use;
    QStringList parts;
    for (const engine::SteerExpert& s : change.steer) {
        const QString place =
            s.layer < 0 ? QObject::tr("in all layers") : QObject::tr("in layer %1").arg(s.layer);
        if (s.use == Use::Mute) parts.push_back(QObject::tr("expert %1 muted %2").arg(s.expert).arg(place));
        if (s.use == Use::Force) parts.push_back(QObject::tr("expert %1 forced %2").arg(s.expert).arg(place));
        if (s.bias != 0)
            parts.push_back(
                QObject::tr("expert %1 biased by %2 %3")
                    .arg(s.expert)
                    .arg((s.bias > 0 ? QStringLiteral("+") : QString()) + QString::number(s.bias, 'f', 1),
                         place));
    }
    if (change.activeExperts)
        parts.push_back(QObject::tr("%n active", nullptr, static_cast<int>(*change.activeExperts)));
    return parts.join(QStringLiteral(", "));
}

}  // namespace caravan::ui

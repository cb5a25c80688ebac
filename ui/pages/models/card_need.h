// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <array>
#include <optional>

#include "ui/bridge/engine_link.h"

namespace caravan::ui {

class ThemedLabel;

// What a dense model's weights need of this card's (or computer's) memory, in NF4 and as they are: of the
// engine's plan, so that Upcycle says the same.
class CardNeed : public QWidget {
    Q_OBJECT
  public:
    explicit CardNeed(EngineLink* engine, QWidget* parent = nullptr);
    void setModel(const QString& path);  // "" = none: hidden
    [[nodiscard]] QString text() const;

  private:
    void ask();
    void take(int which, const engine::Result<nlohmann::json>& answer);
    void renew();
    EngineLink* m_engine;
    ThemedLabel *m_title, *m_text;
    QString m_path;
    std::array<quint64, 2> m_requests{};
    std::array<std::optional<std::int64_t>, 2> m_bytes;  // NF4, as stored
};

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/models/card_need.h"

#include <QVBoxLayout>
#include <algorithm>
#include <utility>

#include "engine/api/config/descriptors.h"
#include "engine/api/run_plan.h"
#include "ui/format/format.h"
#include "ui/shell/surface.h"

namespace caravan::ui {

CardNeed::CardNeed(EngineLink* engine, QWidget* parent) : QWidget(parent), m_engine(engine) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    m_title = new ThemedLabel(QString(), widgets::TextRole::Section);
    m_text = new ThemedLabel(QString(), widgets::TextRole::Secondary, Token::Text2);
    m_text->setWordWrap(true);
    layout->addWidget(m_title);
    layout->addWidget(m_text);
    layout->addStretch(1);
    connect(engine, &EngineLink::deviceChanged, this, [this] {
        if (isVisible()) renew();
    });
    hide();
}

QString CardNeed::text() const {
    return m_text->text();
}

void CardNeed::setModel(const QString& path) {
    if (path == m_path) return;
    m_path = path;
    m_bytes = {};
    for (quint64& request : m_requests)
        if (request) m_engine->cancel(std::exchange(request, 0));
    if (!path.isEmpty()) ask();
    renew();
}

void CardNeed::ask() {
    engine::Recipe recipe;
    recipe.model.path = m_path.toStdString();
    recipe.upcycle.method = engine::UpcycleMethod::None;
    const engine::Quantization kinds[] = {engine::Quantization::Nf4, engine::Quantization::None};
    for (int i = 0; i < 2; ++i) {
        recipe.model.quantization = kinds[i];
        m_requests[i] = m_engine->request(
            "plan", {{"recipe", engine::recipeToJson(recipe)}, {"folder", m_path.toStdString()}}, this,
            [this, i, path = m_path](const engine::Result<nlohmann::json>& answer) {
                if (path == m_path) take(i, answer);
            });
    }
}

void CardNeed::take(int which, const engine::Result<nlohmann::json>& answer) {
    m_requests[which] = 0;
    if (!answer || !answer->contains("plan")) return;
    engine::RunPlan plan;
    try {
        plan = answer->at("plan").get<engine::RunPlan>();
    } catch (const std::exception&) {
        return;  // another version's plan: nothing is said
    }
    std::int64_t bytes = 0;
    for (const engine::MemoryItem& item : plan.memory)
        if (item.key == "base_weights" || item.key == "embeddings") bytes += item.bytes;
    if (bytes > 0) m_bytes[which] = bytes;
    renew();
}

void CardNeed::renew() {
    const bool known = m_bytes[0] && m_bytes[1];
    setVisible(known);
    if (!known) return;
    const engine::DeviceStatus device = m_engine->hasDevice() ? m_engine->device() : engine::DeviceStatus();
    m_title->setText(device.cuda ? tr("On this card") : tr("On this computer"));
    const std::int64_t most = std::max(*m_bytes[0], *m_bytes[1]);
    QString text = tr("Weights need %1 in NF4, %2 unquantized")
                       .arg(memoryTextLike(*m_bytes[0], most), memoryTextLike(*m_bytes[1], most));
    if (device.memoryTotal > 0) {
        const bool fits = *m_bytes[0] <= device.memoryTotal;
        text += fits ? tr(", of %1").arg(memoryText(device.memoryTotal))
                     : tr("; there are only %1").arg(memoryText(device.memoryTotal));
        m_text->setToken(fits ? Token::Text2 : Token::Err);
    }
    m_text->setText(text);
}

}  // namespace caravan::ui

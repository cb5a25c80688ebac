// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/status_line.h"

#include <QHBoxLayout>
#include <QLocale>
#include <QPainter>

#include "ui/format/format.h"

namespace caravan::ui {

class StatusLine::Dot : public QWidget {
  public:
    explicit Dot(QWidget* parent) : QWidget(parent) { setFixedSize(8, 8); }
    void setToken(Token token) {
        m_token = token;
        update();
    }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(Theme::color(m_token));
        painter.drawEllipse(rect());
    }

  private:
    Token m_token = Token::Text3;
};

QString deviceText(const engine::DeviceStatus& device) {
    const double gib = 1024.0 * 1024.0 * 1024.0;
    QStringList parts{QString::fromStdString(device.name)};
    if (device.memoryTotal > 0)
        parts << StatusLine::tr("%1 of %2 GiB")
                     .arg(QLocale::c().toString(static_cast<double>(device.memoryUsed) / gib, 'f', 1),
                          QLocale::c().toString(static_cast<double>(device.memoryTotal) / gib, 'f', 1));
    if (device.powerWatts >= 0) parts << StatusLine::tr("%1 W").arg(qRound(device.powerWatts));
    if (device.celsius >= 0) parts << StatusLine::tr("%1 °C").arg(qRound(device.celsius));
    if (device.busy >= 0) parts << StatusLine::tr("%1 % busy").arg(qRound(device.busy * 100));
    return parts.join(QStringLiteral(" · "));
}

StatusLine::StatusLine(QWidget* parent) : Surface(Token::Window, Surface::Top, parent) {
    setFixedHeight(25);
    setAccessibleName(tr("Status"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(16, 1, 16, 0);
    row->setSpacing(6);
    m_dot = new Dot(this);
    const auto label = [this] {
        return new ThemedLabel(QString(), widgets::TextRole::Caption, Token::Text2, this);
    };
    m_engine = label();
    m_device = label();
    m_fact = label();
    m_hints = label();
    row->addWidget(m_dot);
    row->addWidget(m_engine);
    row->addSpacing(18);
    row->addWidget(m_device);
    row->addStretch(1);
    row->addWidget(m_fact);
    row->addSpacing(18);
    row->addWidget(m_hints);
}

void StatusLine::setEngine(const EngineLink& engine, bool runDied) {
    const EngineState state = engine.state();
    const bool again = runDied && state == EngineState::Ready;
    m_dot->setToken(again                                                       ? Token::Err
                    : state == EngineState::Ready || state == EngineState::Busy ? Token::Ok
                    : state == EngineState::Starting                            ? Token::Text3
                    : state == EngineState::NotResponding || state == EngineState::Restarting
                        ? Token::WarnLine
                        : Token::Err);
    m_engine->setText(again ? tr("Engine restarted after an error") : engine.stateWords());
    m_device->setText(engine.hasDevice() ? deviceText(engine.device()) : QString());
    m_device->setToolTip(QString::fromStdString(engine.device().note));
}

void StatusLine::setPageTexts(const QString& fact, const QStringList& hints) {
    m_fact->setText(fact);
    m_hints->setText(hints.join(QStringLiteral("      ")));
}

}  // namespace caravan::ui

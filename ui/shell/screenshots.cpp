// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/screenshots.h"

#include <QApplication>
#include <QDialog>
#include <QDir>
#include <QPainter>
#include <QPixmap>
#include <QPlainTextEdit>
#include <QTimer>
#include <algorithm>
#include <deque>
#include <memory>

#include "ui/actions/action_registry.h"
#include "ui/bridge/engine_link.h"
#include "ui/main_window.h"
#include "ui/pages/chat/chat_page.h"
#include "ui/pages/chat/chat_session.h"
#include "ui/pages/chat/next_token_view.h"
#include "ui/project_context.h"
#include "ui/shell/banners.h"
#include "ui/shell/command_palette.h"
#include "ui/theme/theme.h"
#include "widgets/token_strip.h"

namespace caravan::ui {
namespace {

constexpr int kSettleMs = 2500;     // an answer of the engine and two redraws
constexpr int kPollMs = 100;        // while a state is waited for
constexpr int kPatienceMs = 90000;  // then the picture is taken of what there is

// A state to bring about, when it is there, and what its picture is called.
struct Stop {
    QString name;  // "01-models"; "" = no picture
    std::function<void()> go;
    std::function<bool()> there;  // none: after kSettleMs
    int settleMs = kSettleMs;
};

class Tour : public QObject {
  public:
    Tour(MainWindow* window, ScreenshotOptions options)
        : QObject(window), m_window(window), m_options(std::move(options)) {
        QDir().mkpath(m_options.folder);
        m_poll.setInterval(kPollMs);
        connect(&m_poll, &QTimer::timeout, this, [this] { wait(); });
    }

    void plan() {
        if (m_window->project() != nullptr) {
            for (const QString& page : m_window->pageIds())
                m_stops.push_back({numbered(page), [this, page] { m_window->showPage(page); }, {}});
            if (!m_window->project()->runs().empty()) planAnswers();
            if (m_options.liveRun) planRun();
            m_stops.push_back({QStringLiteral("10-palette"),
                               [this] {
                                   m_window->showPage(QStringLiteral("models"));
                                   act("view.palette");
                               },
                               {}});
            m_stops.push_back({QStringLiteral("09-welcome"),
                               [this] {
                                   if (auto* palette = m_window->findChild<CommandPalette*>())
                                       palette->hide();
                                   act("file.close");
                               },
                               {}});
        } else {
            m_stops.push_back({QStringLiteral("09-welcome"), [] {}, {}});
        }
    }

    void next() {
        if (m_stops.empty()) return m_window->closeQuietly();
        m_waited = 0;
        m_stops.front().go();
        if (m_stops.front().there) return m_poll.start();
        QTimer::singleShot(m_stops.front().settleMs, this, [this] { shoot(); });
    }

  private:
    void act(const char* id) {
        if (QAction* action = m_window->actionRegistry()->find(QLatin1String(id))) action->trigger();
    }

    [[nodiscard]] static QString numbered(const QString& page) {
        static const QStringList numbers{"",     "models",   "upcycle", "data", "tune",    "routing",
                                         "chat", "evaluate", "runs",    "",     "settings"};
        return QStringLiteral("%1-%2").arg(numbers.indexOf(page), 2, 10, QLatin1Char('0')).arg(page);
    }

    // Chat with an answer and one of its tokens, then the same question to two models.
    void planAnswers() {
        auto* chat = m_window->findChild<ChatPage*>();
        const auto answered = [chat] {  // or told why not
            return !chat->session()->isStreaming() && chat->session()->path().size() > 1;
        };
        m_stops.push_back({{},
                           [this] {
                               m_window->showPage(QStringLiteral("chat"));
                               act("chat.new");
                               ask();
                           },
                           answered,
                           300});
        m_stops.push_back({QStringLiteral("06-chat-answer"),
                           [chat] {
                               for (auto* strip : chat->findChildren<widgets::TokenStrip*>())
                                   if (strip->isVisible() && strip->count() > 0)
                                       strip->select(std::min(12, strip->count() - 1));
                           },
                           {}});
        m_stops.push_back({QStringLiteral("06-next-token"),
                           [this, chat] {
                               act("chat.next_token");
                               chat->findChild<NextTokenView*>()->input()->setPlainText(
                                   QStringLiteral("What is 2 and 3? The answer is"));
                           },
                           {}});
        m_stops.push_back(
            {{},
             [this] {
                 act("chat.side_by_side");
                 ask();
             },
             [chat] { return chat->session()->compared().size() > 1 && !chat->session()->isStreaming(); },
             300});
        m_stops.push_back({QStringLiteral("06b-chat-compare"), [] {}, {}});
        m_stops.push_back({{}, [this] { act("chat.side_by_side"); }, {}, 300});
    }

    // The page's own composer and its button.
    void ask() {
        auto* chat = m_window->findChild<ChatPage*>();
        for (auto* input : chat->findChildren<QPlainTextEdit*>())
            if (input->isVisible() && !input->isReadOnly())
                input->setPlainText(
                    QStringLiteral("Write a Python function that adds the squares of a list of numbers."));
        act("chat.send");
    }

    // A run of the draft: tuning, the window's question when it closes, the engine gone.
    void planRun() {
        const auto live = [this] { return m_window->runController()->live(); };
        m_stops.push_back({{}, [this] { startRun(); }, [live] { return live().step >= 4; }, 0});
        m_stops.push_back(
            {{},
             [this] { m_window->runController()->checkpoint(); },
             [live] { return live().lastCheckpoint > 0 && live().step >= live().lastCheckpoint + 3; },
             0});
        m_stops.push_back(
            {QStringLiteral("04-tuning"), [this] { m_window->showPage(QStringLiteral("tune")); }, {}, 1500});
        m_stops.push_back({QStringLiteral("12-close"),
                           [this] {  // the question runs an event loop of its own
                               QTimer::singleShot(0, m_window, [this] { m_window->close(); });
                           },
                           [] { return QApplication::activeModalWidget() != nullptr; }, 300});
        m_stops.push_back({QStringLiteral("11-crash"),
                           [this] {
                               if (auto* question = qobject_cast<QDialog*>(QApplication::activeModalWidget()))
                                   question->reject();
                               if (m_options.killEngine) m_options.killEngine();
                           },
                           [this] { return m_window->banners()->has(QStringLiteral("engine.died")); }});
    }

    void startRun() {
        ProjectContext* project = m_window->project();
        project->createRun(this, [this, project](const engine::Result<QString>& id) {
            if (!id) return;
            project->startRun(*id);
            m_window->showPage(QStringLiteral("tune"));
        });
    }

    void wait() {
        m_waited += kPollMs;
        if (!m_stops.front().there() && m_waited < kPatienceMs) return;
        m_poll.stop();
        QTimer::singleShot(m_stops.front().settleMs, this, [this] { shoot(); });
    }

    // The window with the dialog that stands over it.
    void shoot() {
        const QString name = m_stops.front().name;
        m_stops.pop_front();
        if (!name.isEmpty()) {
            QPixmap picture = m_window->grab();
            if (QWidget* dialog = QApplication::activeModalWidget()) {
                QPainter painter(&picture);
                const QRect area((m_window->width() - dialog->width()) / 2,
                                 (m_window->height() - dialog->height()) / 2, dialog->width(),
                                 dialog->height());
                painter.drawPixmap(area.topLeft(), dialog->grab());
                painter.setPen(Theme::color(Token::Control));
                painter.drawRect(area.adjusted(-1, -1, 0, 0));
            }
            const QString theme =
                Theme::instance().isDark() ? QStringLiteral("dark") : QStringLiteral("light");
            picture.save(QDir(m_options.folder).filePath(QStringLiteral("%1-%2.png").arg(name, theme)));
        }
        next();
    }

    MainWindow* m_window;
    ScreenshotOptions m_options;
    std::deque<Stop> m_stops;
    QTimer m_poll;
    int m_waited = 0;
};

}  // namespace

void takeScreenshots(MainWindow* window, const ScreenshotOptions& options) {
    auto* tour = new Tour(window, options);
    QTimer::singleShot(kSettleMs, tour, [tour] {
        tour->plan();
        tour->next();
    });
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QApplication>
#include <QDir>
#include <QFile>
#include <QStandardPaths>
#include <QTemporaryDir>

#include "engine/api/event_json.h"
#include "ui/bridge/fake_engine_link.h"
#include "ui/theme/theme.h"

namespace caravan::test {

// Settings, projects and sockets of a test go into one temporary folder. Make it before QApplication.
class Sandbox {
  public:
    Sandbox() {
        qputenv("XDG_DATA_HOME", m_folder.filePath("data").toUtf8());
        qputenv("XDG_CONFIG_HOME", m_folder.filePath("config").toUtf8());
        qputenv("XDG_STATE_HOME", m_folder.filePath("state").toUtf8());
        qputenv("XDG_CACHE_HOME", m_folder.filePath("cache").toUtf8());
        qputenv("CARAVAN_SOCKET", m_folder.filePath("engine.sock").toUtf8());
        qputenv("CARAVAN_REDUCED_MOTION", "1");
        QCoreApplication::setOrganizationName(QStringLiteral("caravan-test"));
        QCoreApplication::setApplicationName(QStringLiteral("caravan-test"));
    }
    [[nodiscard]] QString path(const QString& name) const { return m_folder.filePath(name); }
    QString makeFolder(const QString& name) const {
        QDir().mkpath(path(name));
        return path(name);
    }

  private:
    QTemporaryDir m_folder;
};

// Facts of a small dense Llama, as the engine's inspect tells them.
inline engine::ModelInspection denseModel(const QString& folder, std::int64_t layers = 8) {
    engine::ModelInspection m;
    m.folder = folder.toStdString();
    m.name = QDir(folder).dirName().toStdString();
    m.kind = "dense";
    m.architecture = "Llama";
    m.config.hidden = 384;
    m.config.intermediate = 1024;
    m.config.layers = layers;
    m.config.heads = m.config.kvHeads = 6;
    m.config.headSize = 64;
    m.config.vocabulary = 4096;
    m.config.maxPositions = 1024;
    m.parameters = 15'700'000;
    m.shares = {{"embeddings", 1'572'864}, {"attention", 4'718'592}, {"ffn", 9'437'184}, {"norms", 6'528}};
    m.tensors = 74;
    m.files = 3;
    m.bytes = 31'400'000;
    m.tokenizer = "SentencePiece BPE, 4,096 pieces";
    m.tokenizerFile = "tokenizer.model";
    m.quantization = "none";
    m.canUpcycle = true;
    return m;
}

inline engine::ModelInspection mixtureModel(const QString& folder) {
    engine::ModelInspection m = denseModel(folder);
    m.kind = "moe";
    m.canUpcycle = false;
    m.config.moe =
        engine::MoeConfig{8, 2, 64, 1.0, {0, 1, 2, 3, 4, 5, 6, 7}, engine::AdapterKeyStyle::Camelidae};
    return m;
}

// The engine has no live run to attach to.
inline void answerNoRuns(ui::FakeEngineLink& engine) {
    engine.answer("run.attach", [](const nlohmann::json&) -> engine::Result<nlohmann::json> {
        return nlohmann::json{{"runs", nlohmann::json::array()}};
    });
}

// Answers inspect by the folder's name: *moe* a mixture, *broken* an error, *awq* unusable, else dense.
inline void answerModels(ui::FakeEngineLink& engine) {
    engine.answer("inspect", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
        const QString path = QString::fromStdString(body.at("path").get<std::string>()),
                      name = QDir(path).dirName();
        if (name.contains("broken"))
            return engine::fail(
                engine::ErrorCode::FileBad,
                {{"file", path.toStdString() + "/config.json"}, {"place", "byte 7"}, {"detail", "not JSON"}});
        if (name.contains("moe")) return nlohmann::json(mixtureModel(path));
        engine::ModelInspection m = denseModel(path);
        if (name.contains("awq")) {
            m.canUpcycle = false;
            m.reasons = {"AWQ weights cannot be tuned. Convert to bf16, then add again."};
        }
        return nlohmann::json(m);
    });
    engine.answer("tokenize", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
        nlohmann::json ids = nlohmann::json::array(), pieces = nlohmann::json::array();
        for (const QString& word : QString::fromStdString(body.at("text").get<std::string>())
                                       .split(QLatin1Char(' '), Qt::SkipEmptyParts)) {
            pieces.push_back("\xe2\x96\x81" + word.toStdString());
            ids.push_back(100 + ids.size());
        }
        return nlohmann::json{{"ids", ids}, {"pieces", pieces}};
    });
}

// Answers plan with numbers that follow from the recipe, so that a test sees that its edit arrived.
inline void answerPlans(ui::FakeEngineLink& engine) {
    engine.answer("plan", [](const nlohmann::json& body) -> engine::Result<nlohmann::json> {
        const auto& up = body.at("recipe").at("upcycle");
        const std::int64_t experts = up.at("method") == "none" ? 0 : up.at("experts").get<std::int64_t>();
        const std::int64_t r = up.at("adapter_size").get<std::int64_t>(),
                           k = up.at("top_k").get<std::int64_t>();
        engine::RunPlan plan;
        plan.parametersDense = 15'735'168;
        plan.parametersTotal = plan.parametersDense + 8 * experts * (2 * 384 * r + 384);
        plan.parametersActive = plan.parametersDense + (experts ? 8 * (k * 2 * 384 * r + experts * 384) : 0);
        plan.parametersLora = 2'400'000;
        plan.parametersTrainable = plan.parametersTotal - plan.parametersDense + plan.parametersLora;
        plan.memory = {{"base_weights", 31 << 20},
                       {"trainable", plan.parametersTrainable * 4},
                       {"gradients", plan.parametersTrainable * 4},
                       {"optimizer", plan.parametersTrainable * 8},
                       {"activations", 300 << 20}};
        for (const auto& item : plan.memory)
            plan.memoryTotal += item.bytes;
        if (body.at("recipe").at("tune").at("recompute") == "all") plan.memoryTotal -= 200 << 20;
        plan.checkpointBytes = plan.parametersTrainable * 12;
        plan.diskBytes = plan.checkpointBytes * 4;
        plan.tokensPerStep = 4096;
        plan.microBatchTokens = 2048;
        plan.sequenceLength = 512;
        return nlohmann::json{{"plan", plan}, {"problems", nlohmann::json::array()}};
    });
}

// CARAVAN_TEST_PICTURES=DIR: what a test sees, for the eye.
inline void picture(QWidget& widget, const QString& name) {
    const QString folder = qEnvironmentVariable("CARAVAN_TEST_PICTURES");
    if (folder.isEmpty()) return;
    for (const bool dark : {false, true}) {
        ui::Theme::instance().setScheme(dark ? ui::Scheme::Dark : ui::Scheme::Light);
        QCoreApplication::sendPostedEvents();
        widget.grab().save(folder + QLatin1Char('/') + name + (dark ? "-dark.png" : "-light.png"));
    }
    ui::Theme::instance().setScheme(ui::Scheme::Light);
}

}  // namespace caravan::test

// main() of a window test: sandbox first, then the application with the program's own style.
#define CARAVAN_UI_TEST_MAIN(Test)                                          \
    int main(int argc, char** argv) {                                       \
        caravan::test::Sandbox sandbox;                                     \
        QApplication application(argc, argv);                               \
        caravan::ui::Theme::instance().install(caravan::ui::Scheme::Light); \
        Test test(sandbox);                                                 \
        return QTest::qExec(&test, argc, argv);                             \
    }

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/runs/report_export.h"

#include <QCoreApplication>
#include <QImage>
#include <QPageSize>
#include <QPainter>
#include <QPdfWriter>
#include <QSaveFile>
#include <QSvgRenderer>
#include <QTextDocument>
#include <QUrl>

#include "projects/run_report.h"

namespace caravan::ui {
namespace {

constexpr int kSharper = 3;      // pixels per px of a figure
constexpr int kTextWidth = 640;  // px of an A4 page between its margins at 96 dpi

QString tr(const char* text) {
    return QCoreApplication::translate("Report", text);
}

// The figure as a picture; its tag, or "".
std::string addPicture(QTextDocument& document, const projects::RunReport& report, const std::string& name) {
    const std::string svg = projects::reportFigure(report, name);
    if (svg.empty()) return {};
    QSvgRenderer renderer(QByteArray::fromStdString(svg));
    const QSize size = renderer.defaultSize();
    if (size.isEmpty()) return {};
    QImage image(size * kSharper, QImage::Format_RGB32);
    image.fill(Qt::white);
    QPainter painter(&image);
    renderer.render(&painter);
    painter.end();
    const QString place = QStringLiteral("figure:") + QString::fromStdString(name);
    document.addResource(QTextDocument::ImageResource, QUrl(place), image);
    const int width = std::min(size.width(), kTextWidth);
    return QStringLiteral("<img src=\"%1\" width=\"%2\" height=\"%3\">")
        .arg(place)
        .arg(width)
        .arg(size.height() * width / size.width())
        .toStdString();
}

void writePdf(const projects::RunReport& report, QIODevice* device) {
    QTextDocument document;
    document.setHtml(QString::fromStdString(projects::reportHtml(
        report, [&](const std::string& name) { return addPicture(document, report, name); })));
    QPdfWriter writer(device);
    writer.setPageSize(QPageSize(QPageSize::A4));
    writer.setPageMargins(QMarginsF(18, 18, 18, 18), QPageLayout::Millimeter);
    writer.setTitle(QString::fromStdString(report.name));
    writer.setCreator(QStringLiteral("Caravan"));
    document.print(&writer);
}

}  // namespace

QString saveReport(const projects::RunReport& report, const QString& path) {
    const bool pdf = path.endsWith(QLatin1String(".pdf"), Qt::CaseInsensitive);
    if (!pdf && !path.endsWith(QLatin1String(".html"), Qt::CaseInsensitive))
        return tr("The name must end in .html or .pdf.");
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly)) return file.errorString();
    if (pdf)
        writePdf(report, &file);
    else
        file.write(QByteArray::fromStdString(projects::reportHtml(
            report, [&](const std::string& name) { return projects::reportFigure(report, name); })));
    return file.commit() ? QString() : file.errorString();
}

}  // namespace caravan::ui

// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Figures of a report without any drawing library.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "projects/run_report.h"

namespace caravan::projects {
namespace {

constexpr double kWidth = 760, kHeight = 300, kLeft = 48, kRight = 120, kTop = 12, kBottom = 30;  // px
constexpr std::array<const char*, 4> kDashes = {"", "5 3", "1.5 2.5", "8 3 2 3"};

// From data to pixels.
struct Frame {
    double x0 = 0, x1 = 1, y0 = 0, y1 = 1;
    [[nodiscard]] double x(double value) const {
        return kLeft + (value - x0) / (x1 - x0) * (kWidth - kLeft - kRight);
    }
    [[nodiscard]] double y(double value) const {
        return kTop + (y1 - value) / (y1 - y0) * (kHeight - kTop - kBottom);
    }
};

std::string textAt(double x, double y, const std::string& words, const char* anchor, const char* color) {
    return fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"11\" text-anchor=\"{}\" fill=\"{}\">{}</text>\n", x, y,
        anchor, color, htmlText(words));
}

// A round step that gives four to eight ticks.
double tickStep(double span) {
    const double rough = span / 5, power = std::pow(10.0, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (rough <= factor * power) return factor * power;
    return 10 * power;
}

std::string axes(const Frame& frame) {
    std::string out;
    const double stepY = tickStep(frame.y1 - frame.y0), stepX = tickStep(frame.x1 - frame.x0);
    for (double y = std::ceil(frame.y0 / stepY) * stepY; y <= frame.y1; y += stepY) {
        out += fmt::format("<path d=\"M{:.1f} {:.1f}H{:.1f}\" stroke=\"#ECEAE4\"/>\n", kLeft, frame.y(y),
                           kWidth - kRight);
        out += textAt(kLeft - 6, frame.y(y) + 4, fmt::format("{:g}", std::round(y * 1e6) / 1e6), "end",
                      "#5A5751");
    }
    for (double x = 0; x <= frame.x1; x += stepX)
        out += textAt(frame.x(x), kHeight - 10, fmt::format("{:g}", x), "middle", "#5A5751");
    return out;
}

struct Curve {
    std::string name, dash;
    const char* color = "#1F1E1B";
    double width = 1.2;
    std::vector<SeriesPoint> points;
};

std::string drawn(const Curve& curve, const Frame& frame) {
    std::string path;
    for (const SeriesPoint& point : curve.points)
        if (std::isfinite(point.value))
            path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L",
                                frame.x(static_cast<double>(point.step)),
                                frame.y(std::clamp(point.value, frame.y0, frame.y1)));
    return fmt::format(
        "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-dasharray=\"{}\"/>\n", path,
        curve.color, curve.width, curve.dash.empty() ? "none" : curve.dash);
}

// Names at the ends of the curves, moved apart where they would touch.
std::string labels(std::vector<Curve> curves, const Frame& frame) {
    const auto end = [&](const Curve& c) {
        return frame.y(std::clamp(c.points.back().value, frame.y0, frame.y1));
    };
    std::sort(curves.begin(), curves.end(), [&](const Curve& a, const Curve& b) { return end(a) < end(b); });
    std::string out;
    double lowest = -100;
    for (const Curve& curve : curves) {
        const double y = std::max(end(curve) + 4, lowest + 14);
        lowest = y;
        out += textAt(kWidth - kRight + 8, y, fmt::format("{} {:.3f}", curve.name, curve.points.back().value),
                      "start", curve.color);
    }
    return out;
}

std::vector<Curve> curvesOf(const RunReport& report) {
    std::vector<Curve> curves;
    if (!report.loss.empty()) curves.push_back({"Train", "", "#0A6876", 1.6, report.loss});
    if (report.evaluations.empty()) return curves;
    for (std::size_t d = 0; d < report.evaluations.front().heldoutLoss.size(); ++d) {
        Curve curve{
            report.evaluations.front().heldoutLoss[d].first, kDashes[d % kDashes.size()], "#5A5751", 1.2, {}};
        for (const engine::Evaluation& e : report.evaluations)
            if (d < e.heldoutLoss.size()) curve.points.push_back({e.step, e.heldoutLoss[d].second});
        curves.push_back(std::move(curve));
    }
    return curves;
}

std::string lossFigure(const RunReport& report) {
    std::vector<Curve> curves = curvesOf(report);
    std::vector<double> values;
    Frame frame;
    for (const Curve& curve : curves)
        for (const SeriesPoint& point : curve.points) {
            frame.x1 = std::max(frame.x1, static_cast<double>(point.step));
            if (std::isfinite(point.value)) values.push_back(point.value);
        }
    std::erase_if(curves,
                  [](const Curve& c) { return c.points.empty() || !std::isfinite(c.points.back().value); });
    if (values.empty() || curves.empty()) return {};
    std::sort(values.begin(), values.end());
    // One jump must not press the rest flat.
    frame.y0 = values.front();
    frame.y1 = values[std::min(values.size() - 1, values.size() * 995 / 1000)];
    const double margin = std::max(1e-6, (frame.y1 - frame.y0) * 0.06);
    frame.y0 -= margin;
    frame.y1 += margin;
    std::string out = axes(frame);
    for (const Curve& curve : curves)
        out += drawn(curve, frame);
    out += labels(curves, frame);
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
        "font-family=\"sans-serif\" role=\"img\" aria-label=\"Loss by step\">\n{2}</svg>",
        kWidth, kHeight, out);
}

// Load over its share, log2, clamped to 1/4 .. 4: the light map of the window.
std::string loadColor(double ratio) {
    static constexpr std::array<std::array<int, 3>, 5> kStops = {
        {{0x1F, 0x5C, 0x94}, {0x7D, 0x9C, 0xBC}, {0xF1, 0xEF, 0xEA}, {0xC8, 0x92, 0x75}, {0xA0, 0x48, 0x0A}}};
    const double at = std::clamp(std::log2(std::max(ratio, 1e-6)), -2.0, 2.0) + 2;
    const auto low = static_cast<std::size_t>(std::min(3.0, std::floor(at)));
    const double part = at - static_cast<double>(low);
    std::array<int, 3> mixed{};
    for (std::size_t i = 0; i < 3; ++i)
        mixed[i] = static_cast<int>(std::lround(kStops[low][i] * (1 - part) + kStops[low + 1][i] * part));
    return fmt::format("#{:02X}{:02X}{:02X}", mixed[0], mixed[1], mixed[2]);
}

std::string routingFigure(const RunReport& report) {
    if (!report.routing) return {};
    const engine::RoutingRecord& record = *report.routing;
    const auto experts = static_cast<std::size_t>(record.experts);
    const double cell = std::clamp(640.0 / static_cast<double>(std::max<std::size_t>(1, experts)), 8.0, 56.0);
    const double high = record.layers.size() > 40 ? 10 : 20;
    std::string out;
    for (std::size_t layer = 0; layer < record.layers.size(); ++layer) {
        std::vector<double> load(experts, 0);
        double sum = 0;
        for (std::size_t e = 0; e < experts; ++e) {
            for (std::size_t d = 0; d < record.domains.size(); ++d)
                for (int role = 0; role < 2; ++role)
                    load[e] += record.values[record.index(layer, e, d, 1, role, 0)];
            sum += load[e];
        }
        const double y = 18 + static_cast<double>(layer) * high;
        out += textAt(kLeft - 6, y + high - 5, std::to_string(record.layers[layer]), "end", "#5A5751");
        for (std::size_t e = 0; e < experts; ++e) {
            const double ratio = sum > 0 ? load[e] / sum * static_cast<double>(experts) : 0;
            const double x = kLeft + static_cast<double>(e) * cell;
            out += fmt::format(
                "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\">"
                "<title>layer {}, expert {}: {:.2f}</title></rect>\n",
                x, y, cell - 1, high - 1, loadColor(ratio), record.layers[layer], e, ratio);
            if (cell >= 34 && high >= 18)
                out += textAt(x + cell / 2, y + high - 6, fmt::format("{:.2f}", ratio), "middle",
                              ratio > 2.8 || ratio < 0.36 ? "#FFFFFF" : "#1F1E1B");
        }
    }
    for (std::size_t e = 0; e<experts; e += experts> 16 ? 8 : 1)
        out += textAt(kLeft + (static_cast<double>(e) + 0.5) * cell, 12, "E" + std::to_string(e), "middle",
                      "#5A5751");
    const double width = kLeft + static_cast<double>(experts) * cell + 8;
    const double height = 24 + static_cast<double>(record.layers.size()) * high;
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 "
        "{0:.0f} "
        "{1:.0f}\" font-family=\"sans-serif\" role=\"img\" aria-label=\"Load by layer and "
        "expert\">\n{2}</svg>",
        width, height, out);
}

}  // namespace

std::string reportFigure(const RunReport& report, const std::string& name) {
    if (name == "loss") return lossFigure(report);
    if (name == "routing") return routingFigure(report);
    return {};
}

}  // namespace caravan::projects

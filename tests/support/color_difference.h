// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// How far apart two colors look: CIEDE2000, also for eyes without one kind of cone (the physiologically based
// matrices of 2009 at severity 1, in linear RGB).

#include <QColor>
#include <algorithm>
#include <array>
#include <cmath>

namespace caravan::test {

using Row = std::array<double, 3>;
using Matrix = std::array<Row, 3>;

struct Eye {
    const char* name;
    Matrix seen;
};

inline const std::array<Eye, 4> kEyes{
    {{"normal", {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}},
     {"protan",
      {{{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}}}},
     {"deutan",
      {{{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}}},
     {"tritan",
      {{{1.255528, -0.076749, -0.178779},
        {-0.078411, 0.930809, 0.147602},
        {0.004733, 0.691367, 0.303900}}}}}};

inline Row times(const Matrix& m, const Row& v) {
    Row out{};
    for (std::size_t i = 0; i < 3; ++i)
        out[i] = m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2];
    return out;
}

// CIE L*a*b* (white D65) of a color as that eye sees it.
inline Row labOf(const QColor& color, const Eye& eye) {
    const auto linear = [](double c) {
        return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
    };
    Row rgb = times(eye.seen, {linear(color.redF()), linear(color.greenF()), linear(color.blueF())});
    for (double& c : rgb)
        c = std::clamp(c, 0.0, 1.0);
    static const Matrix toXyz{{{0.4124564, 0.3575761, 0.1804375},
                               {0.2126729, 0.7151522, 0.0721750},
                               {0.0193339, 0.1191920, 0.9503041}}};
    const Row xyz = times(toXyz, rgb);
    const auto f = [](double t) { return t > 216.0 / 24389 ? std::cbrt(t) : t * 841 / 108 + 4.0 / 29; };
    const double x = f(xyz[0] / 0.95047), y = f(xyz[1]), z = f(xyz[2] / 1.08883);
    return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

inline double colorDifference(const Row& one, const Row& other) {
    constexpr double kDegree = M_PI / 180;
    const auto seventh = [](double c) {
        return std::sqrt(std::pow(c, 7) / (std::pow(c, 7) + std::pow(25.0, 7)));
    };
    const double g = 0.5 * (1 - seventh((std::hypot(one[1], one[2]) + std::hypot(other[1], other[2])) / 2));
    const double a1 = (1 + g) * one[1], a2 = (1 + g) * other[1];
    const double c1 = std::hypot(a1, one[2]), c2 = std::hypot(a2, other[2]);
    const auto hue = [](double a, double b) {
        const double h = std::atan2(b, a) / kDegree;
        return h < 0 ? h + 360 : h;
    };
    const double h1 = hue(a1, one[2]), h2 = hue(a2, other[2]);
    double turn = h2 - h1, mean = (h1 + h2) / 2;
    if (std::abs(turn) > 180) {
        turn += turn > 0 ? -360 : 360;
        mean += mean < 180 ? 180 : -180;
    }
    const double lightness = (one[0] + other[0]) / 2, chroma = (c1 + c2) / 2;
    const double away = (lightness - 50) * (lightness - 50);
    const double t = 1 - 0.17 * std::cos((mean - 30) * kDegree) + 0.24 * std::cos(2 * mean * kDegree) +
                     0.32 * std::cos((3 * mean + 6) * kDegree) - 0.20 * std::cos((4 * mean - 63) * kDegree);
    const double l = (other[0] - one[0]) / (1 + 0.015 * away / std::sqrt(20 + away));
    const double c = (c2 - c1) / (1 + 0.045 * chroma);
    const double h = 2 * std::sqrt(c1 * c2) * std::sin(turn / 2 * kDegree) / (1 + 0.015 * chroma * t);
    const double blue = std::exp(-std::pow((mean - 275) / 25, 2));
    return std::sqrt(l * l + c * c + h * h - std::sin(60 * blue * kDegree) * 2 * seventh(chroma) * c * h);
}

inline double colorDifference(const QColor& one, const QColor& other, const Eye& eye) {
    return colorDifference(labOf(one, eye), labOf(other, eye));
}

}  // namespace caravan::test

#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's two plots from figures that gpu_peers.sh printed. usage: headline.py headline.json FOLDER   -> FOLDER/NAME.svg per plot

headline.json: {"note": "card, date", "plots": [{"name", "title", "unit", "foot" (if any), "groups": [{"title", "bars": [{"who", "value", "own"}]}]}]}
"""
import html
import json
import sys

WIDTH, LABEL, BAR, GAP, GROUP, TOP, FOOT = 760, 250, 20, 8, 34, 58, 36
OWN, PEER, TEXT, MUTED, GROUND = "#0f7f76", "#a9b2ba", "#20262b", "#69737c", "#ffffff"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def text(x, y, words, size=13, colour=TEXT, anchor="start", weight=400):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{html.escape(words)}</text>')


def draw(plot, note):
    most = max(bar["value"] for group in plot["groups"] for bar in group["bars"])
    room = WIDTH - LABEL - 110  # the value stands behind the bar
    parts, y = [text(20, 32, plot["title"], 17, weight=600)], TOP
    for group in plot["groups"]:
        y += 16
        parts.append(text(20, y, group["title"], 13, MUTED, weight=600))
        y += 10
        for bar in group["bars"]:
            length = max(2.0, room * bar["value"] / most)
            middle = y + BAR / 2 + 5
            parts.append(text(LABEL - 10, middle, bar["who"], anchor="end", weight=600 if bar["own"] else 400))
            parts.append(f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" rx="3" fill="{OWN if bar["own"] else PEER}"/>')
            parts.append(text(LABEL + length + 8, middle, number(bar["value"]), weight=600 if bar["own"] else 400))
            y += BAR + GAP
        y += GROUP - BAR
    for line in [plot["unit"] + ".", *([plot["foot"] + "."] if "foot" in plot else []), note + "."]:
        parts.append(text(20, y + 8, line, 11, MUTED))
        y += 16
    height = y + FOOT - 16
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'font-family="Inter, Segoe UI, Noto Sans, DejaVu Sans, sans-serif" role="img" aria-label="{html.escape(plot["title"])}">\n'
            f'<rect width="{WIDTH}" height="{height}" rx="10" fill="{GROUND}"/>\n' + "\n".join(parts) + "\n</svg>\n")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        data = json.load(file)
    for plot in data["plots"]:
        with open(f'{sys.argv[2]}/{plot["name"]}.svg', "w", encoding="utf-8") as file:
            file.write(draw(plot, data["note"]))


if __name__ == "__main__":
    main()

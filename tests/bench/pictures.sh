#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# All pictures of the window: every page, Chat with answers, palette, welcome, a live run, the question when the window closes, an
# engine that died; each size in both themes and at scale 1 and 2, and all pages and dialogs with words a third longer. What they
# show beside the design: PAGES.md.
# usage: pictures.sh BUILD_FOLDER OUTPUT [SIZE...]   (default: 1440x900 1366x768 1920x1080)
#   SCALES="1 2"   factors of a high-resolution screen; the live run is pictured once, at the first
# Works on a demo project of its own in OUTPUT/state, tuned once for 60 steps (about two minutes); needs no display.
set -eu
build=$(cd "${1:?build folder}" && pwd)
mkdir -p "${2:?output folder}"
out=$(cd "$2" && pwd)
shift 2
[ $# -gt 0 ] || set -- 1440x900 1366x768 1920x1080
mkdir -p "$out/state/run" "$out/longer"
chmod 700 "$out/state/run"
export XDG_DATA_HOME=$out/state/data XDG_CONFIG_HOME=$out/state/config XDG_STATE_HOME=$out/state/log XDG_RUNTIME_DIR=$out/state/run
export QT_QPA_PLATFORM=${QT_QPA_PLATFORM:-offscreen}
[ -d "$XDG_DATA_HOME/caravan/projects/demo/runs/0001" ] || "$build/app/caravan-cli" demo
live=--screenshot-run
for scale in ${SCALES:-1 2}; do
    for size in "$@"; do
        for theme in light dark; do
            # an engine of its own, which the live run may end
            CARAVAN_SOCKET=$out/state/run/$scale-$size-$theme QT_SCALE_FACTOR=$scale "$build/app/caravan" --demo --size "$size" --theme "$theme" --screenshot-dir "$out/$size@$scale" $live
        done
        live=
    done
done
CARAVAN_TEST_PICTURES=$out/longer "$build/tests/tst_every_page" wordsHaveRoom
CARAVAN_TEST_PICTURES=$out/longer "$build/tests/tst_every_dialog" dialogs modesOfPages
ls "$out"/[0-9]*x[0-9]*/*.png "$out"/longer/*.png

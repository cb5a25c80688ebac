#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Walks the window of a build over the real accessibility bus: at_spi_walk.sh BUILD (a folder with app/caravan and
# app/caravan-engine). Debian: xvfb openbox dbus-x11 at-spi2-core gir1.2-atspi-2.0 python3-gi. The window opens the demo
# project, with the runs that CARAVAN_DEMO_DATA (a copy of $XDG_DATA_HOME) holds.
set -euo pipefail
build=$(cd "${1:?at_spi_walk.sh BUILD}" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
place=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$place"' EXIT
mkdir -p "$place/data" "$place/run" && chmod 700 "$place/run"
[ -z "${CARAVAN_DEMO_DATA:-}" ] || cp -r "$CARAVAN_DEMO_DATA/." "$place/data"
export XDG_DATA_HOME="$place/data" XDG_CONFIG_HOME="$place/config" XDG_STATE_HOME="$place/state" XDG_RUNTIME_DIR="$place/run"
export CARAVAN_ENGINE=${CARAVAN_ENGINE:-$build/app/caravan-engine} CARAVAN_RESOURCES="$here/../../resources"
export QT_LINUX_ACCESSIBILITY_ALWAYS_ON=1
# shellcheck disable=SC2016
xvfb-run -a -s "-screen 0 1600x1000x24" dbus-run-session -- bash -c '
    openbox 2>/dev/null &
    "$1/app/caravan" --demo >"$3/window.log" 2>&1 &
    /usr/bin/python3 -W ignore "$2/at_spi_walk.py"
    code=$?
    kill $(jobs -p) 2>/dev/null
    wait
    exit $code' -- "$build" "$here" "$place"

#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Packs what a GPU machine without package access lacks for gpu_check.sh: headers, libraries and CMake files of the Debian
# packages that the engine uses, and SentencePiece's source. usage: gpu_pack.sh SENTENCEPIECE_SOURCE   -> .carry/dev.tar.xz
set -eu
cd "$(dirname "$0")/../.."
source=${1:?folder of the unpacked SentencePiece source}
mkdir -p .carry
lib=usr/lib/x86_64-linux-gnu
set -- usr/include/nlohmann usr/include/tl usr/include/fmt usr/include/spdlog usr/include/CLI usr/include/gtest usr/include/gmock \
    usr/include/sqlite3.h usr/include/pcre2.h usr/include/utf8proc.h usr/include/xxhash.h usr/include/xxh3.h \
    usr/bin/pkgconf usr/bin/pkg-config usr/share/cmake $lib/cmake/fmt $lib/cmake/spdlog $lib/cmake/GTest
for name in fmt spdlog pcre2-8 utf8proc xxhash sqlite3 pkgconf gtest gmock gtest_main gmock_main; do
    for file in $(cd / && ls $lib/lib$name.so* $lib/lib$name.a 2>/dev/null); do
        case $file in *sqlite3.a | *pcre2-8.a | *utf8proc.a | *xxhash.a | *fmt.a | *spdlog.a) continue ;; esac
        set -- "$@" "$file"
    done
done
for name in libpcre2-8 libutf8proc libxxhash; do set -- "$@" $lib/pkgconfig/$name.pc; done
for extra in nlohmann_json tl-expected CLI11; do
    for file in $(cd / && ls -d usr/share/cmake/$extra usr/lib/cmake/$extra $lib/cmake/$extra 2>/dev/null); do set -- "$@" "$file"; done
done
tar -C / -cf .carry/dev.tar "$@"
tar -C "$source" -rf .carry/dev.tar --transform 's#^#sentencepiece/#' --exclude='normalization_rule.h' --exclude='*_test.cc' \
    --exclude='*trainer*.cc' src third_party
xz -9e -f .carry/dev.tar
ls -l .carry

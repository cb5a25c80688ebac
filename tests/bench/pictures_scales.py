#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the pictures of scale 2 show what those of scale 1 show: per size the pictures with the largest share of blocks of 16 pixels whose mean differs by
more than 10 of 255 levels, after scale 2 was reduced and both were blurred. Needs Pillow and numpy. usage: pictures_scales.py FOLDER [SIZE...]   (pictures.sh made it)
"""
import os
import sys

import numpy
from PIL import Image, ImageFilter

BLOCK, LEVELS = 16, 10


def grey(path, size=None):
    image = Image.open(path).convert("L")
    if size:
        image = image.resize(size, Image.BOX)
    return numpy.asarray(image.filter(ImageFilter.GaussianBlur(3)), float), image.size


def share(folder, size, name):
    one, dimensions = grey(f"{folder}/{size}@1/{name}")
    two, _ = grey(f"{folder}/{size}@2/{name}", dimensions)
    rows, columns = (n // BLOCK * BLOCK for n in one.shape)
    apart = numpy.abs(one - two)[:rows, :columns].reshape(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK).mean((1, 3))
    return 100 * (apart > LEVELS).mean()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    for size in sys.argv[2:] or ["1366x768", "1440x900", "1920x1080"]:
        names = [n for n in sorted(os.listdir(f"{folder}/{size}@2")) if os.path.exists(f"{folder}/{size}@1/{n}")]
        shares = sorted(((share(folder, size, n), n) for n in names), reverse=True)
        print(f"{size}: {len(names)} pictures in both scales; per cent of blocks that differ:", ", ".join(f"{n} {v:.2f}" for v, n in shares[:10]))


if __name__ == "__main__":
    main()

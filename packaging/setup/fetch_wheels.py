#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch the pinned wheels and source packages with pip (nothing is installed) and unpack them into the cache.

usage: fetch_wheels.py LOCK CACHE GROUP...

Uses only pip's own index configuration. A package is complete when CACHE/.have/<sha256> exists; an interrupted
fetch leaves nothing behind. Several clones may share one cache: a lock file serialises them.
"""
import fcntl
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

# torch/include/{fmt,google,pybind11} would shadow Debian's fmt and other protobufs; no header we use needs them.
DROPPED = ("torch/include/fmt/", "torch/include/google/", "torch/include/pybind11/",
           "torch/lib/libshm", "torch/lib/libtorch_python.so")
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_25", "manylinux2014", "manylinux_2_17",
             "manylinux_2_12", "manylinux2010")


def wanted(name):
    if name.startswith("torch/"):
        return name.startswith(("torch/lib/", "torch/include/")) and not name.startswith(DROPPED)
    return name.startswith("nvidia/")


def unpack_wheel(wheel, root):
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if entry.is_dir() or not wanted(entry.filename):
                continue
            path = archive.extract(entry, root)
            if (entry.external_attr >> 16) & 0o111:  # zipfile drops the execute bit
                os.chmod(path, 0o755)


def unpack_source(archive_path, root):
    target = pathlib.Path(root) / "source"
    target.mkdir(exist_ok=True)
    with tarfile.open(archive_path) as archive:
        for member in archive.getmembers():  # pinned by hash, still: nothing outside the folder, no links
            if member.name.startswith("/") or ".." in member.name.split("/") or not (member.isfile() or member.isdir()):
                continue
            archive.extract(member, target)


def pip_arguments(group):
    if group == "source":
        return ["--no-binary=:all:"]
    arguments = ["--only-binary=:all:", "--implementation", "cp", "--python-version", "3.12",
                 "--abi", "cp312", "--abi", "none"]
    for platform in PLATFORMS:
        arguments += ["--platform", platform + "_x86_64"]
    return arguments


def fetch(group, requirement, sha256, cache):
    start = time.time()
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        pin = os.path.join(folder, "requirement.txt")
        with open(pin, "w") as file:
            file.write(f"{requirement} --hash=sha256:{sha256}\n")
        subprocess.run([sys.executable, "-m", "pip", "-q", "download", "--no-deps", "--require-hashes",
                        "--no-cache-dir", "--disable-pip-version-check", "--retries", "5",
                        *pip_arguments(group), "-d", folder, "-r", pin], check=True)
        package = next(p for p in pathlib.Path(folder).iterdir() if p.suffix in (".whl", ".gz"))
        size = package.stat().st_size
        (unpack_source if group == "source" else unpack_wheel)(package, cache)
        (cache / ".have" / sha256).write_text(requirement + "\n")
    print(f"  {requirement}: {size / 1e6:.1f} MB in {time.time() - start:.0f} s", flush=True)


def link_toolkit(cache):
    toolkit = cache / "nvidia" / "cu13"
    if toolkit.is_dir() and not (toolkit / "lib64").exists():
        (toolkit / "lib64").symlink_to("lib")  # nvcc.profile looks in lib64
    for library in toolkit.glob("lib/lib*.so.*"):  # the wheels carry no libX.so for the linker
        link = library.parent / (library.name.split(".so.")[0] + ".so")
        if not link.exists():
            link.symlink_to(library.name)


def main(lock, cache, *groups):
    cache = pathlib.Path(cache)
    (cache / ".have").mkdir(parents=True, exist_ok=True)
    with open(cache / ".lock", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        lines = [line.split("#")[0].split() for line in open(lock)]
        todo = [line for line in lines if line and line[0] in groups and not (cache / ".have" / line[2]).exists()]
        for number, (group, requirement, sha256) in enumerate(todo, 1):
            print(f"  [{number}/{len(todo)}] {requirement}", flush=True)
            try:
                fetch(group, requirement, sha256, cache)
            except subprocess.CalledProcessError as error:
                print(f"caravan: fetching {requirement} failed: pip ended with {error.returncode}.\n"
                      "  Its own message stands above. Check the network or pip's index settings, then run the same "
                      "command again: what is already fetched is kept.", file=sys.stderr)
                return 1
            except OSError as error:
                print(f"caravan: unpacking {requirement} into {cache} failed: {error}.\n"
                      "  Free disk space there (3 GB are needed), or set CARAVAN_CACHE to another folder.", file=sys.stderr)
                return 1
        link_toolkit(cache)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

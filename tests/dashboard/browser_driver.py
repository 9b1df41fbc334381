#!/usr/bin/env python3
"""Installs what package-lock.json names in a directory, unless it is there: browser_driver.py DIRECTORY.

Exit status 77: there is no npm."""

import filecmp
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
FILES = ("package.json", "package-lock.json")


def main():
    directory = pathlib.Path(sys.argv[1])
    done = directory / "node_modules" / "installed-package-lock.json"
    if done.exists() and filecmp.cmp(done, HERE / "package-lock.json", shallow=False):
        return
    if shutil.which("npm") is None:
        print("SKIPPED: npm is not installed (make deps installs it)")
        sys.exit(77)
    for name in FILES:
        shutil.copy(HERE / name, directory / name)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=directory,
                   check=True)
    shutil.copy(HERE / "package-lock.json", done)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Has a judge in Go ask the program that answers for relabelling, and passes on what it says.

usage: judge_test.py ANSWERS regex|prometheus [CASES [SEED]]

Exits 77 when there is no Go, or when its modules cannot be had.
"""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = {"regex": 8000, "prometheus": 20000}
FOLDERS = {"regex": ("judge", "./regex"), "prometheus": ("judge/prometheus", ".")}


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def build(name, program):
    folder, package = FOLDERS[name]
    built = subprocess.run(["go", "build", "-buildvcs=false", "-o", program, package], text=True,
                           cwd=os.path.join(HERE, folder), capture_output=True)
    if built.returncode == 0:
        return
    if name == "prometheus" and not modules_are_there(folder):
        skip(f"the modules of Prometheus cannot be had: {built.stderr.strip().splitlines()[-1]}")
    sys.exit(built.stderr)


def modules_are_there(folder):
    return subprocess.run(["go", "mod", "download"], cwd=os.path.join(HERE, folder),
                          capture_output=True).returncode == 0


def main():
    answers, name = sys.argv[1:3]
    cases = sys.argv[3] if len(sys.argv) > 3 else str(CASES[name])
    seed = sys.argv[4] if len(sys.argv) > 4 else "1"
    if not shutil.which("go"):
        skip("there is no go")
    with tempfile.TemporaryDirectory() as directory:
        program = os.path.join(directory, name)
        build(name, program)
        sys.exit(subprocess.run([program, os.path.abspath(answers), cases, seed],
                                timeout=100).returncode)


if __name__ == "__main__":
    main()

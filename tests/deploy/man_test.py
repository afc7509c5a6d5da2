#!/usr/bin/env python3
"""The man pages: without warnings, and with every option of --help and every event that is logged.

usage: man_test.py SERVICE PROGRAM
"""

import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
EVENT = re.compile(r'log_(?:err|warn|info)\(\s*"([a-z0-9-]+)"')


def warnings_of(page):
    if not shutil.which("man"):
        return ""
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          env=dict(os.environ, MANROFFSEQ="", MANWIDTH="80"), check=False)
    return done.stderr


def events_of(service):
    found = set()
    for path in glob.glob(os.path.join(TREE, service, "**/*.c"), recursive=True):
        with open(path, encoding="utf-8") as file:
            found |= set(EVENT.findall(file.read()))
    return found


def main():
    service, program = sys.argv[1:]
    page = os.path.join(TREE, f"deploy/man/triptych-{service}.8")
    with open(page, encoding="utf-8") as file:
        text = file.read().replace("\\-", "-")
    faults = [f"man says: {line}" for line in warnings_of(page).splitlines()]
    shown = subprocess.run([program, "--help"], stdout=subprocess.PIPE, text=True,
                           check=True).stdout
    options = set(re.findall(r"--[a-z][a-z-]*", shown))
    faults += [f"{option} is missing" for option in sorted(options) if option not in text]
    words = set(re.findall(r"[a-z0-9-]+", text))
    faults += [f"event {event} is missing" for event in sorted(events_of(service) - words)]
    print("\n".join(faults) or f"{len(options)} options, {len(events_of(service))} events")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Reads every flawed file of specimens.py: hostile_test.py TABLE_DUMP SYMBOLIZER RELEASE_SYMBOLIZER.

Each has the outcome and the names that it must have, after no more than bounded work, and `resolve`
answers for it or says what is wrong. No file takes the release build more than the memory that any
file may. Files that are cut while they are read end as well.
"""
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

import specimens
from table_test import SECONDS_MAX, dump

MEBIBYTES_MAX = 256
WORDS = {specimens.NOT_ELF: "not an ELF file", specimens.MALFORMED: "malformed", specimens.TOO_BIG: "over the bounds"}
NO_TABLE = 65
TRUNCATIONS = 8


class Resolve:
    """A running `resolve`, which is asked one address."""

    def __init__(self, symbolizer, path):
        environment = dict(os.environ, ASAN_OPTIONS="abort_on_error=0:detect_leaks=1")
        self.started = time.monotonic()
        self.process = subprocess.Popen([symbolizer, "resolve", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment)

    def ask(self, address):
        """(exit status, the answer's fields or None, what was said, peak of memory in MiB)."""
        answer, peak = b"", 0
        try:
            self.process.stdin.write(b"%x\n" % address)
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
            if answer:
                with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
                    peak = int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) >> 10
        except BrokenPipeError:
            pass
        _, said = self.process.communicate()
        fields = answer.decode("utf-8", "replace").rstrip("\n").split("\t") if answer else None
        return self.process.returncode, fields, said.decode("utf-8", "replace"), peak


def check_table(tool, path, expected):
    """Returns where "alpha" is, where there is one."""
    outcome, flaw, names = expected
    table = dump(tool, path)
    took = sum(int(t) for t in table.get("time", [])[:3]) / 1e9
    label = os.path.basename(path)
    assert int(table["outcome"][0]) == outcome, "%s: outcome %r" % (label, table["outcome"])
    if flaw is not None:
        assert int(table["outcome"][1]) == flaw, "%s: flaw %r" % (label, table["outcome"])
    if isinstance(names, int):
        assert int(table["pieces"][0]) == names, "%s: %s pieces" % (label, table["pieces"][0])
    elif names is not None:
        got = {name for _, name in table["symbol"].values()}
        assert got == names, "%s: symbols %r" % (label, got)
    read_max = specimens.READ_BYTES_MAX.get(label, 4 * os.path.getsize(path) + 8192)
    assert int(table["read"][0]) <= read_max, "%s: reads %r" % (label, table["read"])
    assert took < SECONDS_MAX, "%s: %.1f s" % (label, took)
    print("%s: outcome %s, %.2f s" % (label, " ".join(table["outcome"]), took))
    return next((start for start, (_, name) in table["symbol"].items() if name == "alpha"), specimens.TEXT_ADDR)


def check_resolve(symbolizer, path, expected, address, peak_max):
    outcome, flaw, names = expected
    label = os.path.basename(path)
    asked = Resolve(symbolizer, path)
    code, fields, said, peak = asked.ask(address)
    took = time.monotonic() - asked.started
    assert took < SECONDS_MAX, "%s: %.1f s" % (label, took)
    assert peak_max == 0 or peak <= peak_max, "%s: %d MiB of memory" % (label, peak)
    if outcome != specimens.OK:
        assert code == NO_TABLE and fields is None and WORDS[outcome] in said, "%s: exit %d, %s" % (label, code, said)
    else:
        assert code == 0 and len(fields) == 6, "%s: exit %d, %r, %s" % (label, code, fields, said)
        assert not flaw or WORDS[flaw] in said, "%s: says %s" % (label, said)
        if isinstance(names, set):
            wanted = "alpha" if "alpha" in names else None
            assert fields[1] == wanted or wanted is None, "%s: %r" % (label, fields)
            assert names or fields[1] == "-", "%s: %r, where nothing is known" % (label, fields)
    return peak


def check_changes(symbolizer, directory):
    """Files that somebody cuts while they are read."""
    whole = specimens.LARGE["million-zero-size"][0]()
    path = os.path.join(directory, "cut")
    codes = {}
    for i in range(TRUNCATIONS):
        with open(path, "wb") as file:
            file.write(whole)
        asked = Resolve(symbolizer, path)
        cutter = threading.Timer(0.005 * i, os.truncate, (path, len(whole) * (i % 5) // 5))
        cutter.start()
        code, fields, said, _ = asked.ask(specimens.TEXT_ADDR)
        cutter.join()
        assert code in (0, NO_TABLE), "cut after %d ms: exit %d, %s" % (5 * i, code, said)
        codes[code] = codes.get(code, 0) + 1
    print("cut while they are read: %r" % codes)


def main():
    table_dump, symbolizer, release = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as directory:
        for name, (make, expected) in {**specimens.SPECIMENS, **specimens.LARGE}.items():
            path = os.path.join(directory, name)
            with open(path, "wb") as out:
                out.write(make())
            address = check_table(table_dump, path, expected)
            peak = check_resolve(release, path, expected, address, MEBIBYTES_MAX)
            if name in specimens.LARGE:
                print("%s: %d MiB of memory" % (name, peak))
            else:
                check_resolve(symbolizer, path, expected, address, 0)
            os.unlink(path)
        check_changes(symbolizer, directory)


if __name__ == "__main__":
    main()

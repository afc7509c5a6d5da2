#!/usr/bin/env python3
"""Stripped programs carry the names of their debug files, also when they are gone for long."""

import os
import shutil
import subprocess
import sys

import harness
import judge
import workloads
from harness import check
from receiver import Receiver

RATE_HZ = 497
BRIEF = 30 # programs that nobody has met before, each runs once
BRIEF_MS = 50
NAMED_PCT_MIN = 95.0
TURN, DRIVE = "turn", "drive"


def own_names(debug):
    """The two functions' mangled names: only the debug file has them."""
    names = judge.symbols(debug)
    found = [next(n for n in names if part in n and n.startswith("_ZN")) for part in (TURN, DRIVE)]
    return set(found)


def strip(directory, name, flags=()):
    """The manual's three commands; the program is at @directory/@name, its debug file is returned."""
    made = f"{directory}/made"
    workloads.build_cxx(made, "stripped.cc", "elf", flags)
    for command in (["objcopy", "--only-keep-debug", "elf", "elf.debug"],
                    ["strip", "elf", "-o", "elf.stripped"],
                    ["objcopy", "--add-gnu-debuglink=elf.debug", "elf.stripped", "elf.debuglink"]):
        subprocess.run(command, cwd=made, check=True)
    os.rename(f"{made}/elf.debuglink", f"{directory}/{name}")
    return f"{made}/elf.debug"


def build_id(path):
    out = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True).stdout
    return out.split("Build ID: ")[1].split()[0]


class Case:
    """A program at its place, and its debug file at another."""

    def __init__(self, directory, name, place, root="", flags=()):
        self.name, self.root = name, root
        self.home = f"{directory}/{name}"
        debug = strip(self.home, name, flags)
        self.names = own_names(debug)
        self.program = f"{self.home}/{name}"
        if root:
            os.makedirs(f"{self.home}/root/opt")
            os.rename(self.program, f"{self.home}/root/opt/{name}")
            self.program = f"/opt/{name}"
        prefix = f"{self.home}/root" if root else ""
        identity = build_id(debug)
        path = {"beside": f"{self.home}/elf.debug", "dot-debug": f"{self.home}/.debug/elf.debug",
                "global": f"{prefix}/usr/lib/debug/opt/elf.debug",
                "build-id": f"{prefix}/usr/lib/debug/.build-id/{identity[:2]}/{identity[2:]}.debug"}[place]
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(debug, path)

    def run(self, triptych, ms):
        command = [self.program, str(ms)]
        if self.root:
            command = ["chroot", f"{self.home}/root"] + command
        triptych.run(command)


def check_case(judged, case, n_min):
    stacks = judged.of_process(case.name)
    named = [s for s in stacks if case.names <= set(s.names())]
    n, n_named = judged.samples(stacks), judged.samples(named)
    print(f"{case.name}: {n_named} of {n} samples under their own functions")
    check(n >= n_min, f"{case.name}: only {n} samples")
    check(n_named >= 0.9 * n, f"{case.name}: {[s.names() for s in stacks if s not in named][:3]}")


def run_brief(triptych, case, directory):
    """Copies of one program: each a file of its own, beside the one debug file."""
    shutil.copy(f"{case.home}/made/elf.debug", f"{directory}/elf.debug")
    for i in range(BRIEF):
        shutil.copy(case.program, f"{directory}/brief-{i}")
        triptych.run([f"{directory}/brief-{i}", str(BRIEF_MS)])


def check_brief(judged, case):
    stacks = [s for s in judged.stacks if s.frames and s.frames[0].name.startswith("brief-")]
    named = [s for s in stacks if case.names & set(s.names())]
    n, n_named = judged.samples(stacks), judged.samples(named)
    print(f"{BRIEF} programs of {BRIEF_MS} ms, each met once: {n_named} of {n} samples carry the names of their "
          f"debug file: {100 * n_named / max(n, 1):.2f} %")
    check(n >= 0.5 * BRIEF * BRIEF_MS / 1000 * RATE_HZ, f"only {n} samples")
    check(100 * n_named / n >= NAMED_PCT_MIN, f"below {NAMED_PCT_MIN} %")


def check_libc(judged):
    if not os.path.isdir("/usr/lib/debug/.build-id"):
        print("libc6-dbg is not installed: its names are not looked for")
        return
    names = {name for s in judged.of_process("mallocs") for name in s.names()}
    check({"_int_malloc", "_int_free"} <= names, f"libc's own functions are not among {sorted(names)}")


def main():
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        os.chmod(directory, 0o755)
        cases = [Case(directory, "beside", "beside"), Case(directory, "dotdebug", "dot-debug"),
                 Case(directory, "chrooted", "build-id", "root", ["-static"]),
                 Case(directory, "chrootglobal", "global", "root", ["-static"])]
        mallocs = workloads.build_c(directory, "mallocs.c")
        os.mkdir(f"{directory}/brief")
        with harness.Triptych(receiver.url, interval="700ms", sample_rate=RATE_HZ) as triptych:
            for case in cases:
                case.run(triptych, 500)
            run_brief(triptych, cases[0], f"{directory}/brief")
            triptych.run([mallocs])
            triptych.stop_collector()
            harness.check_delivered(triptych, receiver)
        judged = judge.of_receiver(receiver)
        for case in cases:
            check_case(judged, case, 0.6 * 0.5 * RATE_HZ)
        check_brief(judged, cases[0])
        check_libc(judged)
    return 0


if __name__ == "__main__":
    sys.exit(main())

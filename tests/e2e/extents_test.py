#!/usr/bin/env python3
"""Functions without a name go by their module and start, each as one frame; so do 32-bit programs'.

Of each class one program with its symbols and one without any, whose functions only FDEs tell.
"""

import os
import subprocess
import sys

import harness
import judge
import workloads
from harness import check
from receiver import Receiver

RATE_HZ = 497
SAMPLES_MIN = 100
FUNCTIONS = ("left", "right")


class Program:
    """A build of bare.c, and how its functions are called in profiles."""

    def __init__(self, directory, bits, is_stripped):
        self.name = f"bare{bits}{'stripped' if is_stripped else ''}"
        flags = [f"-m{bits}", "-fasynchronous-unwind-tables", "-fno-pie", "-static", "-nostdlib", "-Wl,-e,begin"]
        self.path = workloads.build_c(directory, "bare.c", self.name, flags)
        starts = self.starts()
        self.caller = f"{self.name}+{starts['turns']:#x}" if is_stripped else "turns"
        self.names = [f"{self.name}+{starts[name]:#x}" if is_stripped else name for name in FUNCTIONS]
        if is_stripped:
            subprocess.run(["strip", self.path], check=True)

    def starts(self):
        out = subprocess.run(["nm", self.path], capture_output=True, text=True, check=True).stdout
        return {words[2]: int(words[0], 16) for words in map(str.split, out.splitlines()) if len(words) == 3}


def programs(directory):
    made = []
    for bits in (64, 32):
        for is_stripped in (False, True):
            try:
                made.append(Program(directory, bits, is_stripped))
            except subprocess.CalledProcessError:
                print(f"gcc makes no program of {bits} bits here")
    return made


def check_program(judged, program):
    stacks, counts = judged.of_process(program.name), {}
    for stack in stacks:
        called = [name for name in stack.names() if name in program.names]
        key = called[-1] if program.caller in stack.names() and called else "others"
        counts[key] = counts.get(key, 0) + judged.samples([stack])
    n = sum(counts.values())
    print(f"{program.name}: {n} samples, under {program.caller}: {counts}")
    check(n >= SAMPLES_MIN, f"{program.name}: only {n} samples")
    check(counts.get("others", 0) <= 0.05 * n and all(counts.get(name) for name in program.names),
          f"{program.name}: {[stack.names() for stack in stacks][:4]}")


def main():
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        os.chmod(directory, 0o755)
        made = programs(directory)
        check(len(made) >= 2, "gcc makes no programs")
        with harness.Triptych(receiver.url, interval="700ms", sample_rate=RATE_HZ) as triptych:
            for program in made:
                triptych.run([program.path])
            triptych.stop_collector()
            harness.check_delivered(triptych, receiver)
        judged = judge.of_receiver(receiver)
        for program in made:
            check_program(judged, program)
    return 0


if __name__ == "__main__":
    sys.exit(main())

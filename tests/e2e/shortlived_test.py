#!/usr/bin/env python3
"""200 processes of 50 ms each: their samples carry their program's own function names.

A process is gone before its samples are drained. The figure is printed; below 95 % the test fails.
"""

import subprocess
import sys
import time

import harness
import judge
import workloads
from harness import check
from receiver import Receiver

PROCESSES, AT_ONCE = 200, 2
NAMED_PCT_MIN = 95.0


def run_many(program):
    running, left = [], PROCESSES
    while left or running:
        while left and len(running) < AT_ONCE:
            running.append(harness.spawn([program, "50"], stdin=subprocess.DEVNULL))
            left -= 1
        for process in [p for p in running if p.poll() is not None]:
            running.remove(process)
            check(harness.reap(process, 1) == 0, "a short-lived program failed")
        time.sleep(0.002)


def main():
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        program = workloads.build_c(directory, "shortlived.c")
        with harness.Triptych(receiver.url, interval="1s") as triptych:
            run_many(program)
            triptych.stop_collector()
            harness.check_delivered(triptych, receiver)
        judged = judge.of_receiver(receiver)
        stacks = judged.of_process("shortlived")
        own = judge.symbols(program)
        named = [s for s in stacks if any(f.module == program and f.name in own for f in s.frames)]
        n, n_named = judged.samples(stacks), judged.samples(named)
        check(n >= 0.6 * PROCESSES * 0.05 * 97, f"only {n} samples of {PROCESSES} processes")
        print(f"{n_named} of {n} samples of {PROCESSES} processes of 50 ms carry their own function "
              f"names: {100 * n_named / n:.2f} %")
        check(100 * n_named / n >= NAMED_PCT_MIN, f"below {NAMED_PCT_MIN} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Code that lies in no file has names: the vDSO's functions."""

import sys

import harness
import judge
import workloads
from harness import check
from receiver import Receiver

RATE_HZ = 497
CLOCK_MS = 1000


def check_vdso(judged):
    stacks = judged.of_process("clock")
    frames = [f.name for s in stacks for f in s.frames if f.module == "[vdso]"]
    n, n_named = judged.samples(stacks), judged.samples(
        [s for s in stacks if any(f.module == "[vdso]" and f.name.endswith("clock_gettime") for f in s.frames)])
    print(f"clock: {n_named} of {n} samples in the vDSO's functions: {sorted(set(frames))}")
    check(n > 0.2 * CLOCK_MS / 1000 * RATE_HZ, f"only {n} samples of clock")
    check(n_named >= 0.3 * n, f"the vDSO is not named: {[s.names() for s in stacks[:3]]}")
    check("[vdso]" not in frames, "some of the vDSO's code goes by its module alone")


def main():
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        clock = workloads.build_c(directory, "clock.c")
        with harness.Triptych(receiver.url, interval="700ms", sample_rate=RATE_HZ) as triptych:
            triptych.run([clock, str(CLOCK_MS)])
            triptych.stop_collector()
            harness.check_delivered(triptych, receiver)
        check_vdso(judge.of_receiver(receiver))
    return 0


if __name__ == "__main__":
    sys.exit(main())

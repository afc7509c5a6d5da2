#!/usr/bin/env python3
"""Where kptr_restrict hides the kernel's symbols: kernel frames are said to be the kernel's and get no wrong
names, a log line and a gauge say why, and user frames keep theirs."""

import contextlib
import os
import subprocess
import sys

import harness
import judge
import workloads
from harness import check
from receiver import Receiver

SWITCH = "/proc/sys/kernel/kptr_restrict"
HIDDEN_FROM_ALL = "2"
SKIPPED = 77
RATE_HZ = 997
BURN_SECONDS = 1


@contextlib.contextmanager
def symbols_hidden():
    with open(SWITCH, encoding="ascii") as file:
        before = file.read()
    with open(SWITCH, "w", encoding="ascii") as file:
        file.write(HIDDEN_FROM_ALL)
    try:
        yield
    finally:
        with open(SWITCH, "w", encoding="ascii") as file:
            file.write(before)


def check_said(triptych):
    metrics = triptych.metrics()
    check(metrics["triptych_kernel_symbols_hidden"] == len(triptych.symbolizers()), "the gauge says nothing")
    for name in triptych.symbolizers():
        n = triptych.log(name).count("kernel-symbols-hidden")
        check(n == 1, f"{name} says {n} times that the kernel's symbols are hidden")


def check_names(judged):
    stacks = judged.of_process("dd")
    kernel = {f.name for s in stacks for f in s.frames if f.module.startswith("[kernel")}
    check(kernel == {"[kernel]"}, f"names of kernel frames: {sorted(kernel)[:9]}")
    n_kernel = judged.samples(judge.with_function(stacks, "[kernel]"))
    print(f"dd: {n_kernel} of {judged.samples(stacks)} samples in [kernel]")
    check(n_kernel > 100, "dd has no kernel frames")
    check(judge.with_function(judged.of_process("split"), "split_half"), "user frames lost their names")


def main():
    if not os.access(SWITCH, os.W_OK):
        print(f"{SWITCH} is not writable")
        return SKIPPED
    with harness.scratch() as directory, symbols_hidden():
        split = workloads.build_c(directory, "split.c")
        with Receiver(f"{directory}/received") as receiver, \
                harness.Triptych(receiver.url, interval="300ms", sample_rate=RATE_HZ) as triptych:
            dd = harness.spawn(["dd", "if=/dev/zero", "of=/dev/null", "bs=1M"], stderr=subprocess.DEVNULL)
            triptych.run([split, str(BURN_SECONDS)])
            harness.wait_for(lambda: triptych.metrics()["triptych_kernel_symbols_hidden"] == len(
                triptych.symbolizers()), 20, "both symbolizers to see a window of the kernel's")
            dd.kill()
            harness.reap(dd, 5)
            check_said(triptych)
            triptych.stop_collector()
            harness.check_books(triptych.final)
            triptych.stop()
            judged = judge.of_receiver(receiver)
        check_names(judged)
    return 0


if __name__ == "__main__":
    sys.exit(main())

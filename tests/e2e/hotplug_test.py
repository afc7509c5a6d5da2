#!/usr/bin/env python3
"""A CPU goes and comes back: profiles go on without it, a new collector covers it, the books balance.

The event of a CPU dies with it, and only privilege could make another: the collector flushes and
exits 75. The test is its service manager.
"""

import contextlib
import os
import subprocess
import sys

import harness
import workloads
from harness import check
from receiver import Receiver

CPU = 1
SWITCH = f"/sys/devices/system/cpu/cpu{CPU}/online"
EXIT_AGAIN, SKIPPED = 75, 77
RATE_HZ = 499


def why_not():
    """Why this machine cannot; None when it can."""
    if not os.path.exists(SWITCH):
        return f"{SWITCH} is not there: this CPU cannot be switched"
    if not os.access(SWITCH, os.W_OK):
        return f"{SWITCH} is not writable"
    with open(SWITCH, encoding="ascii") as file:
        if file.read().strip() != "1":
            return f"CPU {CPU} is offline already"
    return None


def switch(state):
    with open(SWITCH, "w", encoding="ascii") as file:
        file.write(str(state))


@contextlib.contextmanager
def cpu_comes_back():
    try:
        yield
    finally:
        with open(SWITCH, encoding="ascii") as file:
            is_offline = file.read().strip() == "0"
        if is_offline:
            switch(1)


@contextlib.contextmanager
def busy(program, n):
    processes = [harness.spawn([program, "600"], stdout=subprocess.DEVNULL) for _ in range(n)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            harness.reap(process, 5)


def wait_more(receiver, n, what):
    before = receiver.totals()["samples"]
    harness.wait_for(lambda: receiver.totals()["samples"] >= before + n, 15, what)


def cpu_1_is_sampled(triptych, receiver, directory):
    """Runs a program that nothing but CPU 1 runs, and finds it in the profiles."""
    pinned = workloads.build_c(directory, "split.c", "pinned")
    triptych.run(["taskset", "-c", str(CPU), pinned, "1"])

    def sampled():
        return sum(values[0] // one.profile.period for one in receiver.snapshot()
                   for (stack, _), values in one.profile.samples.items()
                   if stack[-1].lines[0][0].name == "pinned")
    harness.wait_for(lambda: sampled() > 0.7 * RATE_HZ, 10, f"a second of CPU {CPU}")
    print(f"one second of CPU {CPU}: {sampled()} samples at {RATE_HZ} Hz")


def run(triptych, receiver, directory):
    program = workloads.build_c(directory, "split.c")
    with busy(program, 3), cpu_comes_back():
        wait_more(receiver, RATE_HZ, "samples of both CPUs")
        switch(0)
        wait_more(receiver, 2 * RATE_HZ, f"samples without CPU {CPU}")
        triptych.check_alive()
        switch(1)
        code = harness.reap(triptych.processes.pop("collector"), 20)
        check(code == EXIT_AGAIN, f"the collector ended with {code}, expected {EXIT_AGAIN}")
        check("event=cpu-uncovered" in triptych.log("collector"), "it does not say why")
        spooled = harness.check_books(triptych.metrics())
        check(spooled > 3 * RATE_HZ, f"only {spooled:.0f} samples before")
        triptych.start("collector")
        wait_more(receiver, RATE_HZ, "samples of the next collector")
    check(triptych.log("shipper").count("event=collector-seen") == 2, "two collectors, each seen once")
    cpu_1_is_sampled(triptych, receiver, directory)
    return spooled


def main():
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        with harness.Triptych(receiver.url, interval="500ms", sample_rate=RATE_HZ) as triptych:
            spooled = run(triptych, receiver, directory)
            triptych.stop_collector()
            spooled += harness.check_books(triptych.final)
            harness.wait_for(lambda: receiver.totals()["samples"] >= spooled, 30, "all pushed")
            totals = receiver.totals()
            check(totals["samples"] == spooled, f"spooled {spooled:.0f}, received {totals}")
            print(f"{spooled:.0f} samples of two collectors, all of them received")
    return 0


if __name__ == "__main__":
    sys.exit(main())

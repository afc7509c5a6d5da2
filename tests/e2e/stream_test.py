#!/usr/bin/env python3
"""Samples of a whole host arrive under the right names, in the right proportions, and all counted.

A C program with a known split over three functions, a Go program and dd run at once; two symbolizers
share the work; a server receives. Judged by `go tool pprof`, nm and the kernel's own symbol list.
"""

import math
import re
import subprocess
import sys

import harness
import judge
import workloads
from harness import check
from receiver import Receiver

CPU_SECONDS = 3
RATE_HZ = 997
SAMPLES_MIN = 2000
DEVIATIONS_MAX = 4.0


def run_all(triptych, directory):
    """Runs the three workloads together; returns what the split one measured of itself."""
    split = workloads.build_c(directory, "split.c")
    others = [harness.spawn([workloads.build_go(directory), "600"], stdout=subprocess.DEVNULL),
              harness.spawn(["dd", "if=/dev/zero", "of=/dev/null", "bs=1M"],
                            stderr=subprocess.DEVNULL)]
    out = triptych.run([split, str(CPU_SECONDS)])
    for process in others:
        process.kill()
        harness.reap(process, 5)
    return {name: int(ns) for name, ns in map(str.split, out.splitlines())}


def check_split(judged, measured_ns, program):
    stacks = judged.of_process("split")
    counts = {name: judged.samples(judge.with_function(stacks, name)) for name in measured_ns}
    n, total_ns = sum(counts.values()), sum(measured_ns.values())
    check(n >= SAMPLES_MIN, f"only {n} samples of split")
    for name, ns in measured_ns.items():
        share = ns / total_ns
        off = (counts[name] - n * share) / math.sqrt(n * share * (1 - share))
        print(f"{name}: measured {100 * share:.2f} %, sampled {100 * counts[name] / n:.2f} %, "
              f"{off:+.2f} standard deviations")
        check(abs(off) <= DEVIATIONS_MAX, f"{name} is {off:.1f} standard deviations off")
    seen_ns = n * judged.period
    # A host that takes the CPU away from a virtual machine is seen by the sampler alone.
    check(0.8 < seen_ns / total_ns < 1.5, f"{seen_ns / 1e9:.2f} s sampled of {total_ns / 1e9:.2f} s")
    known = judge.symbols(program)
    named = {frame.name for stack in stacks for frame in stack.frames if frame.module == program}
    check(set(measured_ns) <= named, f"names of split: {sorted(named)}")
    check(named <= known, f"names that nm does not know: {sorted(named - known)}")


def check_go(judged):
    stacks = judged.of_process("busygo")
    inner = judge.with_function(judge.with_function(stacks, "main.goBusy"), "main.(*mixer).churn")
    n, n_inner = judged.samples(stacks), judged.samples(inner)
    print(f"busygo: {n_inner} of {n} samples in main.goBusy > main.(*mixer).churn")
    check(n > 500 and n_inner >= 0.9 * n, "the Go program's functions are not named")


def check_kernel(judged, known):
    stacks = judged.of_process("dd")
    kernel = [s for s in stacks if any(f.module.startswith("[kernel") for f in s.frames)]
    n, n_kernel = judged.samples(stacks), judged.samples(kernel)
    print(f"dd: {n_kernel} of {n} samples with kernel frames")
    check(n > 500 and n_kernel >= 0.8 * n, "dd has no kernel frames")
    names = {f.name for s in kernel for f in s.frames if f.module.startswith("[kernel")}
    check(names <= known, f"kernel names that kallsyms does not know: {sorted(names - known)[:9]}")
    check(judge.with_function(kernel, "ksys_read"), f"no ksys_read in dd: {sorted(names)[:30]}")


def check_workers(triptych):
    """Each symbolizer says at its end how many windows it completed."""
    counts = {}
    for name in triptych.symbolizers():
        triptych.terminate(name)
        counts[name] = int(re.search(r"event=stopped windows=(\d+)", triptych.log(name))[1])
    print(f"windows completed: {counts}")
    check(len(counts) == 2 and all(counts.values()), "not both symbolizers completed windows")


def main():
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        with harness.Triptych(receiver.url, interval="500ms", sample_rate=RATE_HZ) as triptych:
            measured_ns = run_all(triptych, directory)
            known = judge.kernel_symbols()  # With the collector's own programs, which go with it.
            triptych.stop_collector()
            check_workers(triptych)
            harness.check_delivered(triptych, receiver)
        judged = judge.of_receiver(receiver)
        check(judged.types.startswith("cpu/nanoseconds"), judged.types)
        check_split(judged, measured_ns, f"{directory}/split")
        check_go(judged)
        check_kernel(judged, known)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Names are shown as the configuration asks: C++ by its mode, and Go's in all of them."""

import sys

import harness
import judge
import workloads
from harness import check
from receiver import Receiver

RATE_HZ = 497
MS = 600
SHOWN = {
    "none": ("_ZN8workload12_GLOBAL__N_16Engine4turnEm", "_ZN8workload12_GLOBAL__N_15driveERNS0_6EngineEm"),
    "simplified": ("workload::(anonymous namespace)::Engine::turn", "workload::(anonymous namespace)::drive"),
    "full": ("workload::(anonymous namespace)::Engine::turn(unsigned long)",
             "workload::(anonymous namespace)::drive(workload::(anonymous namespace)::Engine&, unsigned long)"),
}
GO = ("main.goBusy", "main.(*mixer).churn")


def configure(url, mode):
    text = harness.CONFIGURATION.format(url=url, interval="500ms", sample_rate=RATE_HZ)
    return text.replace("sample_rate ", f'demangle         = "{mode}"\n  sample_rate ', 1)


def base(name):
    """A function without what a compiler appends to a clone of it."""
    return name.split(".isra")[0].split(".constprop")[0]


def check_mode(judged, mode):
    stacks = judged.of_process("cxx")
    shown = {base(name) for stack in stacks for name in stack.names()}
    n = judged.samples(stacks)
    print(f"{mode}: {n} samples, {sorted(name for name in shown if 'workload' in name)}")
    check(n >= 0.5 * MS / 1000 * RATE_HZ, f"{mode}: only {n} samples")
    check(set(SHOWN[mode]) <= shown, f"{mode}: {SHOWN[mode]} are not among {sorted(shown)}")
    go = {name for stack in judged.of_process("busygo") for name in stack.names()}
    check(set(GO) <= go, f"{mode}: {GO} are not among {sorted(go)}")


def run_mode(directory, mode):
    with Receiver(f"{directory}/received-{mode}") as receiver:
        with harness.Triptych(receiver.url, sample_rate=RATE_HZ,
                              configuration=configure(receiver.url, mode)) as triptych:
            triptych.run([f"{directory}/cxx", str(MS)])
            triptych.run([f"{directory}/busygo", str(MS / 1000)])
            triptych.stop_collector()
            harness.check_delivered(triptych, receiver)
        check_mode(judge.of_receiver(receiver), mode)


def main():
    with harness.scratch() as directory:
        workloads.build_cxx(directory, "stripped.cc", "cxx")
        workloads.build_go(directory)
        for mode in SHOWN:
            run_mode(directory, mode)
    return 0


if __name__ == "__main__":
    sys.exit(main())

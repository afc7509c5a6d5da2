#!/usr/bin/env python3
"""Samples never meet another image's symbols: exec, a pid used again, a library late or deleted."""

import os
import sys

import harness
import judge
import workloads
from harness import check
from receiver import Receiver

RATE_HZ = 497
HALF_SECOND = RATE_HZ // 2


def check_halves(judged, comm, first, second, what, n_rounds):
    """Both functions got their half second, and no stack holds both."""
    stacks = judged.of_process(comm)
    counts = [judged.samples(judge.with_function(stacks, name)) for name in (first, second)]
    wanted = HALF_SECOND * n_rounds
    print(f"{what}: {first} {counts[0]}, {second} {counts[1]} samples, {wanted} each expected")
    check(all(0.8 * wanted < n < 1.5 * wanted for n in counts), f"{what}: not half a second each")
    check(0.8 < counts[0] / counts[1] < 1.25, f"{what}: not half and half")
    both = judge.with_function(judge.with_function(stacks, first), second)
    check(not both, f"{what}: a stack holds functions of both programs")
    other = [s for s in stacks if not {first, second} & set(s.names())]
    n_other = judged.samples(other)
    check(n_other <= 0.05 * sum(counts), f"{what}: {n_other} samples under neither: "
                                         f"{[s.names() for s in other[:3]]}")


def run_chain(triptych, directory):
    first = workloads.build_chain(directory, "chain_first", "first/chain")
    second = workloads.build_chain(directory, "chain_second", "second/chain")
    for _ in range(2):
        triptych.run([first, second])


def run_reuse(triptych, directory):
    first = workloads.build_chain(directory, "reuse_first", "first/reuse")
    second = workloads.build_chain(directory, "reuse_second", "second/reuse")
    helper = workloads.build_c(directory, "pid_reuse.c")
    for _ in range(2):
        triptych.run([helper, first, second])


def run_libraries(triptych, directory):
    late = workloads.build_c(directory, "late_dlopen.c", "late")
    deleting = workloads.build_c(directory, "late_dlopen.c", "deleting")
    plugin = workloads.build_plugin(directory)
    triptych.run([late, plugin])
    triptych.run([deleting, plugin, "delete"])
    check(not os.path.exists(plugin), "the library was not deleted")


def check_libraries(judged):
    for comm, what in (("late", "a library loaded late"), ("deleting", "a library deleted while mapped")):
        stacks = judged.of_process(comm)
        n_early = judged.samples(judge.with_function(stacks, "early_burn"))
        n_plugin = judged.samples(judge.with_function(stacks, "plugin_burn"))
        print(f"{what}: early_burn {n_early}, plugin_burn {n_plugin} of {RATE_HZ} each")
        check(min(n_early, n_plugin) > 0.8 * RATE_HZ, f"{what}: not named")


def main():
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        with harness.Triptych(receiver.url, interval="700ms", sample_rate=RATE_HZ) as triptych:
            run_chain(triptych, directory)
            run_reuse(triptych, directory)
            run_libraries(triptych, directory)
            triptych.stop_collector()
            harness.check_delivered(triptych, receiver)
        judged = judge.of_receiver(receiver)
        check_halves(judged, "chain", "chain_first", "chain_second", "exec", 2)
        check_halves(judged, "reuse", "reuse_first", "reuse_second", "a pid used again", 2)
        check_libraries(judged)
    return 0


if __name__ == "__main__":
    sys.exit(main())

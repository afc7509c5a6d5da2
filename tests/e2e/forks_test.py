#!/usr/bin/env python3
"""A program that forks all the time: what its children spend on their exec and exit is the program's.

Most of them are never sampled but there, too late to be read: they have their name from the kernel, and as
long as they have memory, their mappings are those of the parent that they were forked from.
"""

import sys

import harness
import judge
import workloads
from harness import check
from receiver import Receiver

RATE_HZ = 997
SECONDS = "3"
SHARE_MIN, SHARE_MAX = 0.85, 1.25
NAMELESS_MAX = 0.01


def check_forks(judged, cpu_ns):
    stacks = judged.of_process("forks")
    share = judged.samples(stacks) * judged.period / cpu_ns
    exits = judge.with_function(stacks, "do_exit")
    print(f"forks: {100 * share:.1f} % of its CPU time is under its name; {judged.samples(exits)} of "
          f"{judged.samples(stacks)} samples are of exits")
    check(SHARE_MIN < share < SHARE_MAX, f"{share:.2f} of the CPU time of forks")
    check(judged.samples(exits) > 200, "the children's exits are not sampled")


def check_execs(judged, cpu_ns):
    stacks = judged.of_process("execs")
    n = judged.samples(stacks) + judged.samples(judged.of_process("true"))
    share = n * judged.period / cpu_ns
    in_exec = judge.with_function(stacks, "bprm_execve")
    n_named = judged.samples(judge.with_function(in_exec, "execve"))
    print(f"execs: {100 * share:.1f} % of its CPU time is under its name or what it became; {n_named} of "
          f"{judged.samples(in_exec)} samples of execs are under execve()")
    check(n_named > 0.9 * judged.samples(in_exec), "execs without the mappings of the parent")
    check(SHARE_MIN < share < SHARE_MAX, f"{share:.2f} of the CPU time of execs")


def check_names(judged):
    n, n_nameless = judged.samples(judged.stacks), judged.samples(judged.of_process("[unknown]"))
    print(f"{n_nameless} of {n} samples are of processes without a name")
    check(n_nameless <= NAMELESS_MAX * n, "processes without a name")


def main():
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        forks = workloads.build_c(directory, "forks.c")
        execs = workloads.build_c(directory, "forks.c", "execs")
        with harness.Triptych(receiver.url, interval="500ms", sample_rate=RATE_HZ) as triptych:
            forks_ns = int(triptych.run([forks, SECONDS]).split()[1])
            execs_ns = int(triptych.run([execs, SECONDS, "/bin/true"]).split()[1])
            triptych.stop_collector()
            harness.check_delivered(triptych, receiver)
        judged = judge.of_receiver(receiver)
        check_forks(judged, forks_ns)
        check_execs(judged, execs_ns)
        check_names(judged)
    return 0


if __name__ == "__main__":
    sys.exit(main())

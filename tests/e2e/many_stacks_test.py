#!/usr/bin/env python3
"""5000 distinct stacks in one interval: every sample is delivered, or counted under a reason.

The maps are drained before they are full; when nobody drains them, what finds no room is counted.
"""

import signal
import sys

import harness
import judge
import workloads
from harness import check, family
from receiver import Receiver

DISTINCT_MIN = 5000
RATE_HZ = 4999
CPU_SECONDS = 2


def main():
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        program = workloads.build_c(directory, "many_stacks.c")
        with harness.Triptych(receiver.url, interval="10s", sample_rate=RATE_HZ) as triptych:
            before = triptych.metrics()
            triptych.run([program, str(CPU_SECONDS)])
            drained = harness.wait_for(
                lambda: (m := triptych.metrics())["triptych_drains_early_total"] and m, 5, "early drains")
            collector = triptych.processes["collector"]
            collector.send_signal(signal.SIGSTOP)
            try:
                triptych.run([program, str(CPU_SECONDS)])
            finally:
                collector.send_signal(signal.SIGCONT)
            triptych.stop_collector()
            harness.check_delivered(triptych, receiver)
            taken = triptych.final["triptych_samples_taken_total"]
            lost = family(drained, "triptych_kernel_dropped_total")
            dropped = family(triptych.final, "triptych_samples_dropped_total")
            full = triptych.final['triptych_kernel_dropped_total{reason="map_full"}']
            drains = drained["triptych_drains_total"] - before["triptych_drains_total"]
        judged = judge.of_receiver(receiver)
        stacks = judged.of_process("many_stacks")
        distinct = {s.frames for s in stacks if "many_leaf" in s.names()}
        print(f"{len(distinct)} distinct stacks in {judged.samples(stacks)} samples and {drains:.0f} "
              f"drains; taken {taken:.0f}, lost in the kernel {lost:.0f}, dropped {dropped:.0f}")
        print(f"{drained['triptych_drains_early_total']:.0f} early drains; {full:.0f} found the maps full while nobody drained them")
        check(full > 0, "the maps were never full")
        check(len(distinct) + lost + dropped >= DISTINCT_MIN, "fewer distinct stacks than intended")
        deep = [s for s in stacks if len(s.frames) > 14]
        check(judged.samples(deep) > 0.9 * judged.samples(stacks), "stacks are cut")
    return 0


if __name__ == "__main__":
    sys.exit(main())

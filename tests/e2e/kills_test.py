#!/usr/bin/env python3
"""kill -9 of a symbolizer loses nothing; kill -9 of the shipper loses nothing that it acknowledged.

usage: kills_test.py symbolizer | shipper
"""

import os
import random
import subprocess
import sys
import time

import harness
import workloads
from harness import check
from receiver import Receiver

SYMBOLIZER_KILLS, SHIPPER_KILLS = 10, 20


def kill_symbolizers(triptych):
    """Ten kills under load, one at a time, the other symbolizer goes on."""
    rng = random.Random(1)
    for n in range(SYMBOLIZER_KILLS):
        name = f"symbolizer-{1 + n % 2}"
        time.sleep(rng.uniform(0.15, 0.6))
        triptych.kill(name)
        triptych.start(name)
        triptych.check_alive()


def spool_bytes(triptych):
    total = 0
    for directory, _, files in os.walk(triptych.path("spool")):
        for name in files:
            try:
                status = os.stat(os.path.join(directory, name))
            except FileNotFoundError:
                continue
            total += status.st_size + status.st_mtime_ns
    return total


def kill_shippers(triptych):
    """Each kill follows a write to the spool by at most a few milliseconds."""
    rng = random.Random(2)
    for _ in range(SHIPPER_KILLS):
        before = spool_bytes(triptych)
        harness.wait_for(lambda: spool_bytes(triptych) != before, 20, "a write to the spool", 0.0005)
        time.sleep(rng.choice((0, 0, 0.001, 0.003, 0.01, 0.03)))
        triptych.kill("shipper")
        triptych.start("shipper")
        triptych.wait_ready()


def main():
    victim = sys.argv[1]
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        load = workloads.build_c(directory, "split.c")
        with harness.Triptych(receiver.url, interval="200ms", sample_rate=497) as triptych:
            running = [harness.spawn([load, "600"], stdout=subprocess.DEVNULL) for _ in range(2)]
            {"symbolizer": kill_symbolizers, "shipper": kill_shippers}[victim](triptych)
            for process in running:
                process.kill()
                harness.reap(process, 5)
            triptych.stop_collector()
            spooled = harness.check_delivered(triptych, receiver)
            taken = triptych.final["triptych_samples_taken_total"]
        totals = receiver.totals()
        print(f"{victim} killed: taken {taken:.0f}, spooled {spooled:.0f}, received {totals}")
        check(spooled == taken, f"{taken - spooled:.0f} samples were not spooled")
        # A killed shipper may lose the answer to the one request that it had on its way.
        limit = SHIPPER_KILLS if victim == "shipper" else 0
        n_repeating = receiver.repeating_requests()
        check(n_repeating <= limit, f"{n_repeating} requests repeat what had arrived")
    return 0


if __name__ == "__main__":
    sys.exit(main())

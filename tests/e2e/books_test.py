#!/usr/bin/env python3
"""The books under a real load: each equation to the last sample, and one sample too few is found."""

import sys

import harness
import workloads
from harness import check
from receiver import Receiver

CPU_SECONDS = 2


def books_of(collector_options):
    """What is in the metrics after a real load with @collector_options."""
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        program = workloads.build_c(directory, "split.c")
        with harness.Triptych(receiver.url, interval="500ms", sample_rate=497,
                              collector_options=collector_options) as triptych:
            triptych.run([program, str(CPU_SECONDS)])
            triptych.stop_collector()
            return dict(triptych.final)


def main():
    whole = books_of([])
    spooled = harness.check_books(whole)
    check(spooled > 0.5 * CPU_SECONDS * 497, f"only {spooled} samples")
    held = harness.family(whole, "triptych_samples_held")
    check(held == 0, f"{held} samples are held by a collector that has stopped")
    try:
        harness.check_books(books_of(["--lose-one-sample"]))
    except harness.Failed as fault:
        print(f"{spooled:.0f} samples in balance; one lost: {fault}")
        return 0
    raise harness.Failed("a sample vanished, and the books did not show it")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""A file that is held for its symbols lets go: a volume can be unmounted within the time bound."""

import os
import shutil
import subprocess
import sys
import time

import harness
import judge
import workloads
from harness import check
from receiver import Receiver

HOLD_SECONDS = 4
SLACK_SECONDS = 10 # until the last window that names the file is done, on a busy machine


def unmount(directory):
    return subprocess.run(["umount", directory], capture_output=True, check=False).returncode == 0


def main():
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        volume = f"{directory}/volume"
        os.mkdir(volume)
        subprocess.run(["mount", "-t", "tmpfs", "none", volume], check=True)
        try:
            program = shutil.copy(workloads.build_c(directory, "shortlived.c", "plain"),
                                  f"{volume}/tenant")
            with harness.Triptych(receiver.url, interval="500ms", sample_rate=497,
                                  collector_options=["--hold-seconds", str(HOLD_SECONDS)]) as triptych:
                triptych.run([program, "500"])
                begun = time.monotonic()
                harness.wait_for(lambda: unmount(volume), HOLD_SECONDS + SLACK_SECONDS, "umount", 0.1)
                print(f"unmounted {time.monotonic() - begun:.1f} s after the program's end")
            judged = judge.of_receiver(receiver)
            stacks = judge.with_function(judged.of_process("tenant"), "shortlived_burn")
            check(judged.samples(stacks) > 200, "the program on the volume was not named")
        finally:
            subprocess.run(["umount", "-l", volume], capture_output=True, check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())

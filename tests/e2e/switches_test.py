#!/usr/bin/env python3
"""User and kernel stacks are switched while everything runs; what is cut or skipped is said and counted."""

import os
import re
import signal
import subprocess
import sys

import harness
import judge
import workloads
from harness import check

FRAMES_MAX = 127
RATE_HZ = 997
BURN_MS = 2500
MAP_BYTES_MAX = (8 << 20) + (16 << 10) * os.cpu_count() # at the defaults

TEXT = """
pyroscope.ebpf "test" {{
  forward_to             = [pyroscope.write.test.receiver]
  targets                = []
  default_target         = {{"service_name" = "test"}}
  sample_rate            = {rate}
  collect_interval       = "300ms"
  collect_user_profile   = {user}
  collect_kernel_profile = {kernel}
}}
pyroscope.write "test" {{ endpoint {{ url = "@STORE@" }} }}
"""


def configuration(user=True, kernel=True):
    return TEXT.format(rate=RATE_HZ, user=str(user).lower(), kernel=str(kernel).lower())


def reload(triptych, **switches):
    n = triptych.metrics()["triptych_config_reloads_total"]
    triptych.write_configuration(configuration(**switches))
    triptych.processes["shipper"].send_signal(signal.SIGHUP)
    harness.wait_for(lambda: triptych.metrics()["triptych_config_reloads_total"] > n and
                     triptych.metrics()["triptych_collector_current"] == 1, 10, "the reload")


def run_load(triptych, directory, name):
    """A program deep in its own calls and one busy in the kernel, each under a name of its own."""
    deep = workloads.build_c(directory, "deep.c", f"deep-{name}")
    copier = os.path.join(directory, f"dd-{name}")
    os.symlink("/usr/bin/dd", copier)
    busy = harness.spawn([copier, "if=/dev/zero", "of=/dev/null", "bs=1M"], stderr=subprocess.DEVNULL)
    triptych.run([deep, str(BURN_MS)])
    busy.kill()
    harness.reap(busy, 5)


def frames_by_kind(stacks):
    """How many frames of the kernel and of the program the deepest stack of each kind has."""
    def deepest(is_kind):
        return max((sum(map(is_kind, stack.frames)) for stack in stacks), default=0)
    return (deepest(lambda frame: frame.module.startswith("[kernel")),
            deepest(lambda frame: frame.module.startswith("/")))


def check_deep(judged, name, user):
    stacks = judged.of_process(f"deep-{name}")
    check(not user or judged.samples(stacks) > 100, f"deep-{name}: {judged.samples(stacks)} samples")
    cut = judge.with_function(stacks, "[truncated]")
    _, deepest = frames_by_kind(stacks)
    print(f"deep-{name}: {judged.samples(cut)} of {judged.samples(stacks)} samples cut, at {deepest} frames")
    check(deepest == (FRAMES_MAX if user else 0), f"deep-{name}: {deepest} user frames")
    check(not user or judged.samples(cut) > 0.8 * judged.samples(stacks), "a cut that is not marked")
    for stack in cut:
        check(stack.names()[1] == "[truncated]", f"the cut is not at the root: {stack.names()[:3]}")


def check_copier(judged, name, user, kernel):
    stacks = judged.of_process(f"dd-{name}")
    n_kernel, n_user = frames_by_kind(stacks)
    print(f"dd-{name}: {judged.samples(stacks)} samples, at most {n_kernel} kernel and {n_user} user frames")
    check((n_kernel > 2) == kernel, f"dd-{name}: {n_kernel} kernel frames")
    check((n_user > 0) == user, f"dd-{name}: {n_user} user frames")


def skipped(triptych, reason):
    return triptych.metrics()[f'triptych_samples_skipped_total{{reason="{reason}"}}']


def check_skipped(triptych, directory):
    """Kernel threads and idle time are no samples, and counted. Work for the former: writing back."""
    def has_come():
        with open(os.path.join(directory, "written"), "wb") as file:
            file.write(b"x" * (8 << 20))
            os.fsync(file.fileno())
        return skipped(triptych, "kernel_thread") > 0 and skipped(triptych, "idle") > 0
    harness.wait_for(has_come, 60, "ticks of kernel threads and of idle CPUs", 0.3)


def main():
    modes = {"both": {}, "user": {"kernel": False}, "kernel": {"user": False}}
    with harness.scratch() as directory:
        with harness.Triptych("", configuration=configuration(), sample_rate=RATE_HZ) as triptych:
            for name, switches in modes.items():
                reload(triptych, **switches)
                run_load(triptych, directory, name)
            check_skipped(triptych, directory)
            said = int(re.search("map_bytes=([0-9]+)", triptych.log("collector")).group(1))
            triptych.stop_collector()
            harness.check_books(triptych.final)
            triptych.stop()
            check(triptych.final["triptych_stacks_truncated_total"] > 0, "no cut stack is counted")
            check(said == triptych.final["triptych_kernel_map_bytes"] and said <= MAP_BYTES_MAX, f"{said} bytes of maps")
            judged = judge.of_directory(triptych.path("store"))
        for name, switches in modes.items():
            user, kernel = switches.get("user", True), switches.get("kernel", True)
            check_deep(judged, name, user)
            check_copier(judged, name, user, kernel)
    return 0


if __name__ == "__main__":
    sys.exit(main())

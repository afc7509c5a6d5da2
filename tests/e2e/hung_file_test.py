#!/usr/bin/env python3
"""A program on a file system that stopped answering delays nobody else's samples.

usage: hung_file_test.py HANGFS
"""

import os
import signal
import subprocess
import sys
import time

import harness
import judge
import workloads
from harness import check

INTERVAL_S = 0.5
WATCH_S = 3
DEADLINE = 'triptych_objects_refused_total{reason="deadline"}'
STUCK = "triptych_opener_helpers_stuck"
DRAINS = "triptych_drains_total"
SPOOLED = "triptych_samples_spooled_total"


def mount(hangfs, directory, program):
    os.mkdir(directory)
    device = os.stat(directory).st_dev
    server = harness.spawn([hangfs, "-f", "-o", "allow_other", directory], stdout=subprocess.DEVNULL,
                           env=dict(os.environ, HANGFS_PROGRAM=program))
    harness.wait_for(lambda: server.poll() is not None or os.stat(directory).st_dev != device, 10, "mount")
    return server


def start_tenant(server, program):
    """Its code is read while the server answers; it works when the server does not any more."""
    tenant = harness.spawn([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    check(tenant.stdout.readline() == "ready\n", "the tenant did not start")
    server.send_signal(signal.SIGUSR1)
    tenant.stdin.write("go\n")
    tenant.stdin.flush()
    return tenant


def check_others(triptych):
    """While a helper hangs, drains and deliveries keep their pace."""
    before = triptych.metrics()
    time.sleep(WATCH_S)
    now = triptych.metrics()
    drains, spooled = (now[name] - before[name] for name in (DRAINS, SPOOLED))
    print(f"in {WATCH_S} s: {drains:.0f} drains, {spooled:.0f} samples spooled, {now[STUCK]:.0f} stuck")
    check(now[STUCK] >= 1, "no helper hangs")
    check(drains >= WATCH_S / INTERVAL_S / 2, f"only {drains:.0f} drains")
    check(spooled > 50, f"only {spooled:.0f} samples were delivered")
    triptych.get("/-/ready")


def check_profiles(directory):
    judged = judge.of_directory(directory)
    others = judge.with_function(judged.of_process("split"), "split_half")
    tenant = [stack for stack in judged.of_process("program") if len(stack.frames) > 1]
    print(f"split: {judged.samples(others)} named samples; tenant: {judged.samples(tenant)} by module")
    check(judged.samples(others) > 100, "the others were not named")
    check(judged.samples(tenant) > 100, "the tenant's samples were lost")


def check_said(triptych, volume):
    """Whoever reads the log learns which file system it is."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        device = next(fields[2] for fields in map(str.split, file) if fields[4] == volume)
    check(f"event=opener-helper-stuck device={device} " in triptych.log("collector"),
          f"the log does not name device {device}")


def main():
    with harness.scratch() as directory:
        volume = f"{directory}/volume"
        server = mount(sys.argv[1], volume, workloads.build_c(directory, "tenant.c"))
        split = workloads.build_c(directory, "split.c")
        try:
            with harness.Triptych("@STORE@", interval="500ms", sample_rate=297) as triptych:
                others = harness.spawn([split, "60"], stdout=subprocess.DEVNULL)
                tenant = start_tenant(server, f"{volume}/program")
                harness.wait_for(lambda: triptych.metrics()[DEADLINE] > 0, 15, "a deadline counted")
                check_others(triptych)
                check_said(triptych, volume)
                os.killpg(tenant.pid, signal.SIGKILL) # the child as well
                harness.reap(tenant, 5)
                server.kill() # whoever waits for it hears of its end
                harness.wait_for(lambda: triptych.metrics()[STUCK] == 0, 10, "helpers recovered")
                others.kill()
                harness.reap(others, 5)
                triptych.stop_collector()
                taken = harness.check_books(triptych.final)
                check(taken == triptych.final[SPOOLED], "samples were lost")
                triptych.stop()
                check_profiles(triptych.path("store"))
        finally:
            server.kill()
            subprocess.run(["umount", "-l", volume], capture_output=True, check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())

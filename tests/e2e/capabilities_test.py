#!/usr/bin/env python3
"""What the collector needs of its host: it starts with that and no more, and names what is missing.

usage: capabilities_test.py REFUSE_PERF
"""

import subprocess
import sys

import harness
import judge
from harness import check
from one_service import COLLECTOR_CAPS, PERMISSION, UNAVAILABLE, Place, ends, starts, with_caps

PARANOID = "/proc/sys/kernel/perf_event_paranoid"
HIDE_BTF = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', "sh"]
OTHER_USERS = ["unshare", "--user", "--map-root-user"]
OTHER_PIDS = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def check_capabilities(place):
    """Exactly the documented eight: all of them suffice, and each one is missed by name."""
    for missing in COLLECTOR_CAPS:
        caps = with_caps(cap for cap in COLLECTOR_CAPS if cap != missing)
        command = place.command("collector", prefix=caps)
        if missing == "syslog":
            starts(command, "level=warn event=kallsyms-hidden", "SYSLOG")
            continue
        outcome = ends(command, PERMISSION, "event=capability-missing", f'missing="{missing.upper()}"')
        print(f"without {missing}: {outcome.text.strip()}")
    needed = [cap.upper() for cap in COLLECTOR_CAPS if cap != "syslog"]
    ends(place.command("collector", prefix=with_caps(["net_raw"])), PERMISSION, *needed)
    ends(place.command("collector", prefix=place.unprivileged("collector")), PERMISSION, *needed)
    rest = [cap for cap in COLLECTOR_CAPS if cap not in ("bpf", "perfmon")]
    for enough in (COLLECTOR_CAPS, rest + ["sys_admin"]):
        starts(place.command("collector", prefix=with_caps(enough)), "cap_prm=0000000000000000")


def check_memory_lock(place):
    for n_bytes in (0, 8 << 20):
        limit = ["prlimit", f"--memlock={n_bytes}:{n_bytes}"]
        starts(place.command("collector", prefix=with_caps(COLLECTOR_CAPS) + limit))


def check_host(place, refuse_perf):
    ends(place.command("collector", prefix=HIDE_BTF), UNAVAILABLE, "event=no-btf",
         "/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF")
    ends(place.command("collector", prefix=OTHER_PIDS), UNAVAILABLE, "event=pid-namespace", "pid: host")
    ends(place.command("collector", prefix=OTHER_USERS), UNAVAILABLE, "event=user-namespace")
    with open(PARANOID, encoding="utf-8") as file:
        value = file.read().strip()
    for caps in ([], with_caps(COLLECTOR_CAPS)):
        outcome = ends(place.command("collector", prefix=[refuse_perf, *caps]), PERMISSION,
                       "event=perf-refused", f"kernel.perf_event_paranoid value={value}",
                       "although PERFMON is held", "set the sysctl to 2", "SYS_ADMIN")
    print(outcome.text.strip())


class WithoutSyslog(harness.Triptych):
    def command(self, name):
        command = super().command(name)
        if name == "collector":
            command = with_caps(cap for cap in COLLECTOR_CAPS if cap != "syslog") + command
        return command


def check_hidden_kernel_names():
    """Without SYSLOG, kernel functions go by their module: never by a wrong name."""
    with WithoutSyslog("@STORE@", interval="300ms", sample_rate=497) as triptych:
        triptych.run(["dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=20000"],
                     stderr=subprocess.DEVNULL)
        triptych.stop_collector()
        harness.check_books(triptych.final)
        triptych.stop()
        stacks = judge.of_directory(triptych.path("store")).of_process("dd")
        names = {frame.name for stack in stacks for frame in stack.frames
                 if frame.module.startswith("[kernel")}
    check(names == {"[kernel]"}, f"kernel frames, named without a symbol list: {sorted(names)[:9]}")


def main():
    with harness.scratch() as directory:
        place = Place(directory)
        check_capabilities(place)
        check_memory_lock(place)
        check_host(place, sys.argv[1])
    check_hidden_kernel_names()
    return 0


if __name__ == "__main__":
    sys.exit(main())

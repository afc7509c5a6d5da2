#!/usr/bin/env python3
"""What the running services of the release build hold, and what they are refused.

usage: release_refusals_test.py REFUSALS_TEST INJECT

The calls are injected into the very processes that profile this host, as they would be by whoever took
one of them over; afterwards they must go on as if nothing had been.
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import harness  # noqa: E402
from harness import check  # noqa: E402

CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE = 2, 19, 40
OPENER_CAPS = 1 << CAP_DAC_READ_SEARCH | 1 << CAP_SYS_PTRACE | 1 << CAP_CHECKPOINT_RESTORE
SYS_OPENAT, SYS_CLOSE, SYS_KILL, SYS_PTRACE, SYS_OPENAT2 = 257, 3, 62, 101, 437
CWD, PTRACE_ATTACH = "-100", "16"
O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_DIRECTORY = 0, 1, 2, 0o100, 0o200000
LEAKED = "/etc/hostname" # open in whoever starts the services
HELPER_FDS = 5           # three standard ones, its socket, /proc


class Leaky(harness.Triptych):
    """Starts each service with a file open that is none of its business."""

    def command(self, name):
        return ["bash", "-c", f'exec 9<{LEAKED} 10<{LEAKED}; exec "$@"', "leak"] + super().command(name)


def status(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return [int(child) for child in file.read().split()]


def fds(pid):
    """{number: what it is}"""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            pass # it works while we look
    return found


def memory_areas(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        return [line.split()[4] for line in file if "/memfd:opener" in line]


# ---- what they hold ----------------------------------------------------------------------------

def check_authority(name, pid, uid, caps):
    words = status(pid)
    check(words["Uid"].split() == [str(uid)] * 4, f"{name}: Uid {words['Uid']}")
    check(words["Groups"].split() == [], f"{name}: Groups {words['Groups']}")
    for key in ("CapEff", "CapPrm"):
        check(int(words[key], 16) == caps, f"{name}: {key} {words[key]}, not {caps:016x}")
    for key in ("CapInh", "CapAmb"):
        check(int(words[key], 16) == 0, f"{name}: {key} {words[key]}")
    check(words["Seccomp"] == "2" and words["NoNewPrivs"] == "1",
          f"{name}: Seccomp {words['Seccomp']}, NoNewPrivs {words['NoNewPrivs']}")
    print(f"{name} {pid}: uid {uid}, capabilities {caps:x}, seccomp, no new privileges")


def check_helpers(helpers):
    """No helper can reach what another one is told or answers."""
    areas, sockets = [], []
    for pid in helpers:
        mapped = memory_areas(pid)
        check(len(mapped) == 1, f"helper {pid} maps areas {mapped}")
        # At work it holds what it reads.
        harness.wait_for(lambda pid=pid: sorted(fds(pid)) == list(range(HELPER_FDS)), 5,
                         f"helper {pid} holds no more than it needs: {fds(pid)}")
        held = fds(pid)
        check(held[3].startswith("socket:") and held[4] == "/proc", f"helper {pid} holds {held}")
        areas += mapped
        sockets.append(held[3])
    check(len(set(areas)) == len(helpers), f"areas are shared: {areas}")
    check(len(set(sockets)) == len(helpers), f"sockets are shared: {sockets}")


def check_held(triptych, processes, helpers):
    ids = triptych.ids
    check(len({ids[who] for who in ("collector", "opener", "symbolizer", "shipper")} - {0}) == 4,
          f"uids are alike: {ids}")
    for name, pid in processes.items():
        check_authority(name, pid, ids[name.split("-")[0]], 0)
        leaked = {fd: path for fd, path in fds(pid).items() if path == LEAKED}
        check(not leaked, f"{name} kept what it inherited: {leaked}")
    for pid in helpers:
        check_authority("opener", pid, ids["opener"], OPENER_CAPS)
    check(len(helpers) == 4, f"helpers: {helpers}")
    check_helpers(helpers)
    for name in ("symbolizer-1", "shipper"):
        check(not any("bpf" in path or "perf_event" in path for path in fds(processes[name]).values()),
              f"{name} holds {fds(processes[name])}")


# ---- what they are refused ---------------------------------------------------------------------

class Injector:
    """Has a process issue a system call; returns what the kernel said: a number or an error's name."""

    def __init__(self, path):
        self.path = path

    def __call__(self, pid, number, *arguments):
        line = subprocess.run([self.path, str(pid), str(number), *map(str, arguments)],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        result = re.fullmatch(r"result=(-?)(\w+)\n", line)
        return result[2] if result[1] else int(result[2])

    def refused(self, what, errors, pid, number, *arguments):
        said = self(pid, number, *arguments)
        check(said in errors, f"{what}: {said}, not {' or '.join(errors)}")


def open_how(flags):
    return "hex:" + flags.to_bytes(8, "little").hex() + "00" * 16


def a_mapping():
    """(a path of one of this root process's mapped files in map_files, the file)"""
    with open("/proc/self/maps", encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if len(words) == 6 and words[5].startswith("/usr"):
                start, end = (int(word, 16) for word in words[0].split("-"))
                return f"/proc/{os.getpid()}/map_files/{start:x}-{end:x}", words[5]
    raise harness.Failed("nothing of /usr is mapped here")


def check_opener(inject, pid):
    """It may read whatever root may; nothing of root's opens for writing, in either way."""
    mapped, file = a_mapping()
    check(os.stat(file).st_uid == 0, f"{file} is not root's")
    own = f"/proc/{os.getpid()}" # as init, but surely there to be read
    for path in (f"{own}/mem", f"{own}/root/etc/passwd", mapped):
        opened = inject(pid, SYS_OPENAT2, CWD, path, open_how(O_RDONLY), 24)
        check(isinstance(opened, int), f"the opener cannot read {path}: {opened}")
        check(inject(pid, SYS_CLOSE, opened) == 0, "close")
    for path in (f"{own}/mem", f"{own}/root/etc/passwd", mapped, "/proc/1/mem", "/proc/1/root/etc/passwd"):
        for flags in (O_WRONLY, O_RDWR):
            inject.refused(f"openat({path}, {flags})", ["EPERM"], pid, SYS_OPENAT, CWD, path, flags)
            inject.refused(f"openat2({path}, {flags})", ["EACCES"], pid, SYS_OPENAT2, CWD, path,
                           open_how(flags), 24)


def check_symbolizer(inject, pid, others):
    for name, other in others.items():
        inject.refused(f"kill {name}", ["EPERM"], pid, SYS_KILL, other, 0)
        inject.refused(f"trace {name}", ["EPERM"], pid, SYS_PTRACE, PTRACE_ATTACH, other, 0, 0)
        for what in ("fd", "mem", "maps", "root/etc/passwd"):
            flags = O_DIRECTORY if what == "fd" else O_RDONLY
            inject.refused(f"open {what} of {name}", ["EACCES"], pid, SYS_OPENAT, CWD,
                           f"/proc/{other}/{what}", flags)


def check_shipper(inject, pid, others):
    """It reads what its uid may, since a configuration to come may name it, but nothing of other
    processes; and it writes only in directories of its own."""
    opened = inject(pid, SYS_OPENAT, CWD, "/etc/passwd", O_RDONLY)
    check(isinstance(opened, int), f"the shipper cannot read what everybody may: {opened}")
    check(inject(pid, SYS_CLOSE, opened) == 0, "close")
    for path in ("/proc/version", f"/proc/{others['collector']}/status", "/sys/kernel/notes",
                 "/dev/null", "/dev/zero"):
        inject.refused(f"shipper: {path}", ["EACCES"], pid, SYS_OPENAT, CWD, path, O_RDONLY)
    for path in ("/tmp/triptych-shipper-was-here", "/dev/shm/triptych-shipper-was-here"):
        inject.refused(f"shipper: writing {path}", ["EACCES"], pid, SYS_OPENAT, CWD, path,
                       O_WRONLY | O_CREAT, 0o600)
        check(not os.path.exists(path), f"{path} is there")


def check_refused(inject, refusals_test, processes, helpers):
    for role, pid in (("collector", processes["collector"]), ("opener", helpers[0]),
                      ("symbolizer", processes["symbolizer-1"]), ("shipper", processes["shipper"])):
        check(subprocess.run([refusals_test, role, str(pid)], check=False).returncode == 0,
              f"{role} was not refused what it must not do")
    inject.refused("collector: shadow", ["EPERM"], processes["collector"], SYS_OPENAT, CWD,
                   "/etc/shadow", O_RDONLY)
    for name in ("symbolizer-1", "shipper"):
        inject.refused(f"{name}: shadow", ["EACCES"], processes[name], SYS_OPENAT, CWD,
                       "/etc/shadow", O_RDONLY)
    check_opener(inject, helpers[0])
    others = {f"opener {pid}": pid for pid in helpers}
    others.update((name, pid) for name, pid in processes.items() if name != "symbolizer-1")
    check_symbolizer(inject, processes["symbolizer-1"], others)
    check_shipper(inject, processes["shipper"], processes)


def check_unharmed(triptych, processes, helpers):
    before = triptych.metrics()["triptych_samples_spooled_total"]
    triptych.run(["dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=20000"],
                 stderr=subprocess.DEVNULL)
    harness.wait_for(lambda: triptych.metrics()["triptych_samples_spooled_total"] > before + 20, 10,
                     "more samples")
    triptych.check_alive()
    check(children(processes["collector"]) == helpers, "a helper is gone")
    for name in processes:
        check("refused" not in triptych.log(name), f"{name} complains:\n{triptych.log(name)}")


def main():
    refusals_test, inject = sys.argv[1], Injector(sys.argv[2])
    with Leaky("@STORE@", interval="300ms") as triptych:
        processes = {name: process.pid for name, process in triptych.processes.items()}
        helpers = children(processes["collector"])
        check_held(triptych, processes, helpers)
        check_refused(inject, refusals_test, processes, helpers)
        check_unharmed(triptych, processes, helpers)
        triptych.stop_collector()
        taken = harness.check_books(triptych.final)
        spooled = triptych.final["triptych_samples_spooled_total"]
        print(f"taken {taken:.0f}, spooled {spooled:.0f}")
        # A helper that is stopped for a call may be late for what it was at: that is counted.
        check(spooled >= 0.9 * taken > 0, f"taken {taken:.0f}, spooled {spooled:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What a machine and its processes spent: read from /proc, as cheaply as it can be."""

import contextlib
import ctypes
import fcntl
import json
import os
import subprocess

STATS_SYSCTL = "/proc/sys/kernel/bpf_stats_enabled"
PIDFD_GETFD = 438 # on every architecture
PERF_ENABLE, PERF_DISABLE = 0x2400, 0x2401

libc = ctypes.CDLL(None, use_errno=True)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


@contextlib.contextmanager
def bpf_stats():
    """Has the kernel time BPF programs, and leaves it as it was."""
    before = read(STATS_SYSCTL)
    try:
        with open(STATS_SYSCTL, "w", encoding="utf-8") as file:
            file.write("1")
        yield
    finally:
        with open(STATS_SYSCTL, "w", encoding="utf-8") as file:
            file.write(before)


def descendants(pid):
    """@pid and all that it started."""
    found = [pid]
    for task in _listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            for child in read(f"/proc/{pid}/task/{task}/children").split():
                found += descendants(int(child))
    return found


def _listdir(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def cpu_ns(pids):
    """CPU time that @pids used, all threads, to the nanosecond."""
    total = 0
    for pid in pids:
        for task in _listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                total += int(read(f"/proc/{pid}/task/{task}/schedstat").split()[0])
    return total


def memory(pids):
    """(private dirty, PSS) of @pids in bytes."""
    dirty = pss = 0
    for pid in pids:
        for line in read(f"/proc/{pid}/smaps_rollup").splitlines():
            name, _, value = line.partition(":")
            if name == "Private_Dirty":
                dirty += int(value.split()[0]) * 1024
            elif name == "Pss":
                pss += int(value.split()[0]) * 1024
    return dirty, pss


def processes_started():
    """Forks of the whole machine since boot: how quiet it was."""
    for line in read("/proc/stat").splitlines():
        if line.startswith("processes "):
            return int(line.split()[1])
    return 0


class Programs:
    """The BPF programs that a process holds: {name: fdinfo path}, found once."""

    def __init__(self, pid):
        names = {program["id"]: program.get("name", "") for program in json.loads(
            subprocess.run(["bpftool", "prog", "show", "-j"], check=True, stdout=subprocess.PIPE,
                           env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
            .stdout)}
        self.paths = {}
        for fd in os.listdir(f"/proc/{pid}/fdinfo"):
            path = f"/proc/{pid}/fdinfo/{fd}"
            fields = self._fields(path)
            if "run_cnt" in fields: # a link has a prog_id too
                self.paths[names.get(int(fields["prog_id"]), "")] = path

    @staticmethod
    def _fields(path):
        with contextlib.suppress(OSError):
            return dict(line.split(":\t", 1) for line in read(path).splitlines() if ":\t" in line)
        return {}

    def spent(self):
        """{name: (ns, runs)} since the kernel began to time them."""
        fields = {name: self._fields(path) for name, path in self.paths.items()}
        if not all("run_cnt" in f for f in fields.values()):
            raise RuntimeError("a process that held BPF programs ended while it was measured")
        return {name: (int(f["run_time_ns"]), int(f["run_cnt"])) for name, f in fields.items()}


class Events:
    """The sampling events of another process: they can be quieted while it knows nothing of it."""

    def __init__(self, pid):
        self.fds = []
        pidfd = os.pidfd_open(pid)
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if "perf_event" in os.readlink(f"/proc/{pid}/fd/{fd}"):
                        self.fds.append(self._take(pidfd, int(fd)))
        finally:
            os.close(pidfd)

    @staticmethod
    def _take(pidfd, fd):
        got = libc.syscall(PIDFD_GETFD, pidfd, fd, 0)
        if got < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        return got

    def tick(self, on):
        for fd in self.fds:
            fcntl.ioctl(fd, PERF_ENABLE if on else PERF_DISABLE, 0)

    def close(self):
        for fd in self.fds:
            os.close(fd)

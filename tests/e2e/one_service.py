"""Runs one service by itself until it ends, for tests of how it refuses to start."""

import os
import shutil
import signal
import subprocess
import tempfile

import harness
from harness import check

USAGE, CONFIG, UNAVAILABLE, CANT_CREATE, AGAIN, PERMISSION = 64, 65, 69, 73, 75, 77
STARTED = "event=started"

# The capabilities that the collector documents, by the names that setpriv knows.
COLLECTOR_CAPS = ("bpf", "perfmon", "syslog", "setuid", "setgid", "sys_ptrace",
                  "checkpoint_restore", "dac_read_search")


class Place:
    """Executables where other users reach them, and the directories that services want."""

    def __init__(self, directory):
        self.directory = directory
        self.ids = harness.identity()
        self.port = harness.free_port()
        os.mkdir(self.path("bin"))
        for service in harness.SERVICES:
            shutil.copy(os.path.join(harness.build_directory(), service, f"triptych-{service}"),
                        self.path("bin"))
        self.make("run", 0, 0o3770)
        self.make("cache", self.ids["symbolizer"], 0o700)
        self.make("spool", self.ids["shipper"], 0o700)
        self.make("store", self.ids["shipper"], 0o700)
        self.write("good.alloy", harness.CONFIGURATION.format(
            url="file://" + self.path("store"), interval="1s", sample_rate=97))

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def make(self, name, uid, mode):
        os.mkdir(self.path(name))
        os.chown(self.path(name), uid, self.ids["group"])
        os.chmod(self.path(name), mode)
        return self.path(name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), 0o644)
        return self.path(name)

    def program(self, service):
        return self.path("bin", f"triptych-{service}")

    def unprivileged(self, service):
        return ["setpriv", "--reuid", str(self.ids[service]), "--regid", str(self.ids["group"]),
                "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]

    def defaults(self, service):
        """Options that any start needs to leave the rest of the host alone."""
        options = ["--run-dir", self.path("run")]
        if service == "symbolizer":
            options += ["--cache-dir", self.path("cache")]
        elif service == "shipper":
            options += ["--spool-dir", self.path("spool"), "--http", f"127.0.0.1:{self.port}",
                        "--config", self.path("good.alloy")]
        return options

    def command(self, service, *options, prefix=None):
        """How @service is started; @prefix replaces what takes its privileges away."""
        if prefix is None:
            prefix = [] if service == "collector" else self.unprivileged(service)
        return [*prefix, self.program(service), *self.defaults(service), *options]


def with_caps(caps):
    """Root, with @caps and nothing else."""
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-all," + ",".join(f"+{c}" for c in caps)]


class Outcome:
    """How a service ended, and what it said. With @until, it is killed as soon as it says that."""

    def __init__(self, command, until=None, timeout_s=20):
        self.command = command
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
            process = harness.spawn(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
            try:
                harness.wait_for(lambda: process.poll() is not None
                                 or (until and until in self._text(log)),
                                 timeout_s, f"{' '.join(command)}: {until or 'its end'}")
            except harness.Failed:
                print(self._text(log))
                raise
            finally:
                process.kill()
                self.code = harness.reap(process, timeout_s)
            self.text = self._text(log)

    @staticmethod
    def _text(log):
        return os.pread(log.fileno(), 1 << 20, 0).decode(errors="replace")

    def expect(self, code, *words):
        """It must have ended with @code, and said all of @words."""
        shown = f"{' '.join(self.command)}\nended with {self.code}, said:\n{self.text}"
        check(self.code == code, f"not {code}: {shown}")
        for word in words:
            check(word in self.text, f"no {word!r}: {shown}")
        return self


def ends(command, code, *words):
    """@command must end by itself with @code, and say all of @words."""
    return Outcome(command).expect(code, *words)


def starts(command, *words):
    """@command must start its work, and say all of @words; it is killed then."""
    return Outcome(command, until=STARTED).expect(-signal.SIGKILL, *words)

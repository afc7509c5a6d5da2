"""Runs the three services for a test and ends them, whatever happens to the test.

    with Triptych(url=receiver.url) as triptych:
        triptych.run(["./split", "5"])
    (stopped in order; triptych.final holds the last /metrics)

TRIPTYCH_BUILD names the build directory whose executables are used.
"""

import atexit
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
SERVICES = ("collector", "symbolizer", "shipper")
READY_SECONDS = 30
STOP_SECONDS = 60
PERIOD_NS = {97: 10309278}

# Ends what it was told of when its standard input closes: also when the test was killed.
GUARD = r"""
import os, shutil, signal, sys, time
os.setsid()
pids, directories = set(), set()
for line in sys.stdin:
    kind, _, what = line.rstrip("\n").partition(" ")
    group = directories if kind in "dD" else pids
    (group.add if kind in "pd" else group.discard)(what)
for pid in pids:
    try:
        os.kill(int(pid), signal.SIGKILL)
    except ProcessLookupError:
        pass
time.sleep(0.2 if pids else 0)
for directory in directories:
    shutil.rmtree(directory, ignore_errors=True)
"""


class Failed(AssertionError):
    """What the test says must be true is not."""


def check(condition, text):
    if not condition:
        raise Failed(text)


def identity():
    """The uids and the gid of common/base/identity.h."""
    with open(os.path.join(TREE, "common/base/identity.h"), encoding="utf-8") as file:
        found = re.findall(r"#define IDENTITY_(\w+?)_(?:UID|GID)\s+(\d+)", file.read())
    return {name.lower(): int(number) for name, number in found}


class Guard:
    """One a test: knows every process and directory that must not outlive it."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-c", GUARD], stdin=subprocess.PIPE,
                                        text=True)
        atexit.register(self.close)

    def tell(self, kind, what):
        self.process.stdin.write(f"{kind} {what}\n")
        self.process.stdin.flush()

    def close(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
            self.process.wait()


GUARD_PROCESS = None


def guard():
    global GUARD_PROCESS
    if GUARD_PROCESS is None:
        GUARD_PROCESS = Guard()
    return GUARD_PROCESS


def spawn(command, **options):
    """Popen in a session of its own, known to the guard."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    guard().tell("p", process.pid)
    return process


def reap(process, timeout_s):
    """Waits for @process, kills it when it takes too long; returns its exit code."""
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise Failed(f"{process.args[0]} did not end within {timeout_s} s") from None
    finally:
        guard().tell("P", process.pid)
    return process.returncode


@contextlib.contextmanager
def scratch(prefix="triptych-test."):
    """A directory that others may pass, removed at the end."""
    directory = tempfile.mkdtemp(prefix=prefix)
    os.chmod(directory, 0o755)
    guard().tell("d", directory)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        guard().tell("D", directory)


def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def build_directory():
    return os.environ.get("TRIPTYCH_BUILD") or os.path.join(TREE, "build/release")


def wait_for(condition, timeout_s, what, step_s=0.02):
    """Polls until @condition returns something true, and returns it."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"not within {timeout_s} s: {what}")
        time.sleep(step_s)


CONFIGURATION = """
pyroscope.ebpf "test" {{
  forward_to       = [pyroscope.write.test.receiver]
  targets          = []
  default_target   = {{"service_name" = "test"}}
  sample_rate      = {sample_rate}
  collect_interval = "{interval}"
}}
pyroscope.write "test" {{
  endpoint {{
    url                 = "{url}"
    min_backoff_period  = "100ms"
    max_backoff_period  = "500ms"
    max_backoff_retries = 0
  }}
}}
"""


class Triptych:
    """The three services: started by __enter__, stopped in order by __exit__."""

    def __init__(self, url, n_symbolizers=2, interval="1s", sample_rate=97, build=None,
                 configuration=None, collector_options=()):
        self.build = build or build_directory()
        self.n_symbolizers = n_symbolizers
        self.sample_rate = sample_rate
        self.collector_options = list(collector_options)
        self.configuration = configuration or CONFIGURATION.format(
            url=url, interval=interval, sample_rate=sample_rate)
        self.port = free_port()
        self.processes = {}   # name -> Popen
        self.final = {}       # /metrics when the collector had stopped
        self.stack = contextlib.ExitStack()
        self.ids = identity()

    # -- directories

    def _prepare(self):
        self.work = self.stack.enter_context(scratch())
        gid = self.ids["group"]
        os.mkdir(self.path("bin"))
        for service in SERVICES:
            shutil.copy(os.path.join(self.build, service, f"triptych-{service}"), self.path("bin"))
        self._directory("run", 0, gid, 0o3770)
        self._directory("cache", self.ids["symbolizer"], gid, 0o700)
        self._directory("spool", self.ids["shipper"], gid, 0o700)
        self._directory("store", self.ids["shipper"], gid, 0o700)
        self._directory("logs", 0, 0, 0o700)
        self.write_configuration(self.configuration)

    def _directory(self, name, uid, gid, mode):
        os.mkdir(self.path(name))
        os.chown(self.path(name), uid, gid)
        os.chmod(self.path(name), mode)

    def path(self, *names):
        return os.path.join(self.work, *names)

    def write_configuration(self, text):
        text = text.replace("@STORE@", "file://" + self.path("store"))
        with open(self.path("config.alloy.new"), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path("config.alloy.new"), 0o644)
        os.rename(self.path("config.alloy.new"), self.path("config.alloy"))

    # -- processes

    def command(self, name):
        service = name.split("-")[0]
        program = [self.path("bin", f"triptych-{service}"), "--run-dir", self.path("run")]
        if service == "collector":
            # The rate from the first tick on: a judge divides by one period.
            return (program + ["--log-level", "info", "--sample-rate", str(self.sample_rate)] +
                    self.collector_options)
        confined = ["setpriv", "--reuid", str(self.ids[service]), "--regid", str(self.ids["group"]),
                    "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
        if service == "symbolizer":
            return confined + program + ["--cache-dir", self.path("cache")]
        return confined + program + ["--spool-dir", self.path("spool"), "--http",
                                     f"127.0.0.1:{self.port}", "--config", self.path("config.alloy")]

    def start(self, name):
        # Leak checking needs ptrace and fork, which the sandboxes refuse.
        environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:abort_on_error=0",
                           UBSAN_OPTIONS="print_stacktrace=1")
        with open(self.path("logs", name), "ab") as log:
            self.processes[name] = spawn(self.command(name), stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=log, env=environment, cwd="/")
        return self.processes[name]

    def symbolizers(self):
        return [name for name in self.processes if name.startswith("symbolizer")]

    def kill(self, name):
        """kill -9, and waits for the end of it."""
        self.processes[name].kill()
        self.processes[name].wait()
        guard().tell("P", self.processes[name].pid)
        del self.processes[name]

    def terminate(self, name, timeout_s=STOP_SECONDS):
        """Asks @name to stop and waits. Its exit code must be 0."""
        self.processes[name].terminate()
        self.reap(name, timeout_s)

    def reap(self, name, timeout_s=STOP_SECONDS):
        """Waits for @name, which was asked to stop."""
        code = reap(self.processes.pop(name), timeout_s)
        check(code == 0, f"{name} ended with {code}:\n{self.log(name)}")

    def check_alive(self):
        for name, process in self.processes.items():
            check(process.poll() is None,
                  f"{name} ended with {process.returncode}:\n{self.log(name)}")

    def log(self, name):
        with open(self.path("logs", name), encoding="utf-8", errors="replace") as file:
            return file.read()[-6000:]

    # -- HTTP

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def is_ready(self):
        self.check_alive()
        try:
            self.get("/-/ready")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def wait_ready(self):
        wait_for(self.is_ready, READY_SECONDS, "ready")

    def metrics(self):
        """{'name{labels}': value}, as /metrics gives them."""
        values = {}
        for line in self.get("/metrics").splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values

    # -- life

    def __enter__(self):
        try:
            self._prepare()
            self.start("shipper")
            for n in range(self.n_symbolizers):
                self.start(f"symbolizer-{n + 1}")
            self.start("collector")
            self.wait_ready()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.stop()
            else:
                self.show_logs()
        except BaseException:
            self.show_logs()
            raise
        finally:
            for name in list(self.processes):
                self.kill(name)
            self.stack.close()

    def stop_collector(self):
        """The collector flushes; what it counted is in self.final afterwards."""
        self.metrics() # who is looked at asks the collector every second
        self.terminate("collector")
        self.final = self.metrics()

    def stop(self):
        if "collector" in self.processes:
            self.stop_collector()
        for name in self.symbolizers():
            self.processes[name].terminate()
        for name in self.symbolizers():
            self.reap(name)
        if "shipper" in self.processes:
            self.terminate("shipper")

    def show_logs(self):
        for name in sorted(os.listdir(self.path("logs"))):
            print(f"---- {name}\n{self.log(name)[-3000:]}", file=sys.stderr)

    def run(self, command, timeout_s=120, **options):
        """Runs a workload to its end and returns what it printed."""
        process = spawn(command, stdout=subprocess.PIPE, text=True, **options)
        try:
            out, _ = process.communicate(timeout=timeout_s)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            guard().tell("P", process.pid)
        check(process.returncode == 0, f"{command[0]} ended with {process.returncode}")
        return out


# ---- the books ---------------------------------------------------------------------------------

def family(metrics, name):
    """The sum of a metric over its labels."""
    return sum(value for key, value in metrics.items()
               if key == name or key.startswith(name + "{"))


def check_books(metrics):
    """Invariant 3, to the last sample, up to each endpoint. Returns what was spooled."""
    ticks, taken = (metrics[f"triptych_{name}"] for name in ("ticks_total", "samples_taken_total"))
    skipped = family(metrics, "triptych_samples_skipped_total")
    lost = family(metrics, "triptych_kernel_dropped_total")
    check(ticks == taken + skipped + lost,
          f"ticks {ticks:.0f} != taken {taken:.0f} + skipped {skipped:.0f} + dropped {lost:.0f}")
    spooled = metrics["triptych_samples_spooled_total"]
    dropped = family(metrics, "triptych_samples_dropped_total")
    held = family(metrics, "triptych_samples_held")
    copied = metrics["triptych_samples_copied_total"]
    check(taken + copied == spooled + dropped + held, (f"taken {taken:.0f} + copied {copied:.0f}" if copied else
          f"taken {taken:.0f}") + f" != spooled {spooled:.0f} + dropped {dropped:.0f} + held {held:.0f}")
    for endpoint in re.findall(r'triptych_endpoint_samples_sent_total\{(.*)\}', "\n".join(metrics)):
        check_endpoint(metrics, endpoint)
    if taken != spooled:
        print(f"taken {taken:.0f}, spooled {spooled:.0f}; the rest by reason:",
              {key: value for key, value in metrics.items() if value and
               key.startswith(("triptych_samples_dropped_total", "triptych_samples_held"))})
    return spooled


def check_endpoint(metrics, endpoint):
    spooled, sent, passed, held = (metrics[f"triptych_endpoint_samples_{name}{{{endpoint}}}"]
                                   for name in ("spooled_total", "sent_total", "passed_total", "held"))
    dropped = sum(value for key, value in metrics.items()
                  if key.startswith(f"triptych_endpoint_samples_dropped_total{{{endpoint},"))
    check(spooled == sent + dropped + passed + held,
          f"{endpoint}: spooled {spooled:.0f} != sent {sent:.0f} + dropped {dropped:.0f} + "
          f"passed {passed:.0f} + held {held:.0f}")


def check_delivered(triptych, receiver):
    """The books balance, and what was acknowledged has arrived, once. Returns how much that is."""
    spooled = check_books(triptych.final)
    try:
        wait_for(lambda: receiver.totals()["samples"] >= spooled, 30, "all pushed")
    except Failed:
        raise Failed(f"spooled {spooled:.0f}, received {receiver.totals()}") from None
    totals = receiver.totals()
    check(totals["samples"] == spooled, f"spooled {spooled:.0f}, received {totals}")
    check(not totals["refusals"], f"refused: {totals['refusals'][:3]}")
    return spooled

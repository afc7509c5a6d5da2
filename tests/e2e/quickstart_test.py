#!/usr/bin/env python3
"""deploy/quickstart by its options: what it says, writes and pushes, and that it leaves nothing running."""

import contextlib
import glob
import gzip
import os
import re
import shutil
import signal
import socketserver
import subprocess
import sys
import time

import harness
from harness import check
from receiver import Receiver

DONE, USAGE, HOST, SERVICE, NOT_ROOT, TERMINATED = 0, 64, 69, 71, 77, 143
NOBODY = 65534
QUICKSTART = os.path.join(harness.TREE, "deploy/quickstart")
CONFIGURATION = """// one rate of its own
pyroscope.ebpf "own" {{
  forward_to     = [pyroscope.write.own.receiver]
  targets        = []
  default_target = {{"service_name" = "own"}}
  sample_rate    = {rate}
}}
pyroscope.write "own" {{ endpoint {{ url = {url} }} }}
"""


class Quickstart:
    """One run, with a directory for temporary files of its own: whatever it leaves is found there."""

    def __init__(self, directory, *options, prefix=(), script=QUICKSTART):
        self.tmp = os.path.join(directory, "tmp")
        os.makedirs(self.tmp, exist_ok=True)
        os.chmod(self.tmp, 0o1777)
        self.log = open(os.path.join(directory, "stderr"), "w+b")
        self.process = harness.spawn([*prefix, script, *options], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=self.log, text=True,
                                     env=dict(os.environ, TMPDIR=self.tmp), cwd=directory,
                                     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def said(self):
        self.log.seek(0)
        return self.log.read().decode()

    def wait_for(self, text):
        harness.wait_for(lambda: re.search(text, self.said()) or self.process.poll() is not None, 60, text)
        check(self.process.poll() is None, f"it ended: {self.said()}")

    def interrupt(self):
        """As a terminal does it: the whole group of the foreground."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ends(self, code, *words):
        """Returns what it printed; both streams together must hold @words."""
        out, _ = self.process.communicate(timeout=120)
        harness.guard().tell("P", self.process.pid)
        said = out + self.said()
        check(self.process.returncode == code, f"ended with {self.process.returncode}, not {code}:\n{said}")
        for word in words:
            check(re.search(word, said), f"{word!r} is not in:\n{said}")
        check("Traceback" not in said, said)
        self.check_gone()
        return out

    def processes(self):
        found = []
        for path in glob.glob("/proc/[0-9]*"):
            with contextlib.suppress(OSError):
                with open(path + "/stat", encoding="utf-8", errors="replace") as file:
                    state, _, _, session = file.read().rpartition(")")[2].split()[:4]
                if state != "Z" and (os.readlink(path + "/exe").startswith(self.tmp) or
                                     int(session) == self.process.pid):
                    found.append(path)
        return found

    def has(self, program):
        """Whether one of its own processes runs @program."""
        for path in self.processes():
            with contextlib.suppress(OSError):  # it may end meanwhile
                if os.path.basename(os.readlink(path + "/exe")) == program:
                    return True
        return False

    def check_gone(self, timeout_s=2):
        harness.wait_for(lambda: not self.processes(), timeout_s, "no process of it is left")
        harness.wait_for(lambda: not os.listdir(self.tmp), timeout_s, f"{self.tmp} is empty")


def check_results(directory, out):
    """The table, and both files."""
    check(re.search(r"^ +process +share +top functions", out, re.M), f"no table:\n{out}")
    check(re.search(r"^ +\S.* [0-9.]+% ", out, re.M), f"an empty table:\n{out}")
    check(re.search(r"end within \w+ frames|\d+ of \d+ user stacks", out), f"nothing of flat stacks:\n{out}")
    with gzip.open(os.path.join(directory, "profile.pb.gz")) as file:
        check(len(file.read()) > 100, "profile.pb.gz")
    with open(os.path.join(directory, "flamegraph.html"), encoding="utf-8") as file:
        check("<html" in file.read(), "flamegraph.html")
    for name in ("profile.pb.gz", "flamegraph.html"):
        check(os.path.join(directory, name) in out, f"it does not say where {name} is:\n{out}")


def check_usage(directory):
    config = os.path.join(directory, "some.alloy")
    with open(config, "w", encoding="utf-8") as file:
        file.write("")
    for options, words in (
            (["--seconds", "0"], "--seconds .*not 0"), (["--seconds", "-5"], "not -5"),
            (["--seconds", "1.5"], r"not 1\.5"), (["--seconds", "1s"], "not 1s"), (["--seconds", ""], "--seconds"),
            (["--seconds"], "--seconds needs a value"), (["--out"], "--out needs"), (["--out", ""], "--out"),
            (["--out", "/dev/null/x"], "--out: .*/dev/null"),
            (["--out", "/proc"], "--out: cannot write to /proc"),
            (["--push", "ftp://host"], "--push .*not ftp://host"), (["--push", "host:4040"], "not host:4040"),
            (["--config", "/no/such"], "--config: cannot read /no/such"),
            (["--config", "/tmp"], "--config: /tmp is a directory"),
            (["--config", config, "--push", "http://h"], "exclude each other"),
            (["--no-such"], "unknown argument --no-such"), (["stray"], "unknown argument stray")):
        Quickstart(directory, *options).ends(USAGE, words, "quickstart: ")
    Quickstart(directory, "--help").ends(DONE, "usage:", *map(re.escape, (
        "--seconds N", "--out DIR", "--push URL", "--config FILE", "--keep")))


def check_host(directory):
    """Without root or a capability, on a kernel that cannot: what exactly is missing."""
    copy = os.path.join(directory, "deploy") # the tree may be where nobody can read
    shutil.copytree(os.path.dirname(QUICKSTART), copy)
    nobody = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    Quickstart(directory, prefix=nobody, script=os.path.join(copy, "quickstart")).ends(
        NOT_ROOT, "root is missing", "sudo")
    for prefix, words in (
            (["setpriv", "--bounding-set", "-perfmon,-syslog"], "missing capabilities: CAP_SYSLOG CAP_PERFMON"),
            (["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"], "host's pid namespace"),
            (["unshare", "--user", "--map-root-user"], "host's user namespace"),
            (["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', "sh"],
             "/sys/kernel/btf/vmlinux.*CONFIG_DEBUG_INFO_BTF")):
        Quickstart(directory, prefix=prefix).ends(HOST, "this host cannot be profiled", words)


def check_seconds(directory):
    begun = time.monotonic()
    out = os.path.join(directory, "a", "new one")
    text = Quickstart(directory, "--seconds", "10", "--out", out).ends(DONE, "profiling: [0-9]+ of 10 s")
    took = time.monotonic() - begun
    check(10 <= took <= 20, f"--seconds 10 took {took:.1f} s")
    check_results(out, text)
    print(f"--seconds 10: {took:.1f} s")


def check_push(directory):
    out = os.path.join(directory, "pushed")
    with Receiver(os.path.join(directory, "received")) as receiver:
        run = Quickstart(directory, "--seconds", "2", "--out", out, "--push", receiver.url)
        text = run.ends(DONE, f"pushed [0-9]+ samples to {receiver.url}")
        said = int(re.search("pushed ([0-9]+) samples", run.said()).group(1))
        totals = receiver.totals()
    check_results(out, text)
    check(totals["samples"] == said > 0 and not totals["refusals"], f"{said} pushed, received: {totals}")
    with socketserver.TCPServer(("127.0.0.1", 0), None, bind_and_activate=False) as closed:
        closed.server_bind() # and never listens
        url = f"http://127.0.0.1:{closed.server_address[1]}"
        text = Quickstart(directory, "--seconds", "1", "--out", out, "--push", url).ends(
            SERVICE, f"0 of [0-9]+ samples reached {url}", "event=endpoint-failing .*onnect")
    check_results(out, text)


def check_config(directory):
    def write(**values):
        path = os.path.join(directory, "own.alloy")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(**{"rate": 97, "url": 'sys.env("TRIPTYCH_URL")', **values}))
        return path

    out = os.path.join(directory, "configured")
    text = Quickstart(directory, "--seconds", "2", "--out", out, "--config", write()).ends(DONE)
    check_results(out, text)
    with Receiver(os.path.join(directory, "received-own")) as receiver:
        config = write(url=f'"{receiver.url}"')
        Quickstart(directory, "--seconds", "1", "--out", out, "--config", config).ends(
            DONE, "keeps no profiles here", f"pushed [0-9]+ samples to {receiver.url}")
        check(receiver.totals()["samples"] > 0, "nothing was received")
    config = write(rate=0)
    Quickstart(directory, "--config", config).ends(SERVICE, f"{config}:6:")


def check_interrupt(directory):
    out = os.path.join(directory, "kept")
    run = Quickstart(directory, "--keep", "--seconds", "1", "--out", out)
    run.wait_for("profiling: [0-9]+ s, [0-9]+ samples; Ctrl-C ends it")
    time.sleep(2) # longer than --seconds would have let it
    run.interrupt()
    check_results(out, run.ends(DONE))
    run = Quickstart(directory, "--keep", "--out", out)
    run.wait_for("profiling: [0-9]+ s, [1-9]")
    run.interrupt()
    harness.wait_for(lambda: not run.has("triptych-collector"), 20, "the collector to leave", 0.01)
    while run.process.poll() is None:  # somebody is impatient
        with contextlib.suppress(ProcessLookupError):
            run.interrupt()
        time.sleep(0.1)
    check_results(out, run.ends(DONE))
    run = Quickstart(directory, "--out", out)
    run.wait_for("profiling: ")
    run.process.terminate()
    run.ends(TERMINATED)
    run = Quickstart(directory, "--out", out)
    run.wait_for("profiling: ")
    run.process.kill()
    run.process.communicate(timeout=60)
    run.check_gone(15)


def main():
    with harness.scratch() as directory:
        for step in (check_usage, check_host, check_seconds, check_push, check_config, check_interrupt):
            begun = time.monotonic()
            step(directory)
            print(f"{step.__name__}: {time.monotonic() - begun:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the tests of a discovery with a server's double share.

The shipper is the real one; beside it are the double and a collector of a few lines, which says how
many targets it was given.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SHIPPER_UID, SYMBOLIZER_UID, COLLECTOR_UID, GROUP = 59114, 59113, 59111, 59110
TOOLS = None

TEXT = """
%(discovery)s
pyroscope.ebpf "e" {
  forward_to = [pyroscope.write.w.receiver]
  targets    = %(targets)s
}
pyroscope.write "w" {
  endpoint { url = "file://%(store)s" }
}
"""


def wait_for(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError(f"not within {seconds} s: {what}")


class DiscoveryCase(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="triptych-discovery.", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.directory, True)
        os.chmod(self.directory, 0o755)
        for name, uid in (("run", 0), ("spool", SHIPPER_UID), ("store", SHIPPER_UID)):
            os.mkdir(self.path(name))
            if os.geteuid() == 0:
                os.chown(self.path(name), uid, GROUP)
            os.chmod(self.path(name), 0o3770 if name == "run" else 0o700)
        for name in ("shipper", "collector"):  # where other users reach them
            shutil.copy(getattr(TOOLS, name), self.path(name))
        self.log = open(self.path("log"), "wb")
        self.addCleanup(self.log.close)
        self.settings = []

    def path(self, name):
        return os.path.join(self.directory, name)

    @staticmethod
    def as_user(uid):
        if os.geteuid() != 0:
            return []
        return ["setpriv", "--reuid", str(uid), "--regid", str(GROUP), "--clear-groups"]

    @staticmethod
    def uid_of(uid):
        return str(uid if os.geteuid() == 0 else os.geteuid())

    def spawn(self, command, environment=(), **options):
        process = subprocess.Popen(
            command, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0", **dict(environment)),
            **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def start_with(self, targets, discovery, before=(), environment=()):
        """Starts the shipper; @discovery are the blocks that @targets refers to."""
        with open(self.path("config.alloy"), "w", encoding="utf-8") as file:
            file.write(TEXT % {"targets": targets, "discovery": discovery, "store": self.path("store")})
        self.shipper = self.spawn(
            list(before) + self.as_user(SHIPPER_UID) +
            [self.path("shipper"), "--config", self.path("config.alloy"), "--run-dir",
             self.path("run"), "--spool-dir", self.path("spool"), "--http", "127.0.0.1:0",
             "--collector-uid", self.uid_of(COLLECTOR_UID),
             "--symbolizer-uid", self.uid_of(SYMBOLIZER_UID)], environment, stderr=self.log)
        collector = self.spawn(
            self.as_user(COLLECTOR_UID) +
            [self.path("collector"), self.path("run/control.sock"), self.uid_of(SHIPPER_UID)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(collector.stdin.close)
        threading.Thread(target=self.read_settings, args=(collector.stdout,), daemon=True).start()

    def read_settings(self, lines):
        with lines:
            for line in lines:
                words = line.split()
                if words[2] == "full":
                    self.settings.append(int(words[3]))

    def log_text(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for_targets(self, n, seconds=10):
        try:
            wait_for(lambda: self.settings[-1:] == [n], f"{n} targets", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}, but {self.settings}\n{self.log_text()}") from None

    def wait_for_log(self, text, seconds=10):
        try:
            wait_for(lambda: text in self.log_text(), text, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_text()}") from None


def main():
    global TOOLS
    parser = argparse.ArgumentParser()
    parser.add_argument("--shipper", required=True)
    parser.add_argument("--collector", required=True)
    TOOLS, rest = parser.parse_known_args()
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])

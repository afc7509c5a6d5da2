#!/usr/bin/env python3
"""A hijacked symbolizer asks the collector for files: it gets those of its window and nothing else.

It leases a window of real samples, as a symbolizer would, and gives it back in the end: a real one must
still be able to deliver every sample.
"""

import os
import random
import socket
import subprocess
import sys

import harness
import wire_client as wire
import workloads
from harness import check
from wire_client import Closed, Peer

FAMILY = 'triptych_objects_refused_total{{reason="{}"}}'
MESSAGES = 'triptych_messages_refused_total{service="collector"}'
STORED, FAILED = 1, 2 # enum lease_outcome


class Worker:
    """One who leases as a symbolizer does."""

    def __init__(self, triptych):
        self.peer = Peer(triptych.ids["symbolizer"], triptych.path("run", "pool.sock"))
        self.peer.read_hello()
        self.id = random.getrandbits(40)
        self.window = [0, 0]

    def ask(self, stopping=False, outcome=0):
        answer = self.peer.ask(wire.LEASE, 1, self.id, stopping, outcome, self.window)
        self.window = answer[1] if answer[0] == wire.WINDOW else [0, 0]
        return answer

    def lease_with(self, name):
        """Leases windows until one has an object called @name; (its id, all ids of the window)."""
        outcome = 0
        for _ in range(60):
            answer = self.ask(outcome=outcome)
            if answer[0] != wire.WINDOW:
                outcome = 0
                continue
            outcome = FAILED
            objects = {o[6].decode(errors="replace"): o[0] for o in answer[8] if o[1] == wire.FILE}
            if name in objects:
                return objects[name], set(objects.values())
        raise harness.Failed(f"no window with {name}")

    def read(self, identity, offset, n_bytes):
        return self.peer.ask(wire.OBJECT_READ, identity, offset, n_bytes)

    def open(self, identity, kind, name):
        return self.peer.ask(wire.OBJECT_OPEN, identity, kind, name)

    def refused(self, answer, reason, what):
        check(answer[0] == wire.REFUSED and wire.REFUSALS[answer[1]] == reason,
              f"{what}: {answer if answer[0] == wire.REFUSED else answer[:1]}, not {reason}")

    def refuses_open(self, reason, identity, kind, name):
        self.refused(self.open(identity, kind, name), reason, f"OBJECT_OPEN {kind} {name!r}")


def furnish(directory):
    """What a target's directory may hold, beside the program."""
    for name, mode in (("public", 0o644), ("shadow", 0o640), ("secret", 0o600)):
        with open(f"{directory}/{name}", "w", encoding="ascii") as file:
            file.write(name)
        os.chmod(f"{directory}/{name}", mode)
    os.symlink("/etc/passwd", f"{directory}/absolute-link")
    os.symlink("public", f"{directory}/relative-link")
    os.mkfifo(f"{directory}/fifo", 0o644)
    os.mknod(f"{directory}/device", 0o20666, os.makedev(1, 5))
    os.mkdir(f"{directory}/.debug")
    os.symlink("/etc", f"{directory}/.debug/etc")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{directory}/socket")


def check_reads(worker, program, window_ids):
    magic = worker.read(program, 0, 4)
    check(magic == [wire.OBJECT_BYTES, b"\x7fELF"], f"the program's first bytes: {magic}")
    for offset in (1 << 30, 1 << 40, (1 << 63) - (1 << 20)):
        answer = worker.read(program, offset, 16)
        check(answer == [wire.OBJECT_BYTES, b""], f"at {offset}: {answer}")
    for stranger in (0, max(window_ids) + 100000, (1 << 64) - 1):
        worker.refused(worker.read(stranger, 0, 16), "no_object", f"OBJECT_READ of {stranger}")


def check_opens(worker, program):
    """Debug files beside the program are handed out; what is none, however it is called, is not."""
    opened = worker.open(program, wire.OPEN_BESIDE, b"public")
    check(opened[0] == wire.OBJECT_OPENED, f"a public file beside the program: {opened}")
    check(worker.read(opened[1][0], 0, 16) == [wire.OBJECT_BYTES, b"public"], "its bytes")
    rows = [("bad_name", name) for name in (b"../x", b"../../etc/shadow", b"/etc/shadow", b"a/b", b"", b".",
                                            b"..", b"./shadow", b"x\0y", b".debug/etc")]
    rows += [("denied", b"shadow"), ("denied", b"secret")]
    rows += [("not_regular", name) for name in (b"absolute-link", b"relative-link", b"fifo", b"device",
                                                b"socket", b".debug")]
    rows += [("not_found", b"no-such-file"), ("not_found", b"n" * 255)]
    for reason, name in rows:
        worker.refuses_open(reason, program, wire.OPEN_BESIDE, name)
    for name in (b"xyz", b"ABCDEF0011223344", b"0011223344556677/..", b"00", b""):
        worker.refuses_open("bad_name", program, wire.OPEN_BUILD_ID, name)
    worker.refuses_open("not_found", program, wire.OPEN_BUILD_ID, b"00112233445566778899aabb")
    worker.refuses_open("not_regular", program, wire.OPEN_BESIDE_DOT_DEBUG, b"etc")
    worker.refuses_open("bad_name", program, wire.OPEN_BESIDE_DOT_DEBUG, b"etc/shadow")
    worker.refuses_open("not_found", program, wire.OPEN_GLOBAL_DEBUG, b"shadow")
    worker.refuses_open("bad_name", program, wire.OPEN_PERF_MAP, b"shadow")
    # The program makes no code: whatever lies in /tmp in its name is not looked for.
    worker.refuses_open("not_found", program, wire.OPEN_PERF_MAP, b"")
    worker.refused(worker.open(1 << 50, wire.OPEN_BESIDE, b"public"), "no_object", "a foreign object")


def check_garbled(triptych, target):
    """What no honest worker sends costs the lease and the connection."""
    for what, message in (("0 bytes", lambda i: (wire.OBJECT_READ, i, 0, 0)),
                          ("too many bytes", lambda i: (wire.OBJECT_READ, i, 0, (512 << 10) + 1)),
                          ("an offset beyond all files", lambda i: (wire.OBJECT_READ, i, (1 << 63) - 1, 16)),
                          ("a name that is too long", lambda i: (wire.OBJECT_OPEN, i, wire.OPEN_BESIDE, b"n" * 256)),
                          ("a kind that there is not", lambda i: (wire.OBJECT_OPEN, i, 77, b"public"))):
        worker = Worker(triptych)
        program, _ = worker.lease_with(target)
        try:
            answer = worker.peer.ask(*message(program))
        except Closed:
            continue
        raise harness.Failed(f"{what}: answered with {answer[:2]}")


def check_counted(triptych, before):
    wanted = {FAMILY.format("name"): 17, FAMILY.format("denied"): 2, FAMILY.format("not_regular"): 7,
              FAMILY.format("gone"): 5, MESSAGES: 4 + 5}
    def missing():
        now = triptych.metrics()
        return {name: now[name] - before[name] for name, n in wanted.items() if now[name] - before[name] < n}
    try:
        harness.wait_for(lambda: not missing(), 5, "refusals counted")
    except harness.Failed as error:
        raise harness.Failed(f"{error}: {missing()}, not {wanted}") from None


def main():
    os.setgroups([])
    with harness.scratch() as directory, harness.Triptych("@STORE@", interval="300ms",
                                                          n_symbolizers=1) as triptych:
        target = workloads.build_c(f"{directory}/target", "split.c", "tenant")
        furnish(f"{directory}/target")
        triptych.terminate("symbolizer-1") # nobody but the one below leases
        tenant = harness.spawn([target, "120"], stdout=subprocess.DEVNULL)
        worker = Worker(triptych)
        program, window_ids = worker.lease_with(target)
        before = triptych.metrics()
        check_reads(worker, program, window_ids)
        check_opens(worker, program)
        check(worker.ask(stopping=True, outcome=FAILED) == [wire.GO], "it may go")
        check_garbled(triptych, target)
        check_counted(triptych, before)
        triptych.start("symbolizer-1")
        tenant.kill()
        harness.reap(tenant, 5)
        triptych.stop_collector()
        taken = harness.check_books(triptych.final)
        spooled = triptych.final["triptych_samples_spooled_total"]
        check(taken == spooled, f"taken {taken:.0f}, spooled {spooled:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

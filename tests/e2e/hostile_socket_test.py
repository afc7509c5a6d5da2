#!/usr/bin/env python3
"""Peers that are foreign, silent, garbled, greedy or out of turn: refused, counted, and the rest goes on.

After each of them the listener still serves a peer that behaves, and in the end the books balance.
"""

import os
import random
import struct
import subprocess
import sys
import time

import harness
import wire_client as wire
from harness import check
from wire_client import Closed, Peer, pack

FOREIGN_UID = 4711
HELLO = b"\0SP\0" + struct.pack(">HH", wire.REQ, 0)
RSS_MAX_KB = 96 << 10
SOFT_NOFILE = 128 # fewer than the connections below: the collector raises its own limit
SHIPPER_REFUSED = "triptych_shipper_messages_refused_total"
COLLECTOR_REFUSED = 'triptych_messages_refused_total{service="collector"}'


class Link:
    """One of the three sockets, and how its rightful peer speaks."""

    def __init__(self, triptych, socket_name, owner, uid, counter):
        self.triptych, self.name, self.counter = triptych, socket_name, counter
        self.pid = triptych.processes[owner].pid
        self.path = triptych.path("run", socket_name)
        self.uid = triptych.ids[uid]

    def connect(self, **options):
        return Peer(self.uid, self.path, **options)

    def n_refused(self):
        return harness.family(self.triptych.metrics(), self.counter)

    def nng_tells_all(self):
        """Whether it is built with an nng that could be made to tell of garbage: common/link/link.h."""
        with open(f"/proc/{self.pid}/exe", "rb") as file:
            return b"libnng.so" not in file.read()

    def well_behaved_ask(self):
        """(a request that changes nothing, the id of its answer)"""
        if self.name == "pool.sock":
            return (wire.LEASE, 1, random.getrandbits(40), True, 0, [0, 0]), wire.GO
        if self.name == "control.sock":
            return (wire.SETTINGS, 1, 0, True, None, None), wire.STATE
        return (wire.STATS, random.getrandbits(40), []), wire.NOTED

    def serves(self, ask, wanted):
        """Whether one who behaves is answered. Many that leave at once may be in the way for a moment."""
        try:
            with self.connect() as peer:
                peer.read_hello()
                for message, answer in (((wire.PROBE,), wire.PROBED), (ask, wanted)):
                    got = peer.ask(*message)
                    check(got[0] == answer, f"{self.name}: {got[:2]}, not {answer}")
        except Closed:
            return False
        return True

    def check_serves(self, what):
        harness.wait_for(lambda: self.serves(*self.well_behaved_ask()), 5, f"{self.name} after {what}")

    def check_counted(self, what, before, n=1):
        harness.wait_for(lambda: self.n_refused() >= before + n, 10, f"{n} refusals counted: {what}")

    def refuses(self, what, body):
        """@body, sent by the rightful uid, costs it its connection; counting it is checked later."""
        with self.connect() as peer:
            peer.read_hello()
            peer.send_body(body)
            check(peer.is_closed(), f"{self.name} keeps a peer that sent {what}")
        self.check_serves(what)

    def refuses_all(self, cases):
        """@cases: (what, body of a message)"""
        before, cases = self.n_refused(), list(cases)
        for what, body in cases:
            self.refuses(what, body)
        self.check_counted(f"each of {len(cases)} bad messages", before, len(cases))

    def answers_refusal(self, what, reason, *message):
        """@message is understood and answered with a refusal, which is counted."""
        before = self.n_refused()
        with self.connect() as peer:
            peer.read_hello()
            got = peer.ask(*message)
        check(got == [wire.REFUSED, wire.REFUSALS.index(reason)], f"{self.name}, {what}: {got}")
        self.check_counted(what, before)
        self.check_serves(what)


# ---- who -----------------------------------------------------------------------------------------

def check_foreign(link):
    before = link.n_refused()
    for uid in (FOREIGN_UID, 0):
        with Peer(uid, link.path) as peer:
            peer.send(*link.well_behaved_ask()[0])
            check(peer.is_closed(), f"{link.name} keeps uid {uid}")
    link.check_counted("foreign uids", before, 2)
    try:
        Peer(FOREIGN_UID, link.path, gid=FOREIGN_UID)
    except PermissionError:
        pass
    else:
        raise harness.Failed(f"{link.name} can be reached from outside of the group")
    link.check_serves("foreign uids")


# ---- how -----------------------------------------------------------------------------------------

def check_transport(link):
    """What is no frame of nng, or claims too much, costs the connection and is counted; nothing else."""
    rng = random.Random(3)
    bad_hellos = [rng.randbytes(64), b"GET / HTTP/1.0\r\n\r\n", b"\0SP\1" + struct.pack(">HH", wire.REQ, 0)]
    bad_frames = [b"\0" * 64, b"\xff" * 64, b"\2" + rng.randbytes(40), # no frames of nng
                  b"\1" + struct.pack(">Q", 3) + b"\x80\0\0", # no room for a request id
                  b"\1" + struct.pack(">Q", 8) + b"not ours", # none that ends
                  b"\1" + struct.pack(">Q", 64) + b"A" * 64] # none that ends soon enough
    too_long = [1 << 40, 1 << 63, (1 << 64) - 1, 20 << 20]
    cases = [(f"greets with {hello!r}", hello, None) for hello in bad_hellos]
    cases += [(f"sends {frame!r}", HELLO, frame) for frame in bad_frames]
    cases = cases if link.nng_tells_all() else []
    cases += [(f"claims {claim} bytes", HELLO, b"\1" + struct.pack(">QI", claim, 0x80000001)) for claim in too_long]
    before = link.n_refused()
    for what, hello, then in cases:
        with link.connect(hello=hello) as peer:
            if then:
                peer.send_raw(then)
            check(peer.is_closed(), f"{link.name} keeps a peer that {what}")
    link.check_counted("each of them", before, len(cases))
    check(link.n_refused() == before + len(cases), f"{link.name}: {link.n_refused() - before} refused, not {len(cases)}")
    with link.connect(hello=b"\0SP\0" + struct.pack(">HH", 0x20, 0)) as peer:
        check(peer.is_closed(), f"{link.name} keeps a peer that speaks another protocol")
    link.check_serves("garbage")
    for hello in (None, b"\0SP", b"\0SP\0" + struct.pack(">HH", wire.REQ, 0)):
        for _ in range(100):
            link.connect(hello=hello).stream.close()
    link.check_serves("half-open connections")


def check_cut(link):
    """A refused frame with the beginning of another behind it: each connection is really let go."""
    def n_fds():
        return len(os.listdir(f"/proc/{link.pid}/fd"))

    before = n_fds()
    payload = b"\x80\0\0\0\x91\x7f"
    both = b"\1" + struct.pack(">Q", len(payload)) + payload + b"\1" + struct.pack(">Q", 60) + b"\x80"
    for _ in range(100):
        with link.connect() as peer:
            peer.send_raw(both)
            check(peer.is_closed(), f"{link.name} keeps a peer that sent a bad frame and a half")
    harness.wait_for(lambda: n_fds() <= before + 20, 10, f"{link.name}: connections let go")
    link.check_serves("frames that were cut")


def check_silent(link):
    """200 connections that say nothing more, some of them in the middle of a long frame."""
    silent = [link.connect(hello=None) for _ in range(40)]
    silent += [link.connect() for _ in range(140)]
    for _ in range(20):
        peer = link.connect()
        peer.send_body(b"\x91", claimed=200) # the rest never comes
        silent.append(peer)
    link.check_serves("200 silent connections")
    for peer in silent:
        peer.stream.close()
    link.check_serves("the end of 200 connections")


# ---- what ----------------------------------------------------------------------------------------

def lease(**changes):
    fields = dict(version=1, worker=7, stopping=True, outcome=0, window=[0, 0])
    fields.update(changes)
    return (wire.LEASE, *fields.values())


def common_refusals(own_request):
    """(name, body) of what no listener takes; @own_request is one that it would."""
    whole = pack(own_request)
    yield "nothing", b""
    yield "no msgpack", b"\xc1\xc1\xc1"
    yield "random bytes", random.Random(5).randbytes(48)
    yield "a string", b"\xa5hello"
    yield "an id that nobody knows", pack([99])
    yield "an id of 0", pack([0])
    yield "an id of 2^63", pack([1 << 63])
    yield "an array that claims 2^32 fields", b"\xdd\xff\xff\xff\xff" + pack(own_request[0])
    yield "a cut request", whole[:-1]
    yield "trailing bytes", whole + b"\0"
    yield "a field too many", pack([*own_request, 1])
    yield "a field too few", pack(own_request[:-1])
    yield "deep nesting", pack(own_request[0:1])[:5] + pack(own_request[0]) + b"\x91" * 60
    for answer in (wire.PROBED, wire.REFUSED, wire.WINDOW, wire.NOTHING_YET, wire.GO, wire.OBJECT_BYTES,
                   wire.OBJECT_OPENED, wire.STATE, wire.STORED, wire.NOTED):
        yield f"an answer ({answer}) as a request", pack([answer, 1])


def check_pool(link):
    link.refuses_all(common_refusals(lease()))
    link.refuses_all((what, pack(message)) for what, message in (("OBJECT_READ without a lease", (wire.OBJECT_READ, 1, 0, 16)),
                          ("OBJECT_OPEN without a lease", (wire.OBJECT_OPEN, 1, wire.OPEN_BESIDE, b"x")),
                          ("PROFILE", (wire.PROFILE, [1, 1], 0, [])),
                          ("STATS", (wire.STATS, 1, [])),
                          ("SETTINGS", (wire.SETTINGS, 1, 0, True, None, None)),
                          ("a LEASE that is too long", (*lease(), b"x" * 300)),
                          ("an outcome that there is not", lease(outcome=9)),
                          ("a number that is a string", lease(worker=b"\xff"))))
    link.answers_refusal("another version", "version", *lease(version=2))
    before = link.n_refused()
    with link.connect() as peer: # it asks again before it was answered
        peer.read_hello()
        peer.send(*lease(stopping=False, outcome=0))
        peer.send(*lease(stopping=False, outcome=0))
        peer.send(*lease(stopping=False, outcome=0))
        peer.is_closed(1)
    link.check_counted("impatience", before)
    link.check_serves("impatience")


def settings(**changes):
    job = dict(id=7, rate=97, interval=1000, user=True, kernel=True, targets=[])
    job.update(changes)
    return (wire.SETTINGS, 1, 12345, False, [2048, 1024, [1, 1, 1]], [list(job.values())])


def target(kind=3, demangle=0):
    return [kind, b"", b"\x90", demangle, True]


def check_control(link):
    link.refuses_all(common_refusals((wire.SETTINGS, 1, 0, True, None, None)))
    link.refuses_all((what, pack(message)) for what, message in (("LEASE", lease()), ("PROFILE", (wire.PROFILE, [1, 1], 0, [])),
                          ("a rate of 0", settings(rate=0)), ("an interval of 0", settings(interval=0)),
                          ("a rate of 2^32", settings(rate=1 << 32)),
                          ("no such demangle mode", settings(targets=[target(demangle=77)])),
                          ("a target that is no target", settings(targets=[[1, 2]])),
                          ("a target of no kind", settings(targets=[target(kind=77)])),
                          ("no job", (*settings()[:-1], [])),
                          ("two jobs of one id", (*settings()[:-1], settings()[-1] * 2)),
                          ("more jobs than there may be", (*settings()[:-1], [[i, 97, 1000, True, True, []] for i in range(9)]))))
    link.answers_refusal("another version", "version", wire.SETTINGS, 2, 1, True, None, None)
    link.answers_refusal("a rate beyond all", "state", *settings(rate=(1 << 32) - 1))
    link.answers_refusal("an interval beyond all", "state", *settings(interval=(1 << 32) - 1))


def part(labels=b"\x90", pprof=b"x", n_samples=1):
    return [labels, pprof, n_samples, 1]


def check_profiles(link):
    link.refuses_all(common_refusals((wire.STATS, 1, [])))
    link.refuses_all((what, pack(message)) for what, message in (("LEASE", lease()), ("SETTINGS", settings()),
                          ("a PROFILE without parts", (wire.PROFILE, [1, 1], 0, [])),
                          ("a PROFILE of 2^64 - 1 samples", (wire.PROFILE, [1, 1], 0, [part(n_samples=2**64 - 1)])),
                          ("labels that are none", (wire.PROFILE, [1, 1], 0, [part(labels=b"\x91\x01")])),
                          ("labels with a rest", (wire.PROFILE, [1, 1], 0, [part(labels=b"\x90\x90")])),
                          ("an odd label", (wire.PROFILE, [1, 1], 0, [part(labels=pack([b"a"]))])),
                          ("a part that is no array", (wire.PROFILE, [1, 1], 0, [5])),
                          ("STATS that are too long", (wire.STATS, 1, [[1, 1]] * 40000)),
                          ("a counter that is none", (wire.STATS, 1, [[1]]))))
    with link.connect() as peer: # counters that nobody knows are passed over
        peer.read_hello()
        check(peer.ask(wire.STATS, 1, [[9999, 1], [1, 2**64 - 1]]) == [wire.NOTED], "foreign counters")
    link.check_serves("foreign counters")


def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def check_memory(link, pid):
    """Claims of the longest message are not paid for before its bytes come."""
    peers = [link.connect() for _ in range(60)]
    for peer in peers:
        peer.send_body(b"\x91", claimed=16 << 20)
    link.check_serves("60 claims of 16 MiB")
    check(rss_kb(pid) < RSS_MAX_KB, f"the shipper has {rss_kb(pid)} KiB resident")
    for peer in peers:
        peer.stream.close()


class Triptych(harness.Triptych):
    """The collector starts with as few files as some hosts allow at first."""

    def command(self, name):
        limit = ["prlimit", f"--nofile={SOFT_NOFILE}:4096"] if name == "collector" else []
        return limit + super().command(name)


def main():
    os.setgroups([])
    with Triptych("@STORE@", interval="300ms") as triptych:
        load = harness.spawn(["dd", "if=/dev/zero", "of=/dev/null", "bs=64k"], stderr=subprocess.DEVNULL)
        pool = Link(triptych, "pool.sock", "collector", "symbolizer", COLLECTOR_REFUSED)
        control = Link(triptych, "control.sock", "collector", "shipper", COLLECTOR_REFUSED)
        profiles = Link(triptych, "profiles.sock", "shipper", "symbolizer", SHIPPER_REFUSED)
        for link, own in ((pool, check_pool), (control, check_control), (profiles, check_profiles)):
            for step in (check_foreign, check_transport, check_cut, check_silent, own):
                begun = time.monotonic()
                step(link)
                triptych.check_alive()
                print(f"{link.name}: {step.__name__} {time.monotonic() - begun:.1f} s")
        check_memory(profiles, triptych.processes["shipper"].pid)
        load.kill()
        harness.reap(load, 5)
        triptych.stop_collector()
        taken = harness.check_books(triptych.final)
        spooled = triptych.final["triptych_samples_spooled_total"]
        print(f"taken {taken:.0f}, spooled {spooled:.0f}")
        check(taken > 100 and taken == spooled, f"taken {taken:.0f}, spooled {spooled:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Judges the symbolizer's tables by binutils: table_test.py TABLE_DUMP (real | budget).

real       names, starts, sizes and gaps of this machine's libraries against readelf
budget     libLLVM from .dynsym alone reads less than 15 % of its bytes, into a compact table
"""
import bisect
import glob
import os
import random
import re
import subprocess
import sys

SKIPPED = 77
LIBRARIES = ["libc.so.6", "libstdc++.so.6", "libcrypto.so.3", "libm.so.6", "libz.so.1",
             "ld-linux-x86-64.so.2", "libelf.so.1", "libcurl.so.4"]
PROGRAMS = ["/usr/bin/python3", "/usr/bin/git", "/usr/bin/gdb",
            "/usr/bin/bash", sys.executable]
SECONDS_MAX = 10  # to read the worst specimen, with sanitizers on a busy machine


def dump(tool, path, addresses=(), encoding="latin-1"):
    """Runs the dump; returns its lines as lists of words, names whole."""
    command = [tool, path] + ["%x" % address for address in addresses]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise AssertionError("%s: exit %d\n%s" % (path, done.returncode, done.stderr.decode()[-2000:]))
    out = {"symbol": {}, "at": {}, "line": {}}
    for line in done.stdout.decode(encoding).splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "symbol":
            start, size, name = rest.split(" ", 2)
            out["symbol"][int(start, 16)] = (int(size, 16), name)
        elif kind == "at":
            address, answer = rest.split(" ", 1)
            words = answer.split(" ", 2)
            out["at"][int(address, 16)] = None if answer == "-" else (
                int(words[0], 16), int(words[1], 16), words[2])
        elif kind == "line":
            address, line, _, name = rest.split(" ", 3)
            out["line"][int(address, 16)] = (name, int(line))
        else:
            out[kind] = rest.split()
    return out


def readelf_symbols(path):
    """{start: {(size, name, type)}} of what may name code, as readelf sees it."""
    text = subprocess.run(["readelf", "-W", "--syms", "--dyn-syms", path], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode("latin-1")
    found, table = {}, ""
    for line in text.splitlines():
        if line.startswith("Symbol table"):
            table = line.split("'")[1]
        words = line.split(None, 7)
        if len(words) < 8 or not words[0].endswith(":") or not words[0][:-1].isdigit():
            continue
        value, size, kind, index, name = int(words[1], 16), int(words[2], 0), words[3], words[6], words[7]
        if value == 0 or not index.isdigit() or (
                kind not in ("FUNC", "IFUNC") and not (kind == "NOTYPE" and table == ".symtab")):
            continue
        name = re.sub(r" \(\d+\)$", "", name)  # the number of a version, behind its name
        bare = name[:1] + name[1:].split("@")[0]
        if bare:
            found.setdefault(value, set()).add((size, bare, kind))
    return found


class Oracle:
    """Which names may cover an address: those of the covering symbols that begin last."""

    def __init__(self, path):
        self.by_start = readelf_symbols(path)
        self.starts = sorted(self.by_start)
        self.reach = []  # running maximum of ends of sized functions
        end = 0
        for start in self.starts:
            sizes = [size for size, _, kind in self.by_start[start] if kind != "NOTYPE"]
            end = max([end] + [start + size for size in sizes])
            self.reach.append(end)

    def covering(self, address):
        i = bisect.bisect_right(self.starts, address) - 1
        while i >= 0 and self.reach[i] > address:
            start = self.starts[i]
            names = {(start, size, name) for size, name, kind in self.by_start[start]
                     if start + size > address and kind != "NOTYPE"}
            if names:
                return names
            i -= 1
        return set()

    def weak_claims(self, address):
        """Symbols that count only where no sized function covers: untyped ones, sizeless ones."""
        i = bisect.bisect_right(self.starts, address) - 1
        while i >= 0:
            claims = {(self.starts[i], name) for size, name, kind in self.by_start[self.starts[i]]
                      if size == 0 or kind == "NOTYPE"}
            if claims:
                return claims
            i -= 1
        return set()


def check_answer(path, oracle, address, answer):
    expected = oracle.covering(address)
    if answer is not None and not answer[2]:
        answer = None  # an extent without a name: extents_test.py judges those
    if expected:
        assert answer in expected, "%s: %x is %r, not one of %r" % (path, address, answer, expected)
    elif answer is not None:
        claims = {(start, name) for start, name in oracle.weak_claims(address)}
        assert (answer[0], answer[2]) in claims, "%s: %x is %r, but nothing covers it" % (path, address, answer)


def worth_reading(path):
    """(bytes of the sections that functions can be told from, bytes of headers), as readelf has them."""
    text = subprocess.run(["readelf", "-W", "-h", "-S", path], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode("latin-1")
    n_bytes = sum(int(size, 16) for size in re.findall(
        r"\] (?:\.symtab|\.strtab|\.dynsym|\.dynstr|\S*\.gopclntab|\.gnu_debug(?:data|link)|\.eh_frame) +\w+ +"
        r"[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+)", text))
    numbers = [int(n) for n in re.findall(r"(?:Size|Number) of (?:program|section) headers: +(\d+)", text)]
    return n_bytes, 64 + numbers[0] * numbers[1] + numbers[2] * numbers[3]


def check_reads(path, table):
    n_bytes, n_header_bytes = worth_reading(path)
    n_read = int(table["read"][0])
    assert n_read <= 65536 + n_header_bytes + 4 * n_bytes, "%s: %d bytes read" % (path, n_read)
    if n_bytes > 1 << 20:
        assert n_read <= 1.1 * n_bytes, "%s: %d bytes read for %d of symbols" % (path, n_read, n_bytes)


def check_file(tool, path):
    oracle, rng = Oracle(path), random.Random(path)
    sized = [(start, size) for start in oracle.starts for size, _, kind in oracle.by_start[start]
             if size and kind != "NOTYPE"]
    addresses = []
    for start, size in rng.sample(sized, min(len(sized), 1500)):
        addresses += [start, start + size - 1, start + size, start + rng.randrange(size)]
    if oracle.starts:
        addresses += [rng.randrange(oracle.starts[0], oracle.starts[-1] + 64) for _ in range(500)]
    table = dump(tool, path, addresses)
    assert table["outcome"] == ["0", "0"], "%s: %r" % (path, table["outcome"])
    check_reads(path, table)
    for address, answer in table["at"].items():
        check_answer(path, oracle, address, answer)
    for start, (size, name) in table["symbol"].items():
        assert not name or any(name == bare and (size == given or given == 0)
                   for given, bare, _ in oracle.by_start[start]), "%s: %x %s" % (path, start, name)
    missing = [start for start in oracle.starts
               if any(size and kind != "NOTYPE" for size, _, kind in oracle.by_start[start])
               and start not in table["symbol"]]
    assert not missing, "%s: no symbol at %s" % (path, ["%x" % m for m in missing[:5]])
    return len(table["symbol"]), len(addresses)


def real(tool):
    paths = [p for name in LIBRARIES for p in glob.glob("/lib/*-linux-gnu/" + name)] + PROGRAMS
    paths = sorted({os.path.realpath(p) for p in paths if os.path.exists(p)})
    assert any("libc.so" in p for p in paths), "there is no libc to look at"
    for path in paths:
        print("%s: %d symbols, %d addresses agree with readelf" % ((path,) + check_file(tool, path)))
    nice = dump(tool, next(p for p in paths if "libc.so" in p))["symbol"].values()
    names = {name for _, name in nice}
    for name in ("read", "malloc", "memcpy", "printf"):
        assert name in names, "libc's %s goes by another name" % name


def budget(tool):
    found = sorted(glob.glob("/usr/lib/*-linux-gnu/libLLVM-*.so.1") + glob.glob("/usr/lib/llvm-*/lib/libLLVM*.so*"))
    if not found:
        print("there is no libLLVM here: skipped")
        sys.exit(SKIPPED)
    path = os.path.realpath(found[0])
    table = dump(tool, path)
    n_read, n_bytes, n_fetches = (int(word) for word in table["read"])
    pieces, text = int(table["pieces"][0]), int(table["pieces"][4])
    names = sum(len(name.encode("latin-1")) for _, name in table["symbol"].values())
    n_far = sum(size >= 0xffff for size, _ in table["symbol"].values())
    n_more = 8 * n_far + 12 * (pieces - len(table["symbol"]))
    assert n_more <= 0.1 * 12 * len(table["symbol"]), "what is large or nested is little"
    print("%s: %d of %d bytes read (%.1f %%) in %d fetches, %d symbols; open %.1f ms, hash %.1f ms, "
          "table %.1f ms, %s ns a lookup" % (
              (path, n_read, n_bytes, 100.0 * n_read / n_bytes, n_fetches, len(table["symbol"]))
              + tuple(int(t) / 1e6 for t in table["time"][:3]) + (table["time"][3],)))
    assert len(table["symbol"]) > 10000
    assert n_read * 100 < 15 * n_bytes
    assert 12 * pieces + text <= 12 * len(table["symbol"]) + names + n_more, "12 bytes a symbol and its name"


if __name__ == "__main__":
    {"real": real, "budget": budget}[sys.argv[2]](sys.argv[1])

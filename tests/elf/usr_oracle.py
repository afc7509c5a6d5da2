#!/usr/bin/env python3
"""Judges `triptych-symbolizer resolve` by binutils and Go's tools on every ELF file of a machine:

  usr_oracle.py SYMBOLIZER all [DIRECTORY|FILE]...    every function of every file (default: of /usr)
  usr_oracle.py SYMBOLIZER sample SEED SECONDS        random files and functions of /usr, that long

Of each function: its first byte, a random one, its last byte, one past it, and a random byte of the
gap behind it. A name must be one of those that readelf gives to the function that covers the address
and begins last; its start and size must be readelf's as well; what nothing covers has no name. An
extent without a name (source fde) may stand in a gap, and must be one that readelf lists in the
file's own frames. Of Go programs without symbols, `go tool addr2line` is asked.

Relocatable files are passed over (their addresses belong to sections, and nothing maps them), as are
those of another byte order, of which it must be said that they are.
"""
import bisect
import lzma
import os
import random
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import zlib

NAME_BYTES_MAX = 65535  # longer ones are none
FUNCTIONS_OF_SAMPLE = 2000
EXTENTS_JUDGED = 16 << 20  # bytes of a file up to which readelf lists its frames in bearable time
SHOWN_MAX = 6
EXECUTABLE_TYPES = (2, 3)
RELOCATABLE = 1
TEXT_ROW = r" %s\s+PROGBITS\s+(\S+) (\S+) (\S+)"
PADDING = 0xcc  # between functions: Go's tool says the one before
GO_PLACES = ("go:", "runtime.text", "runtime.etext")


def run(*command):
    environment = dict(os.environ, LC_ALL="C.UTF-8")
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.decode("utf-8", "surrogateescape")


def plain_go(name):
    """A name of the symbol table as Go's own table has it."""
    name = re.sub(r"\.abi(0|internal)$", "", name).replace("\u00b7", ".")
    return re.sub(r"\[.*\]", "[...]", name)


class Symbol:
    __slots__ = ("start", "end", "name", "is_typed", "is_sized")

    def __init__(self, start, size, name, is_typed, section_end):
        self.start, self.name, self.is_typed, self.is_sized = start, name, is_typed, size > 0
        self.end = start + size if size else section_end


def sections(path):
    """[(end, whether it holds code)] by number, and the names."""
    found, names = {}, set()
    for line in run("readelf", "-W", "-S", path).splitlines():
        row = re.match(r"\s*\[\s*(\d+)\] (.*?)\s+([A-Z_0-9]\S*)\s+([0-9a-f]{8,16}) ([0-9a-f]{6,}) ([0-9a-f]{6,}) "
                       r"([0-9a-f]{2})\s+([A-Za-z]*)", line)
        if row:
            start, size = int(row[4], 16), int(row[6], 16)
            found[int(row[1])] = (start + size, "X" in row[8])
            names.add(row[2])
    return found, names


def symbols_of(path, with_dynsym=True):
    """What may name code, as readelf sees it; and whether .symtab has a function."""
    by_number, _ = sections(path)
    found, table, has_functions = [], "", False
    for line in run("readelf", "-W", "--syms", "--dyn-syms", path).splitlines():
        if line.startswith("Symbol table"):
            table = line.split("'")[1]
        words = line.split(None, 7)
        if len(words) < 8 or words[0][-1] != ":" or not words[0][:-1].isdigit() or not words[6].isdigit():
            continue
        value, size, kind, number = int(words[1], 16), int(words[2], 0), words[3], int(words[6])
        is_typed, is_symtab = kind in ("FUNC", "IFUNC"), table == ".symtab"
        if value == 0 or number not in by_number or not (is_typed or (is_symtab and kind == "NOTYPE")):
            continue
        end, is_code = by_number[number]
        has_functions = has_functions or (is_symtab and kind == "FUNC")
        name = re.sub(r" \(\d+\)$", "", words[7])  # the number of a version, behind its name
        name = name[:1] + name[1:].split("@")[0]
        if not is_typed and (not is_code or name[0] in "$."):
            continue
        if not is_symtab and not with_dynsym:
            continue
        if len(name.encode("utf-8", "surrogateescape")) <= NAME_BYTES_MAX:
            found.append(Symbol(value, size, name, is_typed, end))
    return found, has_functions


def mini_debug_symbols(path):
    """Those of .gnu_debugdata."""
    with tempfile.TemporaryDirectory() as directory:
        packed, inner = os.path.join(directory, "packed"), os.path.join(directory, "inner")
        run("objcopy", "--dump-section", ".gnu_debugdata=" + packed, path, os.path.join(directory, "copy"))
        with open(packed, "rb") as file, open(inner, "wb") as out:
            out.write(lzma.decompress(file.read()))
        return symbols_of(inner)


def debug_file(path):
    """Where the host has the file's debug file, or None: by build id, by debuglink and its checksum."""
    build_id = re.search(r"Build ID: ([0-9a-f]{4,})", run("readelf", "-W", "-n", path))
    if build_id:
        place = "/usr/lib/debug/.build-id/%s/%s.debug" % (build_id[1][:2], build_id[1][2:])
        if os.path.exists(place):
            return place
    if ".gnu_debuglink" not in sections(path)[1]:
        return None
    dump = run("readelf", "-x", ".gnu_debuglink", path)
    rows = [line[13:48].replace(" ", "") for line in dump.splitlines() if line.startswith("  0x")]
    data = bytes.fromhex("".join(rows))
    name = data.split(b"\0")[0].decode("utf-8", "surrogateescape")
    home = os.path.dirname(path)
    for place in (home, home + "/.debug", "/usr/lib/debug" + home):
        place += "/" + name
        if os.path.exists(place) and not os.path.samefile(place, path):
            with open(place, "rb") as file:
                if zlib.crc32(file.read()).to_bytes(4, "little") == data[-4:]:
                    return place
    return None


class Judge:
    """Which symbols may cover an address of one file."""

    def __init__(self, path):
        self.path = path
        _, names = sections(path)
        self.is_go = any(name.endswith("gopclntab") or name.startswith((".go.", ".note.go.")) for name in names)
        self.symbols, self.has_symtab = symbols_of(path)
        if not self.has_symtab:
            other = debug_file(path)
            mine, self.has_symtab = [], False
            if other:
                mine, self.has_symtab = symbols_of(other)
            elif ".gnu_debugdata" in names:
                mine, self.has_symtab = mini_debug_symbols(path)
            self.symbols += mine
        if self.is_go:
            for symbol in self.symbols:
                symbol.name = plain_go(symbol.name)
            self.symbols = [s for s in self.symbols if not s.name.startswith(GO_PLACES)]
        self.extents = None
        self._settle()

    def _settle(self):
        """Lets what counts only in gaps count only there, and sizeless symbols end at the next."""
        kept, sized_end, typed_end = [], 0, 0
        for symbol in sorted(self.symbols, key=lambda s: (s.start, not s.is_sized, not s.is_typed)):
            if (not symbol.is_sized and symbol.start < sized_end) or (
                    not symbol.is_typed and symbol.start < typed_end):
                continue
            kept.append(symbol)
            if symbol.is_sized:
                sized_end = max(sized_end, symbol.end)
                typed_end = max(typed_end, symbol.end if symbol.is_typed else 0)
        self._end_with_extents([symbol for symbol in kept if not symbol.is_sized])
        self.by_start = {}
        for symbol in kept:
            self.by_start.setdefault(symbol.start, []).append(symbol)
        self.starts = sorted(self.by_start)
        self.reach, reach = [], 0
        for i, start in enumerate(self.starts):
            after = self.starts[i + 1] if i + 1 < len(self.starts) else 1 << 64
            for symbol in self.by_start[start]:
                if not symbol.is_sized:
                    symbol.end = min(symbol.end, after)
            reach = max([reach] + [symbol.end for symbol in self.by_start[start]])
            self.reach.append(reach)

    def _end_with_extents(self, sizeless):
        """A sizeless symbol ends with the extent that it lies in, or where the next begins."""
        if not sizeless:
            return
        self._read_extents()
        extents = sorted(self.extents)
        for symbol in sizeless:
            i = bisect.bisect_right(extents, (symbol.start, 1 << 64))
            if i > 0 and extents[i - 1][1] > symbol.start:
                symbol.end = min(symbol.end, extents[i - 1][1])
            if i < len(extents):
                symbol.end = min(symbol.end, extents[i][0])

    def _read_extents(self):
        if self.extents is not None:
            return
        self.extents = set()
        with subprocess.Popen(["readelf", "-W", "--debug-dump=frames", self.path], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as frames:
            for line in frames.stdout:
                found = re.search(rb" FDE cie=\S+ pc=([0-9a-f]+)\.\.([0-9a-f]+)", line)
                if found and int(found[1], 16) > 0:
                    self.extents.add((int(found[1], 16), int(found[2], 16)))

    def covering(self, address):
        """{(start, size, name)} of those that cover the address and begin last."""
        i = bisect.bisect_right(self.starts, address) - 1
        while i >= 0 and self.reach[i] > address:
            found = {(s.start, s.end - s.start, s.name) for s in self.by_start[self.starts[i]] if s.end > address}
            if found:
                return found
            i -= 1
        return set()

    def probes(self, rng, functions_max):
        """Addresses in and around functions."""
        chosen = range(len(self.starts))
        if len(self.starts) > functions_max:
            chosen = rng.sample(chosen, functions_max)
        out = []
        for i in chosen:
            start, reach = self.starts[i], self.reach[i]
            after = self.starts[i + 1] if i + 1 < len(self.starts) else reach + 64
            for end in {symbol.end for symbol in self.by_start[start]}:
                if end > start:
                    out += [start, rng.randrange(start, end), end - 1, end]
            if reach < after:
                out.append(rng.randrange(reach, after))
        return [address for address in out if 0 <= address < 1 << 64]

    def is_extent(self, start, size):
        """Whether readelf lists that extent; true where it would take too long to ask."""
        if os.path.getsize(self.path) > EXTENTS_JUDGED:
            return True
        self._read_extents()
        return (start, start + size) in self.extents


def kind_of(path):
    """(type, whether it is of this machine's byte order) of an ELF file; None for another."""
    try:
        with open(path, "rb") as file:
            head = file.read(20)
    except OSError:
        return None
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return None
    order = "little" if head[5] == 1 else "big"
    return int.from_bytes(head[16:18], order), order == sys.byteorder


def all_files(places):
    found = []
    for place in places:
        if not os.path.isdir(place):
            found.append(place)
        for directory, _, names in os.walk(place):
            found += [os.path.join(directory, name) for name in names]
    return found


def elf_files(paths):
    """Each ELF file once, whatever it is called."""
    seen = set()
    for path in paths:
        try:
            status = os.lstat(path)
        except OSError:
            continue
        identity = (status.st_dev, status.st_ino)
        if stat.S_ISREG(status.st_mode) and identity not in seen:
            seen.add(identity)
            if kind_of(path):
                yield path


def resolve(symbolizer, path, addresses):
    """Exit status, rows and what was said."""
    text = "".join("%x\n" % address for address in addresses).encode()
    done = subprocess.run([symbolizer, "resolve", path], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    rows = [line.split("\t") for line in done.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]]
    return done.returncode, rows, done.stderr.decode("utf-8", "replace")


def escaped(name):
    """Whether a name holds what is shown in another way."""
    return any(ord(c) < 32 or ord(c) == 127 or 0xdc80 <= ord(c) <= 0xdcff for c in name)


class Count:
    def __init__(self):
        self.files = self.addresses = self.named = self.extents = self.go = self.passed = self.wrong = 0


def wrong_row(judge, address, row, count):
    """What is wrong with an answer, or None."""
    if len(row) != 6 or int(row[0], 16) != address:
        return "answered by %r" % row
    expected = judge.covering(address)
    if row[4] == "fde":
        count.extents += 1
        start, size = int(row[2], 16), int(row[3])
        if expected:
            return "is an extent, though covered by %r" % sorted(expected)[:3]
        if not (start <= address < start + size and judge.is_extent(start, size)):
            return "is in no extent %x+%d" % (start, size)
        return None
    if row[1] == "-":
        return "has no name, not one of %r" % sorted(expected)[:3] if expected else None
    if judge.is_go and (row[1].startswith(GO_PLACES) or (row[4] == "gopclntab" and not judge.has_symtab)):
        return None  # of the latter, Go's own tool is asked
    count.named += 1
    answer = (int(row[2], 16), int(row[3]), plain_go(row[1]) if judge.is_go else row[1])
    if answer in expected or any(answer[:2] == e[:2] and escaped(e[2]) for e in expected):
        return None
    return "is %r, not one of %r" % (answer, sorted(expected)[:3])


def go_code(path):
    """Where .text begins, its bytes, and how far behind that its table begins to count: Go's tool
    takes them for one, and is wrong in programs that another linker made."""
    headers = run("readelf", "-W", "-S", path)
    start, offset, size = (int(number, 16) for number in re.search(TEXT_ROW % r"\.text", headers).groups())
    table = re.search(TEXT_ROW % r"\S*gopclntab", headers)
    with open(path, "rb") as file:
        file.seek(offset)
        code = file.read(size)
        file.seek(int(table[2], 16))
        head = file.read(32)
    counts_from = int.from_bytes(head[24:32], "little") if head[:1] in (b"\xf0", b"\xf1") else 0
    return start, code, counts_from - start if counts_from > start else 0


def judge_go(symbolizer, path, rng, count):
    """A Go program without symbols: its own tool says which function and line an address is of."""
    if not shutil.which("go"):
        return []
    start, code, skew = go_code(path)
    addresses = sorted(rng.randrange(start + skew, start + len(code)) for _ in range(FUNCTIONS_OF_SAMPLE))
    asked = "".join("0x%x\n" % (address - skew) for address in addresses).encode()
    told = subprocess.run(["go", "tool", "addr2line", path], input=asked, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False).stdout.decode("utf-8", "surrogateescape").split("\n")
    if len(told) < 2 * len(addresses) or set(told) <= {"?", "?:0", ""}:
        return []
    wrong = []
    for i, (address, row) in enumerate(zip(addresses, resolve(symbolizer, path, addresses)[1])):
        name, line = told[2 * i], told[2 * i + 1]
        count.go += 1
        if row[4] == "gopclntab" and (plain_go(row[1]) != plain_go(name) or
                                      (row[5] != line and row[5] != "-" and not line.startswith("?"))):
            wrong.append((address, "is %s at %s, for Go %s at %s" % (row[1], row[5], name, line)))
        elif row[4] != "gopclntab" and not line.startswith("?") and code[address - start] != PADDING:
            wrong.append((address, "is not Go's %s" % name))
    return wrong


def check_file(symbolizer, path, rng, functions_max, count):
    """What is wrong with our answers, as [(address, text)]."""
    kind, is_native = kind_of(path)
    if kind not in EXECUTABLE_TYPES:
        count.passed += 1
        return []
    if not is_native:
        code, _, said = resolve(symbolizer, path, [0])
        return [] if code == 65 and "byte order" in said else [(0, "exit %d: %s" % (code, said))]
    judge = Judge(path)
    probes = judge.probes(rng, functions_max)
    code, rows, said = resolve(symbolizer, path, probes)
    if code != 0 or len(rows) != len(probes):
        return [(0, "exit %d, %d answers to %d: %s" % (code, len(rows), len(probes), said[-300:]))]
    count.files += 1
    count.addresses += len(probes)
    wrong = [(address, wrong_row(judge, address, row, count)) for address, row in zip(probes, rows)]
    wrong = [(address, text) for address, text in wrong if text]
    if judge.is_go and not judge.has_symtab:
        wrong += judge_go(symbolizer, path, rng, count)
    return wrong


def report(path, wrong, count):
    if not wrong:
        return
    count.wrong += 1
    print("%s: %d answers are wrong" % (path, len(wrong)))
    for address, text in wrong[:SHOWN_MAX]:
        print("    %x %s" % (address, text[:400]))
    sys.stdout.flush()


def summary(count):
    print("%d files, %d addresses (%d with a name, %d in extents, %d asked of Go), %d passed over: %d files with "
          "wrong answers" % (count.files, count.addresses, count.named, count.extents, count.go, count.passed,
                             count.wrong))
    return 1 if count.wrong or count.files == 0 else 0


def check_all(symbolizer, places):
    count = Count()
    for path in elf_files(sorted(all_files(places or ["/usr"]))):
        report(path, check_file(symbolizer, path, random.Random(path), 1 << 30, count), count)
    return summary(count)


def check_sample(symbolizer, seed, seconds):
    rng, count, started = random.Random(seed), Count(), time.monotonic()
    paths = sorted(all_files(["/usr"]))
    rng.shuffle(paths)
    print("seed %s" % seed)
    for path in elf_files(paths):
        if time.monotonic() - started > seconds:
            break
        report(path, check_file(symbolizer, path, rng, FUNCTIONS_OF_SAMPLE, count), count)
    return summary(count)


if __name__ == "__main__":
    if sys.argv[2] == "sample":
        sys.exit(check_sample(sys.argv[1], sys.argv[3], float(sys.argv[4])))
    sys.exit(check_all(sys.argv[1], sys.argv[3:]))

#!/usr/bin/env python3
"""Judges the tables of Go programs by Go's own tools: go_test.py TABLE_DUMP (real | hostile).

Builds one program in every way that moves or hides .gopclntab, with every Go on this machine
(those of GO_ROOTS, a list of directories with colons between, too), and asks of each function and of
addresses all over the code what `go tool nm` and `go tool addr2line` say. What is stripped must give
the same as its twin that is not, even without section headers. Hostile: a real program's table with
a lie in it costs what is a lie, in bounded time, and never what the symbol table says.
"""
import bisect
import glob
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from table_test import SECONDS_MAX, SKIPPED, dump

# name: (uses C, arguments of "go build", arguments that make its stripped twin)
STRIP = ["-ldflags=-s -w"]
WAYS = {
    "plain": (False, [], STRIP),
    "pie": (False, ["-buildmode=pie"], STRIP),
    "cgo": (True, [], STRIP),
    "cgo-external": (True, ["-ldflags=-linkmode=external"], ["-ldflags=-linkmode=external -s -w"]),
    "cgo-pie": (True, ["-buildmode=pie"], STRIP),
    "cgo-shared": (True, ["-buildmode=c-shared"], STRIP),
    "trimpath": (False, ["-trimpath"], STRIP),
    "386": (False, [], STRIP),
    "arm64": (False, [], STRIP),
    "arm": (False, [], STRIP),
}
FOREIGN = ("386", "arm64", "arm")  # other machines; little endian, as this one must be
CHUNK = 15000  # addresses on one command line
SAMPLE = 4000
MARK = "go:"  # names of places, which are no functions

MAIN = """package main

import (
	"fmt"
	"sort"
	"strings"
)

type shape interface{ area() float64 }

type square struct{ side float64 }

func (s *square) area() float64 { return s.side * s.side }

func small(n int) int { return n ^ 0x55 } // is inlined

//go:noinline
func loop(n int) (sum int) {
	for i := 0; i < n; i++ {
		sum += small(i)
	}
	defer func() { sum++ }()
	return sum
}

func main() {
	words := strings.Fields(strings.Repeat("a b c ", 3))
	sort.Slice(words, func(i, j int) bool { return words[i] < words[j] })
	var s shape = &square{2}
	fmt.Println(words, s.area(), loop(1000), native(3), generic())
}
"""
GENERIC = {
    True: "package main\n\ntype pair[A, B any] struct {\n\ta A\n\tb B\n}\n\n"
          "//go:noinline\nfunc (p pair[A, B]) both() (A, B) { return p.a, p.b }\n\n"
          "func generic() string {\n\ta, _ := pair[string, int]{\"x\", 1}.both()\n\treturn a\n}\n",
    False: "package main\n\nfunc generic() string { return \"\" }\n",
}
NATIVE = {
    True: "package main\n\n/*\nstatic int inner(int n) { volatile int s = n; return s * 3; }\n"
          "__attribute__((noinline)) int c_work(int n) { return inner(n) + inner(n + 1); }\n*/\n"
          "import \"C\"\n\nfunc native(n int) int { return int(C.c_work(C.int(n))) }\n",
    False: "package main\n\nfunc native(n int) int { return n }\n",
}


class Go:
    """One installed Go."""

    def __init__(self, program):
        self.program = program
        self.environment = dict(os.environ, GOENV="off", GOFLAGS="", GOTOOLCHAIN="local", GO111MODULE="on")
        self.environment.pop("GOROOT", None)
        root = os.path.dirname(os.path.dirname(program))
        if os.path.isdir(os.path.join(root, "src")):
            self.environment["GOROOT"] = root
        self.version = self.run("version").split()[2]
        self.minor = int(re.match(r"go1\.(\d+)", self.version)[1])

    def run(self, *arguments, cwd=None, extra=None, given=None):
        done = subprocess.run([self.program, *arguments], cwd=cwd, env={**self.environment, **(extra or {})},
                              input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise AssertionError("%s %s: %s" % (self.program, " ".join(arguments), done.stderr.decode()))
        return done.stdout.decode("utf-8", "surrogateescape")

    def build(self, directory, way, stripped):
        """The program built in one way; returns its path."""
        uses_c, arguments, strip = WAYS[way]
        source = os.path.join(directory, "c" if uses_c else "go")
        out = os.path.join(directory, way + (".stripped" if stripped else ""))
        if not os.path.isdir(source):
            os.mkdir(source)
            files = {"main.go": MAIN, "generic.go": GENERIC[self.minor >= 18], "native.go": NATIVE[uses_c],
                     "go.mod": "module example.com/judged.v2\n\ngo 1.%d\n" % self.minor}
            for name, text in files.items():
                with open(os.path.join(source, name), "w", encoding="utf-8") as file:
                    file.write(text)
        extra = {"CGO_ENABLED": "1" if uses_c else "0"}
        if way in FOREIGN:
            extra["GOARCH"] = way
        self.run("build", "-o", out, *arguments, *(strip if stripped else []), ".", cwd=source, extra=extra)
        return out


def installed():
    roots = os.environ.get("GO_ROOTS", "").split(":")
    programs = [os.path.join(root, "bin", "go") for root in roots if root]
    programs += glob.glob("/usr/local/go/bin/go") + glob.glob("/usr/lib/go-*/bin/go")
    programs += glob.glob(os.path.expanduser("~/sdk/go*/bin/go")) + [shutil.which("go")]
    found = {}
    for program in programs:
        if program and os.path.exists(program):
            go = Go(os.path.realpath(program))
            found.setdefault(go.version, go)
    return sorted(found.values(), key=lambda go: go.minor)


def plain_name(name):
    """Names as the symbol table has them, as Go's own table has them."""
    name = re.sub(r"\.abi(0|internal)$", "", name).replace("\u00b7", ".")
    return re.sub(r"\[.*\]", "[...]", name)


def ask(tool, path, addresses):
    """{address: (start, size, name) or None}, {address: (file, line)}, {start: (size, name)}."""
    at, lines, symbols = {}, {}, {}
    addresses = sorted(set(addresses))
    for i in range(0, max(len(addresses), 1), CHUNK):
        table = dump(tool, path, addresses[i:i + CHUNK], "utf-8")
        assert table["outcome"] == ["0", "0"], "%s: %r" % (path, table["outcome"])
        at.update(table["at"])
        lines.update(table["line"])
        symbols = table["symbol"]
    return at, lines, symbols


def functions(go, path):
    """[(start, size, name)] of Go's own code, by `go tool nm`, and where that ends."""
    found, markers = [], {}
    for line in go.run("tool", "nm", "-size", "-sort", "address", path).splitlines():
        words = line.split(None, 3)
        if len(words) < 4 or words[2] not in "Tt":
            continue
        start, size, name = int(words[0], 16), int(words[1]), words[3]
        if name in ("runtime.text", "runtime.etext"):
            markers[name] = start
        elif size > 0 and not name.startswith(MARK):
            found.append((start, size, name))
    first, end = markers["runtime.text"], markers["runtime.etext"]
    return [f for f in found if first <= f[0] < end], (first, end), found


def judge_functions(go, tool, path):
    """Every function's name and extent; returns how many, and the range of Go's code."""
    own, (first, end), every = functions(go, path)
    starts = {start for start, _, _ in own}
    probes = [a for start, size, _ in own for a in (start, start + size - 1, start + size)]
    probes += [start for start, _, _ in every]
    at, _, _ = ask(tool, path, probes)
    names = {}
    for start, size, name in own:
        names.setdefault(start, set()).add((size, plain_name(name)))
    for start, size, name in own:
        for address in (start, start + size - 1):
            answer = at[address]
            assert answer, "%s: nothing at %x, where %s is" % (path, address, name)
            assert answer[0] == start and (answer[1], plain_name(answer[2])) in names[start], \
                "%s: %x is %r, not %r" % (path, address, answer, names[start])
        after = at[start + size]
        if start + size not in starts and start + size < end:
            assert after is None or after[2].startswith(MARK), "%s: %x is %r, though %s has ended" % (path, start + size, after, name)
    for start, _, name in every:  # C code, outside
        if not first <= start < end:
            assert at[start] and at[start][0] == start, "%s: %s is nameless" % (path, name)
    return len(own), (first, end)


def judge_lines(judges, tool, path, own):
    """Files and lines of random addresses in functions; returns how many agree, 0 when Go's own
    tool knows none: those before 1.20 look for the section under one of its names only."""
    rng = random.Random(path)
    addresses = sorted({start + rng.randrange(size) for start, size, _ in rng.choices(own, k=SAMPLE)}
                       | {start for start, _, _ in own})
    told = judges.run("tool", "addr2line", path, given="".join("0x%x\n" % a for a in addresses).encode())
    told = told.split("\n")
    if set(told) <= {"?", "?:0", ""}:
        return 0
    at, lines, _ = ask(tool, path, addresses)
    n_lines = 0
    for i, address in enumerate(addresses):
        name, (file, _, line) = told[2 * i], told[2 * i + 1].rpartition(":")
        assert plain_name(at[address][2]) == plain_name(name), "%s: %x" % (path, address)
        ours = lines.get(address)
        if file == "?" or int(line) <= 0:
            assert ours is None, "%s: %x is %r, for Go nowhere" % (path, address, ours)
            continue
        assert ours == (file, int(line)), "%s: %x (%s) is %r, not %s:%s" % (path, address, name, ours, file, line)
        n_lines += 1
    assert n_lines > len(own), "%s: lines of %d addresses only" % (path, n_lines)
    return n_lines


def judge_twin(tool, path, stripped, code):
    """The stripped twin has the same functions and lines."""
    rng = random.Random(stripped)
    addresses = [rng.randrange(*code) for _ in range(SAMPLE)]
    at, lines, symbols = ask(tool, path, addresses)
    twin_at, twin_lines, twin_symbols = ask(tool, stripped, addresses)
    for ours, twin, what in ((at, twin_at, "at"), (lines, twin_lines, "lines")):
        differs = [a for a in ours.keys() | twin.keys() if ours.get(a) != twin.get(a)]
        assert not differs, "%s: %s of %x: %r, stripped %r" % (
            path, what, differs[0], ours.get(differs[0]), twin.get(differs[0]))
    differs = [s for s in symbols.keys() | twin_symbols.keys()
               if code[0] <= s < code[1] and symbols.get(s) != twin_symbols.get(s)]
    assert not differs, "%s: %x: %r, stripped %r" % (
        path, differs[0], symbols.get(differs[0]), twin_symbols.get(differs[0]))


def without_sections(path):
    """A copy without section headers, of a 64-bit file; None for another."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    if data[4] != 2:
        return None
    data[40:48], data[58:64] = bytes(8), bytes(6)
    with open(path + ".bare", "wb") as file:
        file.write(data)
    return path + ".bare"


def judge(go, newest, tool, directory, way):
    path = go.build(directory, way, False)
    n_functions, code = judge_functions(newest, tool, path)
    own = functions(newest, path)[0]
    n_lines = judge_lines(newest, tool, path, own)
    stripped = go.build(directory, way, True)
    judge_twin(tool, path, stripped, code)
    bare = without_sections(stripped)
    if bare:
        judge_twin(tool, path, bare, code)
    print("%s %s: %d functions, %d lines agree with Go's tools, stripped or not" % (
        go.version, way, n_functions, n_lines))


def section_at(path):
    """(offset, size) of the table."""
    text = subprocess.run(["readelf", "-WS", path], check=True, stdout=subprocess.PIPE).stdout.decode()
    words = re.search(r"gopclntab +PROGBITS +\S+ (\S+) (\S+)", text)
    return int(words[1], 16), int(words[2], 16)


def lies(table):
    """{name: (the table with a lie in it, flaw that is expected, or None)}."""
    n_functions, = struct.unpack_from("<Q", table, 8)
    values_at, functions_at = struct.unpack_from("<QQ", table, 56 if table[0] in (0xf0, 0xf1) else 48)
    big = bytearray(table)
    big[8:16] = struct.pack("<Q", 2 ** 40)
    crowd = bytearray(table)
    crowd[8:16] = struct.pack("<Q", n_functions * 8)
    descending = bytearray(table)
    descending[functions_at + 80:functions_at + 84] = b"\xff\xff\xff\xff"
    lineless = bytearray(table)
    lineless[values_at:functions_at] = bytes(functions_at - values_at)
    endless = bytearray(table)
    endless[values_at:functions_at] = b"\x02\x01" * ((functions_at - values_at) // 2) + bytes((functions_at - values_at) % 2)
    nameless = bytearray(table)
    nameless[functions_at + 8 * n_functions + 4:] = b"\xff" * (len(table) - functions_at - 8 * n_functions - 4)
    return {
        "functions-beyond-number": (big, 3), "functions-of-other-bytes": (crowd, None),
        "functions-descend": (descending, 2), "values-of-zeros": (lineless, None),
        "values-without-end": (endless, None), "functions-of-ones": (nameless, 2),
        "table-of-zeros": (bytearray(len(table)), 2), "table-of-ones": (bytearray(b"\xff" * len(table)), 2),
    }


def hostile(tool):
    """Whatever is wrong with the table, main.main is found: by the symbol table."""
    go = installed()
    if not go:
        print("there is no Go here: skipped")
        return SKIPPED
    with tempfile.TemporaryDirectory() as directory:
        path = go[-1].build(directory, "plain", False)
        with open(path, "rb") as file:
            data = file.read()
        at, size = section_at(path)
        for name, (table, flaw) in lies(data[at:at + size]).items():
            made = os.path.join(directory, name)
            with open(made, "wb") as file:
                file.write(data[:at] + bytes(table) + data[at + size:])
            out = dump(tool, made, (), "utf-8")
            took = sum(int(t) for t in out["time"][:3]) / 1e9
            assert out["outcome"][0] == "0" and (flaw is None or out["outcome"][1] == str(flaw)), \
                "%s: outcome %r" % (name, out["outcome"])
            assert "main.main" in {symbol for _, symbol in out["symbol"].values()}, "%s: main.main is lost" % name
            assert int(out["read"][0]) <= os.path.getsize(made) + 8192, "%s: reads %r" % (name, out["read"])
            assert took < SECONDS_MAX, "%s: %.1f s" % (name, took)
            print("%s: flaw %s, %.2f s" % (name, out["outcome"][1], took))
    return 0


def real(tool):
    has_c = shutil.which("gcc") is not None
    found = installed()
    if not found:
        print("there is no Go here: skipped")
        return SKIPPED
    for go in found:
        with tempfile.TemporaryDirectory() as directory:
            for way, (uses_c, _, _) in WAYS.items():
                if way in FOREIGN and go is not found[-1]:
                    continue
                if uses_c and not has_c:
                    print("%s %s: there is no C compiler: skipped" % (go.version, way))
                    continue
                judge(go, found[-1], tool, directory, way)
    return 0


if __name__ == "__main__":
    sys.exit({"real": real, "hostile": hostile}[sys.argv[2]](sys.argv[1]))

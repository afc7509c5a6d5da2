#!/usr/bin/env python3
"""Judges our profiles by others' readers: profile_test.py PROFILE_SAMPLE PROTO (go | protoc | large | functions | lines)."""
import glob
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
LIMIT_BYTES, LIMIT_SAMPLES = 2 << 20, 16000


def skip(why):
    print(why + ": skipped")
    sys.exit(SKIPPED)


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **options)
    assert done.returncode == 0, "%s: exit %d\n%s" % (command[0], done.returncode, done.stderr.decode())
    return done.stdout


def by_go(tool, directory, _proto):
    """go tool pprof accepts the profile and reads from it what was put in."""
    if not shutil.which("go"):
        skip("there is no go here")
    print(run([tool, directory]).decode(), end="")
    raw = run(["go", "tool", "pprof", "-raw", os.path.join(directory, "part-0.pb.gz")]).decode()
    print(raw)
    assert "PeriodType: cpu nanoseconds\nPeriod: 10309278\n" in raw
    assert "Time: 2023-11-14" in raw and "Duration: 15" in raw
    assert re.search(r"cpu/nanoseconds", raw)
    for value in (3, 5, 1):
        assert re.search(r"^\s+%d:" % (value * 10309278), raw, re.M), value
    locations = dict(re.findall(r"^\s+(\d+): (0x[0-9a-f]+ (?:M=\d+ )?.*)$", raw, re.M))
    names = " ".join(locations.values())
    for name in ("vfs_read", "do_syscall_64", "first", "second", "[unknown]", "[vdso]", "[truncated]",
                 "/opt/app/script.sh", "pro\ufffdgram"):
        assert name in names, name
    mappings = raw[raw.index("Mappings"):]
    assert "0x401000/0x402000/0x1000 /opt/app/program abababababab" in mappings
    top = run(["go", "tool", "pprof", "-top", os.path.join(directory, "part-0.pb.gz")]).decode()
    assert re.search(r"51\.\d+ms .*second$", top, re.M) or re.search(r"0\.05s .*second$", top, re.M), top


def by_protoc(tool, directory, proto):
    """protoc reads it with our own field numbers, and string 0, ids and references are in order."""
    if not shutil.which("protoc"):
        skip("there is no protoc here")
    run([tool, directory])
    with gzip.open(os.path.join(directory, "part-0.pb.gz")) as packed:
        text = run(["protoc", "--decode=perftools.profiles.Profile", "-I", os.path.dirname(proto), proto],
                   input=packed.read()).decode()
    strings = re.findall(r'^string_table: "(.*)"$', text, re.M)
    assert strings[0] == "" and "cpu" in strings and "nanoseconds" in strings
    assert len(strings) == len(set(strings)), "a string stands twice"
    assert not re.search(r"^\d+:", text, re.M), "a field that the proto file does not know"
    locations = [int(i) for i in re.findall(r"^location \{\n  id: (\d+)", text, re.M)]
    functions = [int(i) for i in re.findall(r"^function \{\n  id: (\d+)", text, re.M)]
    assert locations == list(range(1, len(locations) + 1))
    assert functions == list(range(1, len(functions) + 1))
    used = {int(i) for i in re.findall(r"location_id: (\d+)", text)}
    assert used == set(locations)
    assert {int(i) for i in re.findall(r"function_id: (\d+)", text)} == set(functions)
    assert re.search(r"^duration_nanos: 15000000000$", text, re.M)
    print("protoc agrees: %d locations, %d functions, %d strings" % (len(locations), len(functions), len(strings)))


def decode(directory, proto):
    """The first part as [(message, {field: [values]})], strings looked up, by protoc."""
    with gzip.open(os.path.join(directory, "part-0.pb.gz")) as packed:
        text = run(["protoc", "--decode=perftools.profiles.Profile", "-I", os.path.dirname(proto), proto],
                   input=packed.read()).decode("utf-8")
    messages, stack = [], []
    for line in text.splitlines():
        line = line.strip()
        if line.endswith("{"):
            stack.append({})
            if len(stack) == 1:
                messages.append((line.split()[0], stack[0]))
            else:
                stack[0].setdefault(line.split()[0], []).append(stack[-1])
        elif line == "}":
            stack.pop()
        elif stack:
            key, value = line.split(": ", 1)
            stack[-1][key] = int(value) if value.lstrip("-").isdigit() else value
    strings = re.findall(r'^string_table: "(.*)"$', text, re.M)
    for kind, fields in messages:
        for field in ("name", "system_name", "filename"):
            if kind in ("function", "mapping"):
                fields[field] = strings[fields.get(field, 0)]
    return messages


def functions(tool, directory, proto):
    """Each function is shown as the demangle mode says, and says what its file calls it."""
    library = sorted(glob.glob("/usr/lib/*-linux-gnu/libstdc++.so.6"))
    if not shutil.which("protoc") or not library:
        skip("there is no protoc or no libstdc++ here")
    run([tool, directory, os.path.realpath(library[0]), "2000", "full"])
    made = [fields for kind, fields in decode(directory, proto) if kind == "function"]
    mangled = [fields for fields in made if fields["system_name"].startswith("_Z")]
    symbols = run(["nm", "-D", "--defined-only", library[0]]).decode()
    for fields in mangled:
        assert re.search(r" %s(@|$)" % re.escape(fields["system_name"]), symbols, re.M), fields
    said = run(["c++filt", "--no-verbose"], input="".join(f["system_name"] + "\n" for f in mangled).encode()).decode().split("\n")
    for fields, text in zip(mangled, said):
        assert fields["name"].replace(" ", "") == text.replace(" ", ""), (fields, text)
    assert len(mangled) > 300 and len({f["system_name"] for f in made}) == len(made)
    print("%d functions, %d of them shown as libiberty would" % (len(made), len(mangled)))


GO = """package main

import "fmt"

//go:noinline
func work(n int) (sum int) {
	for i := 0; i < n; i++ {
		sum += i * n
	}
	return sum
}

func main() { fmt.Println(work(10), work(20)) }
"""


def lines(tool, directory, proto):
    """Functions of Go carry file and line, and so does each place, as Go's own tool has them."""
    if not shutil.which("go") or not shutil.which("protoc"):
        skip("there is no go or no protoc here")
    with open(os.path.join(directory, "main.go"), "w", encoding="utf-8") as file:
        file.write(GO)
    program = os.path.join(directory, "program")
    run(["go", "build", "-o", program, os.path.join(directory, "main.go")],
        env=dict(os.environ, GO111MODULE="off", CGO_ENABLED="0", GOTOOLCHAIN="local"))
    run([tool, directory, program, "3000"])
    messages = decode(directory, proto)
    made = {f["id"]: f for kind, f in messages if kind == "function"}
    placed = [f for kind, f in messages if kind == "location" and f["line"][0].get("line")]
    assert len(placed) > 200, len(placed)
    asked = "".join("0x%x\n0x%x\n" % (f["address"], f["address"] - 1) for f in placed)
    said = run(["go", "tool", "addr2line", program], input=asked.encode()).decode().split("\n")
    n_same = 0
    for i, fields in enumerate(placed):
        ours = "%s:%d" % (made[fields["line"][0]["function_id"]]["filename"], fields["line"][0]["line"])
        n_same += ours in (said[4 * i + 1], said[4 * i + 3])  # a caller's line is that of the byte before
    mapping = [f for kind, f in messages if kind == "mapping" and f.get("has_line_numbers")]
    assert len(mapping) == 1 and mapping[0]["has_filenames"] == "true", mapping
    print("%d of %d places have the line that go tool addr2line says" % (n_same, len(placed)))
    assert n_same >= 0.99 * len(placed)
    raw = run(["go", "tool", "pprof", "-symbolize=none", "-raw", os.path.join(directory, "part-0.pb.gz")]).decode()
    assert re.search(r"M=\d+ \S.* /\S+\.go:\d+(:0)? s=[1-9]", raw)


def large(tool, directory, _proto):
    """20 000 samples: within the server's limits, however they are split."""
    library = sorted(glob.glob("/usr/lib/*-linux-gnu/libLLVM-*.so.1")) or ["/usr/bin/python3"]
    said = run([tool, directory, os.path.realpath(library[0]), "20000"]).decode()
    print(said, end="")
    assert int(re.search(r"samples (\d+)", said).group(1)) == 20000
    parts = sorted(glob.glob(os.path.join(directory, "part-*.pb.gz")))
    assert len(parts) > 1
    for part in parts:
        with gzip.open(part) as packed:
            assert len(packed.read()) < LIMIT_BYTES
        if shutil.which("go"):
            raw = run(["go", "tool", "pprof", "-raw", part]).decode()
            samples = raw[raw.index("Samples:"):raw.index("Locations")].count("\n") - 2
            assert 0 < samples <= LIMIT_SAMPLES


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        {"go": by_go, "protoc": by_protoc, "large": large, "functions": functions,
         "lines": lines}[sys.argv[3]](sys.argv[1], scratch, sys.argv[2])

#!/usr/bin/env python3
"""Judges our profiles by others' readers: profile_test.py PROFILE_SAMPLE PROTO (go | protoc | large)."""
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
        {"go": by_go, "protoc": by_protoc, "large": large}[sys.argv[3]](sys.argv[1], scratch, sys.argv[2])

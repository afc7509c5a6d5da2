#!/usr/bin/env python3
"""Writes Go tables of functions, hostile ones named by their flaw: the corpus of go_table_fuzz.

usage: go_specimens.py DIRECTORY                 those that are made up
       go_specimens.py DIRECTORY NAME PROGRAM    the first functions of a real program's table, cropped
"""
import os
import struct
import sys

MAGICS = {"1.2": 0xfffffffb, "1.16": 0xfffffffa, "1.18": 0xfffffff0, "1.20": 0xfffffff1}
TEXT = 0x401000
NONE = 0xffffffff
CROPPED = 12  # functions


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def values(*steps):
    """(value, quanta of code it holds for)… as differences, the first to -1."""
    out, last = b"", -1
    for value, quanta in steps:
        delta = value - last
        out += varint((delta << 1 ^ delta >> 31) & NONE) + varint(quanta)
        last = value
    return out + b"\0"


class Table:
    """A small well-formed table; a specimen changes a few fields before it is written."""

    def __init__(self, version, pointer=8, quantum=1, text=TEXT):
        self.version, self.pointer, self.quantum, self.text = version, pointer, quantum, text
        self.magic = MAGICS[version]
        self.names = [b"main.main", b"main.(*T).M[...]", b"x_cgo_init"]
        self.starts = [0, 0x40, 0x80, 0x100]
        self.lines = [values((10, 8), (20, 8), (12, 16)), values((30, 64)), None]
        self.files = [values((0, 8), (1, 8), (0, 16)), values((0, 64)), None]
        self.unit = 1
        self.n_functions = None  # another number than there are
        self.words = {}  # of the header, by index
        self.names_end = b"\0"
        self.list_bytes = None  # in place of the list
        self.tail = b""

    @property
    def relative(self):
        return self.version in ("1.18", "1.20")

    def word(self, value):
        return struct.pack("<Q" if self.pointer == 8 else "<I", value & (2 ** (8 * self.pointer) - 1))

    def field(self, value):
        return struct.pack("<I", value & NONE) if self.relative else self.word(value)

    def head(self):
        return struct.pack("<IBBBB", self.magic, 0, 0, self.quantum, self.pointer)

    def blobs(self):
        """Names and values with where each of theirs begins."""
        names, names_at = b"", []
        for name in self.names:
            names_at.append(len(names))
            names += name + b"\0"
        names = names[:-1] + self.names_end
        data, at = b"\0", []
        shift = 2 if self.version == "1.2" else 0  # files count from 1 there: one more, zigzag
        for files, lines in zip(self.files, self.lines):
            if lines is None:
                at.append((0, 0))
                continue
            files = varint(files[0] + shift) + files[1:] if files else files
            at.append((len(data), len(data) + len(files)))
            data += files + lines
        return names, names_at, data, at

    def function(self, i, name_at, values_at):
        entry = self.starts[i] if self.relative else self.text + self.starts[i]
        fields = [name_at, 0, 0, 0, values_at[0], values_at[1], 0]
        if self.version != "1.2":
            fields.append(self.unit)
        return self.field(entry) + struct.pack("<%dI" % (len(fields) + 6), *fields, *[0] * 6)

    def list(self, functions_at):
        if self.list_bytes is not None:
            return self.list_bytes
        base = 0 if self.relative else self.text
        out = b""
        for start, at in zip(self.starts, functions_at):
            out += self.field(base + start) + self.field(at)
        return out + self.field(base + self.starts[-1])

    def build(self):
        n = len(self.names)
        count = self.word(n if self.n_functions is None else self.n_functions)
        names, names_at, data, values_at = self.blobs()
        field_bytes = len(self.field(0))
        list_bytes = (2 * n + 1) * field_bytes
        body = [self.function(i, names_at[i], values_at[i]) for i in range(n)]
        if self.version == "1.2":
            return self.build_1_2(count, names, data, list_bytes)
        offsets, at = [], list_bytes
        for function in body:
            offsets.append(at)
            at += len(function)
        functions = self.list(offsets) + b"".join(body)
        units = struct.pack("<III", NONE, 0, 8)
        n_words = 8 if self.relative else 7
        parts, places, at = [names, units, b"main.go\0util.go\0", data, functions], [], 8 + n_words * self.pointer
        for i, part in enumerate(parts):
            parts[i] = part + bytes(-len(part) % 8)
            places.append(at)
            at += len(parts[i])
        words = [self.text] if self.relative else []
        words += places
        for index, value in self.words.items():
            words[index] = value
        return self.head() + count + self.word(2) + b"".join(map(self.word, words)) + b"".join(parts) + self.tail

    def build_1_2(self, count, names, data, list_bytes):
        """Everything counts from the table's start."""
        _, names_at, _, values_at = self.blobs()
        base = 8 + self.pointer + list_bytes + 4
        data_at = base + len(names)
        body, offsets = b"", []
        at = data_at + len(data)
        for i, (name_at, (files, lines)) in enumerate(zip(names_at, values_at)):
            offsets.append(at + len(body))
            place = (data_at + files, data_at + lines) if files else (0, 0)
            body += self.function(i, base + name_at, place)
        files_at = at + len(body) + 16
        strings = b"main.go\0util.go\0"
        files = struct.pack("<III", 3, files_at - 16, files_at - 8)
        return (self.head() + count + self.list(offsets) + struct.pack("<I", self.words.get(0, files_at))
                + names + data + body + strings + files + self.tail)


def changed(version, **fields):
    def make():
        table = Table(version, fields.pop("pointer", 8), fields.pop("quantum", 1), fields.pop("text", TEXT))
        for name, value in fields.items():
            setattr(table, name, value)
        return table.build()
    return make


def cut(version, n_bytes):
    return lambda: Table(version).build()[:n_bytes]


SPECIMENS = {
    "well-formed-1.2": changed("1.2"),
    "well-formed-1.2-32": changed("1.2", pointer=4),
    "well-formed-1.16": changed("1.16"),
    "well-formed-1.18": changed("1.18"),
    "well-formed-1.18-32-quantum-4": changed("1.18", pointer=4, quantum=4),
    "well-formed-1.20": changed("1.20"),
    "well-formed-1.26-text-elsewhere": changed("1.20", text=0),
    "unrelocated-1.16": changed("1.16", text=0, starts=[0, 0, 0, 0]),
    "behind-other-bytes": lambda: bytes(64) + b"\xf1\xff\xff\xff\0\0\1\x08" + bytes(64) + Table("1.20").build(),
    "quantum-3": changed("1.20", quantum=3),
    "no-functions": changed("1.20", n_functions=0),
    "functions-beyond-end": changed("1.20", n_functions=1000),
    "functions-beyond-number": changed("1.20", n_functions=2 ** 64 - 1),
    "functions-beyond-number-1.2": changed("1.2", n_functions=2 ** 61),
    "functions-descend": changed("1.20", starts=[0x80, 0x40, 0, 0x100]),
    "functions-at-one-address": changed("1.20", starts=[0, 0, 0, 0x100]),
    "functions-of-all-addresses": changed("1.16", text=0, starts=[0, 2 ** 63, 2 ** 64 - 2, 2 ** 64 - 1]),
    "functions-wrap": changed("1.20", text=2 ** 64 - 0x60),
    "function-at-itself": changed("1.20", list_bytes=struct.pack("<7I", 0, 0, 0x40, 8, 0x80, 16, 0x100)),
    "function-beyond-end": changed("1.20", list_bytes=struct.pack("<7I", 0, NONE, 0x40, NONE, 0x80, NONE, 0x100)),
    "function-at-end": changed("1.18", list_bytes=struct.pack("<7I", 0, 200, 0x40, 210, 0x80, 230, 0x100)),
    "names-at-header": changed("1.20", words={1: 0}),
    "names-beyond-end": changed("1.20", words={1: 2 ** 40}),
    "parts-beyond-end": changed("1.20", words={5: 2 ** 64 - 8}),
    "parts-descend": changed("1.20", words={1: 300, 2: 200, 3: 160, 4: 120, 5: 100}),
    "files-beyond-end-1.2": changed("1.2", words={0: 0x7fffffff}),
    "name-without-end": changed("1.20", names_end=b"x"),
    "name-empty": changed("1.20", names=[b"", b"", b""]),
    "name-too-long": changed("1.20", names=[b"m" * 66000, b"main.f", b"g"]),
    "name-with-control-bytes": changed("1.20", names=[b"\x1b[2J\n", b"\xff\xfe", b"%s%n"]),
    "unit-beyond-end": changed("1.20", unit=0x7fffffff),
    "unit-none": changed("1.20", unit=NONE),
    "unit-wraps": changed("1.20", unit=NONE - 1),
    "lines-without-end": changed("1.20", lines=[values((10, 8))[:-1], b"\x80" * 5, None]),
    "lines-number-without-end": changed("1.20", lines=[b"\x80" * 40, b"\xff" * 40, None]),
    "lines-hold-nowhere": changed("1.20", lines=[b"\x02\0" * 60, values((30, 0)), None]),
    "lines-wrap": changed("1.20", quantum=4, lines=[b"\x16\xff\xff\xff\xff\x0f" * 9 + b"\0", values((5, 1)), None]),
    "lines-negative": changed("1.20", lines=[values((-5, 8), (-7, 8)), values((2 ** 31 - 1, 64)), None]),
    "lines-longer-than-function": changed("1.20", lines=[values((10, 5000)), values((30, 1), (31, 5000)), None]),
    "lines-end-before-files": changed("1.20", lines=[values((10, 1)), values((30, 1)), None]),
    "files-end-before-lines": changed("1.20", files=[values((0, 1)), values((1, 2)), None]),
    "files-of-no-such-number": changed("1.20", files=[values((77, 8), (-1, 8)), values((2 ** 30, 64)), None]),
    "many-steps": changed("1.20", starts=[0, 0x4000, 0x8000, 0xc000],
                          lines=[values(*((1 + i % 3, 1) for i in range(4000))), values((3, 3)), None]),
    "empty": lambda: b"",
    "head-only": cut("1.20", 8),
    "cut-in-header": cut("1.20", 40),
    "cut-in-names": cut("1.20", 90),
    "cut-in-functions": cut("1.20", len(Table("1.20").build()) - 60),
    "cut-in-list-1.2": cut("1.2", 50),
}


def elf_section(data, suffix):
    """The bytes of the first section whose name ends so, of a 64-bit little-endian file."""
    at, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    rows = [struct.unpack_from("<IIQQQQ", data, at + i * size) for i in range(count)]
    for row in rows:
        name = data[rows[names][4] + row[0]:].split(b"\0", 1)[0]
        if name.endswith(suffix):
            return data[row[4]:row[4] + row[5]]
    raise SystemExit("no section of that name")


def crop(table):
    """The first functions of a table since 1.16, with the beginning of each part that they need."""
    relative = table[:4] in (struct.pack("<I", MAGICS["1.18"]), struct.pack("<I", MAGICS["1.20"]))
    n_words = 8 if relative else 7
    words = list(struct.unpack_from("<%dQ" % n_words, table, 8))
    names, units, files, data, functions = words[-5:]
    form = "<II" if relative else "<QQ"
    rows = [struct.unpack_from(form, table, functions + i * struct.calcsize(form)) for i in range(CROPPED + 1)]
    reach, bodies = {"names": 0, "units": 0, "data": 0}, []
    for _, at in rows[:CROPPED]:
        body = table[functions + at:functions + at + 80]
        fields = struct.unpack_from("<8I", body, 4 if relative else 8)
        reach["names"] = max(reach["names"], fields[0] + 200)
        reach["data"] = max(reach["data"], fields[4] + 300, fields[5] + 600)
        reach["units"] = max(reach["units"], fields[7] * 4 + 64)
        bodies.append(body)
    parts = [table[names:names + reach["names"]] + b"\0", table[units:units + reach["units"]],
             table[files:files + 4096] + b"\0", table[data:data + reach["data"]] + b"\0"]
    head = (2 * CROPPED + 1) * (struct.calcsize(form) // 2)
    listed = b"".join(struct.pack(form, rows[i][0], head + 80 * i) for i in range(CROPPED))
    parts.append(listed + struct.pack(form[:2], rows[CROPPED][0]) + b"".join(bodies))
    places, at = [], 8 + 8 * n_words
    for i, part in enumerate(parts):
        parts[i] = part + bytes(-len(part) % 8)
        places.append(at)
        at += len(parts[i])
    words = [CROPPED] + words[1:-5] + places
    return table[:8] + struct.pack("<%dQ" % n_words, *words) + b"".join(parts)


def main():
    directory = sys.argv[1]
    os.makedirs(directory, exist_ok=True)
    made = SPECIMENS
    if len(sys.argv) > 2:
        with open(sys.argv[3], "rb") as file:
            table = crop(elf_section(file.read(), b"gopclntab"))
        made = {sys.argv[2]: lambda: table}
    for name, make in made.items():
        with open(os.path.join(directory, name), "wb") as out:
            out.write(make())


if __name__ == "__main__":
    main()

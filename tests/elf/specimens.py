#!/usr/bin/env python3
"""Writes ELF files that are named by their flaw: specimens.py DIRECTORY [--small | --pairs | --packed].

--small leaves out those that are large: the rest is the seed corpus of elf_image_fuzz. --pairs and
--packed write those of debug_files_fuzz and mini_debug_fuzz.
Used as a module, SPECIMENS maps each name to (maker, expectation): see tests/elf/table_test.py.
"""
import array
import lzma
import os
import struct
import sys
import zlib

FUNC, NOTYPE, IFUNC, OBJECT = 2, 0, 10, 1
LOCAL, GLOBAL, WEAK = 0, 1, 2
TEXT_ADDR, TEXT_OFFSET, TEXT_BYTES = 0x401200, 0x200, 0x100
BUILD_ID = bytes(range(20))


def symbol(name, value, size, kind=FUNC, bind=GLOBAL, section=1):
    return {"name": name, "value": value, "size": size, "info": bind << 4 | kind, "section": section}


TWO = [symbol("alpha", TEXT_ADDR, 0x10), symbol("beta", TEXT_ADDR + 0x20, 0x10)]


class Elf:
    """A small well-formed file; a specimen changes a few fields before it is written."""

    def __init__(self, symbols=None, bits=64, order="<"):
        self.bits, self.order = bits, order
        self.symbols = TWO if symbols is None else symbols
        self.header = {}
        self.sections = {}  # index -> changed fields
        self.segments = [
            {"type": 1, "flags": 5, "offset": TEXT_OFFSET, "vaddr": TEXT_ADDR,
             "filesz": TEXT_BYTES, "memsz": TEXT_BYTES, "align": 0x1000}]
        self.note = struct.pack(order + "III", 4, len(BUILD_ID), 3) + b"GNU\0" + BUILD_ID
        self.strings_end = b"\0"
        self.cut = None
        self.patch = []  # (offset, bytes), written last
        self.pack = {}  # section index -> what its content becomes; flagged as compressed
        self.extra = []  # (name, content) of further sections

    def names(self):
        table, at = b"\0", []
        for entry in self.symbols:
            at.append(entry.get("name_at", len(table)))
            table += entry["name"].encode() + b"\0"
        return table[:-1] + self.strings_end, at

    def symbol_table(self, at):
        wide = struct.Struct(self.order + "IBBHQQ")
        narrow = struct.Struct(self.order + "IIIBBH")
        if self.bits == 64:
            rows = [wide.pack(name, e["info"], 0, e["section"], e["value"], e["size"])
                    for e, name in zip(self.symbols, at)]
        else:
            rows = [narrow.pack(name, e["value"], e["size"], e["info"], 0, e["section"])
                    for e, name in zip(self.symbols, at)]
        return bytes(24 if self.bits == 64 else 16) + b"".join(rows)

    def section(self, index, **fields):
        fields.update(self.sections.get(index, {}))
        values = [fields.get(key, 0) for key in (
            "name", "type", "flags", "addr", "offset", "size", "link", "info", "align", "entsize")]
        return struct.pack(self.order + ("IIQQQQIIQQ" if self.bits == 64 else "10I"), *values)

    def segment(self, segment):
        s = segment
        if self.bits == 64:
            return struct.pack(self.order + "IIQQQQQQ", s["type"], s["flags"], s["offset"], s["vaddr"],
                               s["vaddr"], s["filesz"], s["memsz"], s["align"])
        return struct.pack(self.order + "8I", s["type"], s["offset"], s["vaddr"], s["vaddr"],
                           s["filesz"], s["memsz"], s["flags"], s["align"])

    def build(self):
        wide = self.bits == 64
        ehsize, phentsize, shentsize = (64, 56, 64) if wide else (52, 32, 40)
        names, at = self.names()
        table = self.symbol_table(at)
        note_at = TEXT_OFFSET + TEXT_BYTES
        pack = [self.pack.get(index, lambda elf, content: content) for index in (2, 3)]
        table, names = pack[0](self, table), pack[1](self, names)
        flags = [0x800 if index in self.pack else 0 for index in (2, 3)]
        section_names = b"".join(b"\0" + name for name, _ in self.extra) + b"\0.shstrtab\0"
        contents = [content for _, content in self.extra] + [section_names]
        table_at = note_at + (len(self.note) + 7 & ~7)
        names_at = table_at + len(table)
        extra_at = [names_at + len(names) + 7 & ~7]
        for content in contents:
            extra_at.append(extra_at[-1] + len(content) + 7 & ~7)
        sections_at = extra_at[-1] if self.extra else extra_at[0]
        note_segment = {"type": 4, "flags": 4, "offset": note_at, "vaddr": 0, "filesz": len(self.note),
                        "memsz": len(self.note), "align": 4}
        segments = b"".join(self.segment(s) for s in self.segments + [note_segment])
        sections = self.section(0)
        sections += self.section(1, type=1, flags=6, addr=TEXT_ADDR, offset=TEXT_OFFSET, size=TEXT_BYTES)
        sections += self.section(2, type=2, flags=flags[0], offset=table_at, size=len(table), link=3, info=1, align=8,
                                 entsize=24 if wide else 16)
        sections += self.section(3, type=3, flags=flags[1], offset=names_at, size=len(names), align=1)
        sections += self.section(4, type=7, offset=note_at, size=len(self.note), align=4)
        n_sections = 5
        if self.extra:
            names_left = [name for name, _ in self.extra] + [b".shstrtab"]
            for i, (name, content) in enumerate(zip(names_left, contents)):
                sections += self.section(5 + i, name=section_names.index(b"\0" + name + b"\0") + 1,
                                         type=3 if name == b".shstrtab" else 1, offset=extra_at[i],
                                         size=len(content), align=1)
            n_sections += len(contents)
        fields = {"type": 2, "machine": 62 if wide else 3, "version": 1, "entry": 0, "phoff": ehsize,
                  "shoff": sections_at, "flags": 0, "ehsize": ehsize, "phentsize": phentsize,
                  "phnum": len(self.segments) + 1, "shentsize": shentsize, "shnum": n_sections,
                  "shstrndx": n_sections - 1 if self.extra else 0}
        fields.update(self.header)
        ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if self.order == "<" else 2, 1]) + bytes(9)
        head = ident + struct.pack(self.order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
                                   *fields.values())
        data = bytearray(sections_at + len(sections))
        for offset, content in ((0, head + segments), (note_at, self.note), (table_at, table),
                                (names_at, names), (sections_at, sections),
                                *(zip(extra_at, contents) if self.extra else ())):
            data[offset:offset + len(content)] = content
        for offset, content in self.patch:
            data[offset:offset + len(content)] = content
        return bytes(data if self.cut is None else data[:self.cut])


def with_fields(**fields):
    def make():
        elf = Elf(fields.pop("symbols", None), fields.pop("bits", 64), fields.pop("order", "<"))
        for name, value in fields.items():
            setattr(elf, name, value)
        return elf.build()
    return make


class Loaded:
    """A file without section headers: what the dynamic loader and an unwinder need, in one segment."""

    BASE, CODE, CODE_BYTES = 0x400000, 0x401000, 0x100

    def __init__(self, bits=64, hashes="gnu", **changed):
        self.bits, self.hashes = bits, hashes
        self.symbols = [symbol("alpha", self.CODE, 0x10), symbol("beta", self.CODE + 0x20, 0x10, IFUNC),
                        symbol("datum", self.BASE, 8, OBJECT), symbol("wanted", 0, 0, section=0),
                        symbol("rest", self.CODE + 0x40, 0)]
        self.tags = {}  # changed values of the dynamic section; None: left out
        self.words = {}  # changed words of the hash table, by index
        self.fdes = [(self.CODE, 0x10), (self.CODE + 0x20, 0x10), (self.CODE + 0x40, 0x20), (self.CODE + 0x80, 0x30)]
        self.frame = lambda frame: frame
        self.header = lambda header: header
        self.dynamic = {}  # changed fields of its segment
        self.extra = []  # further segments
        self.content_at, self.file_bytes = 0x200, 0  # the latter at least
        vars(self).update(changed)

    def hash_table(self):
        n = len(self.symbols) + 1
        if self.hashes == "sysv":
            words = [1, n, 1] + [(i + 1) % n for i in range(n)]
        else:  # all symbols in one chain, which nobody looks names up in
            words = [1, 1, 1, 6] + [0] * (self.bits // 32) + [1] + [0] * (n - 2) + [1]
        for i, word in self.words.items():
            words[i] = word
        return struct.pack("<%dI" % len(words), *words)

    def unwind_tables(self, at):
        """.eh_frame_hdr and behind it .eh_frame, which are at that address."""
        frame_at = at + 12 + 8 * len(self.fdes)
        frame = struct.pack("<IIB3sBBBBB", 13, 0, 1, b"zR\0", 1, 0x78, 16, 1, 0x1b)
        rows = []
        for start, size in self.fdes:
            here = len(frame)
            frame += struct.pack("<IIii", 12, here + 4, start - (frame_at + here + 8), size)
            rows.append((start - at, frame_at + here - at))
        header = struct.pack("<BBBBiI", 1, 0x1b, 3, 0x3b, frame_at - (at + 4), len(rows))
        header += b"".join(struct.pack("<ii", *row) for row in rows)
        return self.header(header) + self.frame(frame)

    def build(self):
        wide = self.bits == 64
        names = b"\0" + b"".join(s["name"].encode() + b"\0" for s in self.symbols)
        table = Elf(self.symbols, bits=self.bits).symbol_table([names.index(b"\0" + s["name"].encode() + b"\0") + 1
                                                               for s in self.symbols])
        hashes, content, at = self.hash_table(), b"", {}
        for name, piece in (("hash", hashes), ("symbols", table), ("names", names),
                            ("unwind", self.unwind_tables(self.BASE + self.content_at + len(hashes) + len(table)
                                                          + (len(names) + 7 & ~7)))):
            at[name] = self.BASE + self.content_at + len(content)
            content += piece + bytes(-len(piece) % 8 if name == "names" else 0)
        tags = {6: at["symbols"], 5: at["names"], 10: len(names), 11: 24 if wide else 16,
                {"gnu": 0x6ffffef5, "sysv": 4}[self.hashes]: at["hash"]}
        tags.update(self.tags)
        pair = struct.Struct("<QQ" if wide else "<II")
        dynamic = b"".join(pair.pack(tag, value) for tag, value in tags.items() if value is not None) + pair.pack(0, 0)
        at["dynamic"] = self.BASE + self.content_at + len(content)
        content += dynamic
        segments = [(1, 5, 0, self.content_at + len(content), {"memsz": 0x4000}),
                    (2, 4, at["dynamic"] - self.BASE, len(dynamic), self.dynamic),
                    (0x6474e550, 4, at["unwind"] - self.BASE, 12 + 8 * len(self.fdes), {})]
        headers = b""
        for kind, flags, offset, size, changed in segments + self.extra:
            fields = {"type": kind, "flags": flags, "offset": offset, "vaddr": self.BASE + offset, "filesz": size,
                      "memsz": size, "align": 8}
            headers += Elf(bits=self.bits).segment(dict(fields, **changed))
        head = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9) + struct.pack(
            "<HHIQQQIHHHHHH" if wide else "<HHIIIIIHHHHHH", 3, 62 if wide else 3, 1, 0, 64 if wide else 52, 0, 0,
            64 if wide else 52, 56 if wide else 32, len(segments + self.extra), 0, 0, 0)
        data = (head + headers).ljust(self.content_at, b"\0") + content
        return data.ljust(self.file_bytes, b"\0")


def loaded(**changed):
    return lambda: Loaded(**changed).build()


def compressed(kind=1, claim=None, cut=None):
    """A packer as of SHF_COMPRESSED: a header, then a zlib stream."""
    def pack(elf, content):
        size = len(content) if claim is None else claim
        head = struct.pack(elf.order + ("IIQQ" if elf.bits == 64 else "III"),
                           *((kind, 0, size, 8) if elf.bits == 64 else (kind, size, 8)))
        return head + zlib.compress(content)[:cut]
    return pack


def packed_zeros(n_bytes):
    """A packer that is honest about how much it makes of nothing."""
    return lambda elf, content: struct.pack(elf.order + "IIQQ", 1, 0, n_bytes, 8) + zlib.compress(bytes(n_bytes), 1)


def in_mini_debug(inner):
    """A file with one symbol of its own, and those of @inner in its MiniDebugInfo."""
    def make():
        return with_fields(symbols=[], extra=[(b".gnu_debugdata", inner())])()
    return make


def text_segment(**changed):
    segment = {"type": 1, "flags": 5, "offset": TEXT_OFFSET, "vaddr": TEXT_ADDR,
               "filesz": TEXT_BYTES, "memsz": TEXT_BYTES, "align": 0x1000}
    segment.update(changed)
    return segment


def crowd(n, names, name_at, start=lambda i: TEXT_ADDR + i, size=lambda i: 1, pack=False):
    """A file of so many functions; where their names are among @names, and all else, is given."""
    rows = array.array("Q", bytes(24 * n))
    like = 1 << 48 | (GLOBAL << 4 | FUNC) << 32
    rows[0::3] = array.array("Q", [like | name_at(i) for i in range(n)])
    rows[1::3] = array.array("Q", [start(i) for i in range(n)])
    rows[2::3] = array.array("Q", [size(i) for i in range(n)])
    elf = Elf([])
    elf.symbol_table = lambda at: bytes(24) + rows.tobytes()
    elf.names = lambda: (names, [])
    elf.sections = {1: {"size": 1 << 24}}
    elf.pack = {2: compressed(), 3: compressed()} if pack else {}
    return elf.build()


def million(names=b"\0same\0", name_at=lambda i: 1, **fields):
    return lambda: crowd(1000000, names() if callable(names) else names, name_at, **fields)


def numbered(n, width):
    """As many names of so many bytes each, one after another from the second byte."""
    return b"\0" + b"".join(b"%0*d\0" % (width - 1, i) for i in range(n))


def cut_inside_symbols():
    whole = Elf(TWO * 40).build()
    return whole[:TEXT_OFFSET + TEXT_BYTES + 100]


def make_many_sections(n=70000):
    """More sections than 16 bits count: what is in the last ones is told in further tables."""
    def make():
        elf = Elf([symbol("alpha", TEXT_ADDR, 0x10, section=0xffff),
                   symbol("beta", TEXT_ADDR + 0x20, 0, section=0xffff), symbol("gamma", TEXT_ADDR + 0x80, 0x10),
                   symbol("absolute", TEXT_ADDR + 0x90, 8, section=0xfff1)])
        data = bytearray(elf.build())
        sections_at, = struct.unpack_from("<Q", data, 0x28)
        sections = bytearray(data[sections_at:]) + bytes(64 * (n - 5))
        numbers = struct.pack("<5I", 0, n - 2, n - 2, 0, 0)
        struct.pack_into("<HH", data, 0x3c, 0, 0xffff)
        struct.pack_into("<Q", sections, 32, n)  # of the first: how many there are
        struct.pack_into("<I", sections, 40, n - 1)  # and which has the names
        numbers_at = sections_at + len(sections)
        names = b"\0.eh_frame\0"
        frame = Loaded(fdes=[(TEXT_ADDR + 0xc0, 0x20)]).unwind_tables(TEXT_ADDR)[20:]
        frame = frame[:25] + struct.pack("<i", TEXT_ADDR + 0xc0 - (0x600000 + 25)) + frame[29:]
        sections[64 * (n - 4):64 * (n - 3)] = elf.section(0, type=18, offset=numbers_at, size=len(numbers), link=2,
                                                          align=4, entsize=4)
        sections[64 * (n - 3):64 * (n - 2)] = elf.section(0, name=1, type=1, flags=2, addr=0x600000,
                                                          offset=numbers_at + 20 + len(names), size=len(frame))
        sections[64 * (n - 2):64 * (n - 1)] = elf.section(0, type=1, flags=6, addr=TEXT_ADDR, offset=TEXT_OFFSET,
                                                          size=0x40)
        sections[64 * (n - 1):] = elf.section(0, type=3, offset=numbers_at + 20, size=len(names))
        return bytes(data[:sections_at] + sections + numbers + names + frame)
    return make


def in_section(name, content, **fields):
    """A file with its two symbols, and a section of that name."""
    return with_fields(extra=[(name, content)], **fields)


def in_frames(content):
    """A file with its two symbols and an .eh_frame in memory."""
    return in_section(b".eh_frame", content, sections={5: {"flags": 2, "addr": 0x500000}})


def go_table(functions=1, files=1, text_start=TEXT_ADDR, offsets=(72, 80, 88, 96, 104), tail=bytes(400)):
    """A .gopclntab of Go 1.20 and later, of which the header is given."""
    return struct.pack("<IBBBB8Q", 0xfffffff1, 0, 0, 1, 8, functions, files, text_start, *offsets) + tail


def fde(length=24, pointer=28, start=TEXT_ADDR, size=16):
    """A CIE with absolute 8-byte addresses, and one FDE."""
    cie = struct.pack("<IIB3sBBBBB", 20, 0, 1, b"zR\0", 1, 0x78, 16, 1, 0) + bytes(7)
    return cie + struct.pack("<IIQQI", length, pointer, start, size, 0)


def make_sections(n):
    """A file whose sections are all of it, each."""
    def make():
        elf = Elf()
        data = bytearray(elf.build())
        size = len(data) + 64 * n
        extra = b"".join(elf.section(7, type=(2, 3, 7, 11, 1)[i % 5], flags=6, offset=0, size=size, link=i % n,
                                     entsize=24, align=8, name=i) for i in range(n))
        rows = elf.section(0, size=n + 1) + extra
        data[40:48] = struct.pack("<Q", len(data))
        data[60:64] = bytes(4)
        return bytes(data) + rows
    return make


OK, NOT_ELF, MALFORMED, TOO_BIG, UNREADABLE = 0, 1, 2, 3, 4
BOTH = {"alpha", "beta"}

# name: (maker, (outcome, flaw, names of the symbols that must be there, or how many there are, or None))
SPECIMENS = {
    "well-formed": (with_fields(), (OK, 0, BOTH)),
    "well-formed-32": (with_fields(bits=32), (OK, 0, BOTH)),
    "other-byte-order": (with_fields(order=">"), (NOT_ELF, None, None)),
    "empty": (lambda: b"", (NOT_ELF, None, None)),
    "a-script": (lambda: b"#!/bin/sh\necho\n", (NOT_ELF, None, None)),
    "header-only": (lambda: Elf().build()[:64], (MALFORMED, None, None)),
    "header-cut": (lambda: Elf().build()[:40], (MALFORMED, None, None)),
    "truncated": (cut_inside_symbols, (MALFORMED, None, None)),
    "entsize-zero": (with_fields(sections={2: {"entsize": 0}}), (OK, MALFORMED, set())),
    "entsize-odd": (with_fields(sections={2: {"entsize": 23}}), (OK, MALFORMED, set())),
    "strtab-unterminated": (with_fields(strings_end=b""), (OK, 0, {"alpha"})),
    "strtab-empty": (with_fields(sections={3: {"size": 0}}), (OK, 0, set())),
    "names-past-end": (with_fields(symbols=[dict(TWO[0], name_at=0xffffff00), TWO[1]]), (OK, 0, {"beta"})),
    "symbols-beyond-end": (with_fields(sections={2: {"offset": 0x100000}}), (OK, MALFORMED, set())),
    "symbols-without-end": (with_fields(sections={2: {"size": 24 << 56}}), (OK, TOO_BIG, set())),
    "symbols-over-the-limit": (with_fields(sections={2: {"size": 24 * ((8 << 20) + 1)}}), (OK, TOO_BIG, set())),
    "names-beyond-end": (with_fields(sections={3: {"size": 1 << 40}}), (OK, MALFORMED, set())),
    "link-to-itself": (with_fields(sections={2: {"link": 2}}), (OK, MALFORMED, set())),
    "link-out-of-range": (with_fields(sections={2: {"link": 77}}), (OK, MALFORMED, set())),
    "symbols-compressed": (with_fields(sections={2: {"flags": 0x800}}), (OK, MALFORMED, set())),
    "symbols-over-names": (with_fields(sections={3: {"offset": TEXT_OFFSET, "size": TEXT_BYTES + 0x80}}), (OK, 0, None)),
    "sections-beyond-end": (with_fields(header={"shoff": 1 << 40}), (MALFORMED, None, None)),
    "sections-wrap": (with_fields(header={"shoff": (1 << 64) - 64}), (MALFORMED, None, None)),
    "sections-counted-in-first": (
        with_fields(header={"shnum": 0}, sections={0: {"size": 5}}), (OK, 0, BOTH)),
    "sections-without-number": (
        with_fields(header={"shnum": 0}, sections={0: {"size": 1 << 60}}), (TOO_BIG, None, None)),
    "sections-absent": (with_fields(header={"shoff": 0, "shnum": 0}), (OK, 0, set())),
    "segment-entsize-zero": (with_fields(header={"phentsize": 0}), (MALFORMED, None, None)),
    "segments-beyond-end": (with_fields(header={"phoff": 1 << 40}), (MALFORMED, None, None)),
    "segments-beyond-number": (with_fields(header={"phnum": 0xffff}), (TOO_BIG, None, None)),
    "overlapping-segments": (
        with_fields(segments=[text_segment(), text_segment(vaddr=0x501000), text_segment(offset=0)]),
        (OK, 0, BOTH)),
    "segment-wraps": (
        with_fields(segments=[text_segment(), text_segment(offset=(1 << 64) - 16, vaddr=(1 << 64) - 16)]),
        (OK, 0, BOTH)),
    "note-without-end": (
        with_fields(note=struct.pack("<III", 0xffffffff, 0xffffffff, 3) + b"GNU\0" + bytes(20)), (OK, 0, BOTH)),
    "note-of-nothing": (with_fields(note=bytes(4096)), (OK, 0, BOTH)),
    "build-id-too-long": (
        with_fields(note=struct.pack("<III", 4, 65, 3) + b"GNU\0" + bytes(68)), (OK, 0, BOTH)),
    "value-wraps": (
        with_fields(symbols=[symbol("wrap", (1 << 64) - 8, 16), TWO[0]]), (OK, 0, {"alpha"})),
    "size-of-all": (
        with_fields(symbols=[symbol("all", 1, (1 << 64) - 2), TWO[0]]), (OK, 0, {"all", "alpha"})),
    "far-apart": (
        with_fields(symbols=[symbol("near", 0x1000, 16), symbol("far", 1 << 62, 16)]), (OK, 0, {"near", "far"})),
    "nested": (
        with_fields(symbols=[symbol("outer", TEXT_ADDR, 0x100), symbol("inner", TEXT_ADDR + 0x10, 0x10),
                             symbol("innermost", TEXT_ADDR + 0x14, 4)]),
        (OK, 0, {"outer", "inner", "innermost"})),
    "data-as-code": (
        with_fields(symbols=[symbol("datum", TEXT_ADDR, 8, OBJECT), TWO[1]]), (OK, 0, {"beta"})),
    "undefined-with-value": (
        with_fields(symbols=[symbol("plt", TEXT_ADDR, 8, section=0), TWO[1]]), (OK, 0, {"beta"})),
    "section-of-no-such-number": (
        with_fields(symbols=[symbol("lost", TEXT_ADDR, 8, section=0xfe00), TWO[1]]), (OK, 0, {"beta"})),
    "versions-in-names": (
        with_fields(symbols=[symbol("alpha@@VERS_1", TEXT_ADDR, 8), symbol("@only", TEXT_ADDR + 64, 8),
                             TWO[1]]), (OK, 0, {"alpha", "beta", "@only"})),
    "compressed-tables": (with_fields(pack={2: compressed(), 3: compressed()}), (OK, 0, BOTH)),
    "compressed-tables-32": (with_fields(bits=32, pack={2: compressed(), 3: compressed()}), (OK, 0, BOTH)),
    "compressed-gigabytes": (with_fields(pack={3: compressed(claim=1 << 40)}), (OK, TOO_BIG, set())),
    "compressed-without-end": (with_fields(pack={2: compressed(claim=(1 << 64) - 1)}), (OK, TOO_BIG, set())),
    "compressed-beyond-reason": (with_fields(pack={3: compressed(claim=100 << 20)}), (OK, MALFORMED, set())),
    "compressed-more-than-said": (with_fields(pack={3: compressed(claim=3)}), (OK, MALFORMED, set())),
    "compressed-cut": (with_fields(pack={2: compressed(cut=-4)}), (OK, MALFORMED, set())),
    "compressed-to-nothing": (with_fields(pack={2: compressed(claim=0, cut=0)}), (OK, None, set())),
    "compressed-otherwise": (with_fields(pack={2: compressed(kind=77)}), (OK, MALFORMED, set())),
    "compressed-without-header": (with_fields(pack={3: lambda elf, content: b"x"}), (OK, MALFORMED, set())),
    "mini-debug": (in_mini_debug(lambda: lzma.compress(with_fields()())), (OK, 0, BOTH)),
    "mini-debug-of-32": (in_mini_debug(lambda: lzma.compress(with_fields(bits=32)())), (OK, MALFORMED, set())),
    "mini-debug-cut": (in_mini_debug(lambda: lzma.compress(with_fields()())[:-40]), (OK, MALFORMED, set())),
    "mini-debug-empty": (in_mini_debug(lambda: b""), (OK, MALFORMED, set())),
    "mini-debug-of-itself": (
        in_mini_debug(lambda: lzma.compress(in_mini_debug(lambda: lzma.compress(with_fields()()))())),
        (OK, 0, set())),
    "mini-debug-entsize-zero": (
        in_mini_debug(lambda: lzma.compress(with_fields(sections={2: {"entsize": 0}})())), (OK, MALFORMED, set())),
    "loaded": (loaded(), (OK, 0, BOTH | {"rest", ""})),
    "loaded-32": (loaded(bits=32), (OK, 0, BOTH | {"rest", ""})),
    "loaded-sysv": (loaded(hashes="sysv"), (OK, 0, BOTH | {"rest", ""})),
    "loaded-sysv-32": (loaded(hashes="sysv", bits=32), (OK, 0, BOTH | {"rest", ""})),
    "loaded-without-hash": (loaded(tags={0x6ffffef5: None}), (OK, 0, {""})),
    "loaded-without-symbols": (loaded(tags={6: None}), (OK, 0, {""})),
    "loaded-entsize-zero": (loaded(tags={11: 0}), (OK, MALFORMED, {""})),
    "loaded-names-beyond-end": (loaded(tags={10: 1 << 40}), (OK, MALFORMED, {""})),
    "loaded-names-empty": (loaded(tags={10: 0}), (OK, 0, {""})),
    "loaded-symbols-elsewhere": (loaded(tags={6: 0x900000}), (OK, MALFORMED, {""})),
    "loaded-symbols-without-number": (loaded(hashes="sysv", words={1: 0xffffffff}), (OK, TOO_BIG, {""})),
    "loaded-more-symbols-than-bytes": (loaded(hashes="sysv", words={1: 0x1000}), (OK, MALFORMED, {""})),
    "loaded-buckets-without-number": (loaded(words={0: 0xffffffff}), (OK, TOO_BIG, {""})),
    "loaded-more-buckets-than-bytes": (loaded(words={0: 0x10000}), (OK, MALFORMED, {""})),
    "loaded-bloom-without-end": (loaded(words={2: 0xffffffff}), (OK, MALFORMED, {""})),
    "loaded-bucket-beyond-end": (loaded(words={6: 0xffffff00}), (OK, MALFORMED, {""})),
    "loaded-bucket-below-first": (loaded(words={1: 3, 6: 2}), (OK, 0, BOTH | {""})),
    "loaded-chain-runs-on": (loaded(words={11: 0}, symbols=[symbol("alpha", 0x401000, 0x10)] * 5),
                                 (OK, None, None)),
    "dynamic-beyond-end": (loaded(dynamic={"offset": 1 << 20}), (OK, MALFORMED, {""})),
    "dynamic-without-end": (loaded(dynamic={"filesz": 1 << 40}), (OK, None, None)),
    "frames-cut": (loaded(frame=lambda frame: frame[:40] + b"\xf0\xff\xff\x7f" + frame[44:]),
                   (OK, MALFORMED, None)),
    "frames-header-of-another-version": (loaded(header=lambda header: b"\2" + header[1:]),
                                         (OK, MALFORMED, BOTH | {"rest"})),
    "frames-header-leads-nowhere": (loaded(header=lambda header: header[:4] + bytes(4) + header[8:]),
                                    (OK, MALFORMED, None)),
    "debuglink-unterminated": (
        with_fields(symbols=[], extra=[(b".gnu_debuglink", b"x" * 40)]), (OK, 0, set())),
    "debuglink-without-checksum": (
        with_fields(symbols=[], extra=[(b".gnu_debuglink", b"x.debug\0")]), (OK, 0, set())),
    "sections-of-0xffff": (with_fields(header={"shnum": 0xffff}), (MALFORMED, None, None)),
    "section-entsize-zero": (with_fields(header={"shentsize": 0}), (MALFORMED, None, None)),
    "section-entsize-of-32": (with_fields(header={"shentsize": 40}), (MALFORMED, None, None)),
    "section-entsize-huge": (with_fields(header={"shentsize": 0xffff}), (MALFORMED, None, None)),
    "section-names-nowhere": (with_fields(header={"shstrndx": 0xfff0}), (OK, 0, BOTH)),
    "section-names-elsewhere": (with_fields(header={"shstrndx": 0xffff}, sections={0: {"link": 1 << 31}}), (OK, 0, BOTH)),
    "segments-wrap": (with_fields(header={"phoff": (1 << 64) - 56}), (MALFORMED, None, None)),
    "segment-entsize-of-32": (with_fields(header={"phentsize": 32}), (MALFORMED, None, None)),
    "class-zero": (with_fields(patch=[(4, b"\0")]), (MALFORMED, None, None)),
    "class-three": (with_fields(patch=[(4, b"\3")]), (MALFORMED, None, None)),
    "class-32-of-a-64": (with_fields(patch=[(4, b"\1")]), (MALFORMED, None, None)),
    "class-64-of-a-32": (with_fields(bits=32, patch=[(4, b"\2")]), (MALFORMED, None, None)),
    "order-of-none": (with_fields(patch=[(5, b"\0")]), (NOT_ELF, None, None)),
    "order-big-of-a-little": (with_fields(patch=[(5, b"\2")]), (NOT_ELF, None, None)),
    "version-zero": (with_fields(patch=[(6, b"\0")]), (MALFORMED, None, None)),
    "machine-unheard-of": (with_fields(header={"machine": 0xfffe}), (OK, 0, BOTH)),
    "type-of-core": (with_fields(header={"type": 4}), (OK, 0, BOTH)),
    "alignments-not-numbers": (
        with_fields(segments=[text_segment(align=0x7ff8000000000000)],
                    sections={i: {"align": (1 << 64) - 1 if i % 2 else 3} for i in range(5)}), (OK, 0, BOTH)),
    "sections-overlap": (
        with_fields(sections={2: {"offset": 0, "size": 24 * 20}, 3: {"offset": 0, "size": 24 * 20}}), (OK, 0, None)),
    "symbols-in-names": (with_fields(sections={2: {"link": 1}}), (OK, MALFORMED, set())),
    "symbols-without-bits": (with_fields(sections={2: {"type": 8}}), (OK, 0, set())),
    "names-without-bits": (with_fields(sections={3: {"type": 8}}), (OK, MALFORMED, set())),
    "offset-wraps": (with_fields(sections={2: {"offset": (1 << 64) - 24}}), (OK, MALFORMED, set())),
    "note-of-gigabytes": (
        with_fields(segments=[text_segment(), text_segment(type=4, filesz=1 << 40)]), (OK, 0, BOTH)),
    "note-name-wraps": (
        with_fields(note=struct.pack("<III", 0xfffffffd, 20, 3) + b"GNU\0" + bytes(20)), (OK, 0, BOTH)),
    "go-functions-beyond-number": (in_section(b".gopclntab", go_table(functions=1 << 60)), (OK, None, BOTH)),
    "go-offsets-wrap": (
        in_section(b".gopclntab", go_table(offsets=((1 << 64) - 8,) * 5)), (OK, None, BOTH)),
    "go-offsets-descend": (in_section(b".gopclntab", go_table(offsets=(400, 300, 200, 100, 72))), (OK, None, BOTH)),
    "go-text-anywhere": (
        in_section(b".gopclntab", go_table(text_start=(1 << 64) - 16, tail=b"\xff" * 400)), (OK, None, BOTH)),
    "go-header-cut": (in_section(b".gopclntab", go_table()[:11]), (OK, None, BOTH)),
    "go-empty": (in_section(b".gopclntab", b""), (OK, None, BOTH)),
    "frames": (in_frames(fde(start=TEXT_ADDR + 64)), (OK, 0, BOTH | {""})),
    "frames-without-end": (in_frames(fde(length=0xfffffff0)), (OK, MALFORMED, BOTH)),
    "frames-of-64-without-end": (
        in_frames(b"\xff\xff\xff\xff" + b"\xff" * 8 + bytes(16)), (OK, MALFORMED, BOTH)),
    "frames-before-themselves": (in_frames(fde(pointer=0x7fffffff)), (OK, MALFORMED, BOTH)),
    "frames-wrap": (in_frames(fde(start=(1 << 64) - 8, size=1 << 63)), (OK, None, BOTH)),
    "frames-of-ones": (in_frames(b"\xff" * 4000), (OK, None, BOTH)),
    "frame-header-lies": (
        with_fields(segments=[text_segment(), text_segment(type=0x6474e550, offset=0, filesz=1 << 50)]),
        (OK, None, BOTH)),
    "frame-header-of-text": (
        with_fields(segments=[text_segment(), text_segment(type=0x6474e550)], header={"shoff": 0, "shnum": 0},
                    patch=[(TEXT_OFFSET, b"\x01\x1b\x03\x3b" + b"\xff" * 252)]), (OK, None, set())),
    "debuglink-to-itself": (
        with_fields(symbols=[], extra=[(b".gnu_debuglink", b"debuglink-to-itself\0\0\0\0\0")]), (OK, 0, set())),
    "debuglink-upwards": (
        with_fields(symbols=[], extra=[(b".gnu_debuglink", b"../../../etc/passwd\0" + bytes(4))]), (OK, 0, set())),
    "debuglink-empty": (with_fields(symbols=[], extra=[(b".gnu_debuglink", b"")]), (OK, 0, set())),
}

LARGE = {
    "mini-debug-of-300-mebibytes": (
        in_mini_debug(lambda: lzma.compress(bytes(300 << 20), preset=0)), (OK, TOO_BIG, set())),
    "million-zero-size": (million(size=lambda i: 0), (OK, 0, {"same"})),
    "million-at-one-address": (million(start=lambda i: TEXT_ADDR, size=lambda i: 8), (OK, 0, {"same"})),
    "million-honest": (million(lambda: numbered(1000000, 9), lambda i: 1 + 9 * i), (OK, 0, 1000000)),
    "million-honest-of-50-bytes": (million(lambda: numbered(1000000, 50), lambda i: 1 + 50 * i), (OK, 0, 1000000)),
    "million-nested-far": (million(size=lambda i: (1 << 40) - 3 * i), (OK, 0, 1999999)),
    "million-inflated": (
        million(b"\0" + b"A" * 60 + bytes(150 << 20), lambda i: 1 + i % 50, pack=True), (OK, TOO_BIG, None)),
    "million-names-too-long": (million(b"\0" + b"A" * 200000 + b"\0", lambda i: 1 + i % 1000), (OK, TOO_BIG, set())),
    "million-long-names": (million(b"\0" + b"A" * 66000 + b"\0", lambda i: 1000 + i % 50000), (OK, TOO_BIG, None)),
    "three-million": (
        lambda: crowd(3000000, numbered(1000000, 9), lambda i: 1 + 9 * (i % 1000000)), (OK, TOO_BIG, None)),
    "sections-of-100000": (make_sections(100000), (OK, MALFORMED, set())),
    "sections-beyond-65279": (make_many_sections(), (OK, 0, BOTH | {"gamma", ""})),
    "notes-all-over": (
        loaded(extra=[(4, 4, 0x20000 * i, 16384, {}) for i in range(1, 100)], content_at=0x2000,
               file_bytes=100 * 0x20000), (OK, 0, BOTH | {"rest", ""})),
    "compressed-too-much-together": (
        with_fields(pack={2: packed_zeros(150 << 20), 3: packed_zeros(110 << 20)}), (OK, TOO_BIG, set())),
}

READ_BYTES_MAX = {"notes-all-over": 80000}  # of those that would have more read than is worth it


def linked(debug, name=b"a.debug", crc=None, **fields):
    """A stripped file and its debug file, as debug_files_fuzz takes them."""
    def make():
        crc_of = zlib.crc32(debug) if crc is None else crc
        link = name + bytes(4 - len(name) % 4) + struct.pack("<I", crc_of)
        file = with_fields(symbols=[], extra=[(b".gnu_debuglink", link)], **fields)()
        return struct.pack(">H", len(file)) + file + debug
    return make


def write_pairs(directory):
    """The seed corpus of debug_files_fuzz."""
    whole, nameless = with_fields()(), with_fields(note=b"")()
    pairs = {
        "by-build-id": linked(whole),
        "other-build-id": linked(with_fields(note=Elf().note[:-1] + b"x")()),
        "by-crc": linked(nameless, note=b""),
        "other-crc": linked(nameless, crc=0, note=b""),
        "debug-of-32": linked(with_fields(bits=32)()),
        "debug-cut": linked(whole[:700]),
        "debug-empty": linked(b""),
        "debug-compressed": linked(with_fields(pack={2: compressed(), 3: compressed()})()),
        "debug-without-symbols": linked(with_fields(symbols=[])()),
        "link-of-a-path": linked(whole, name=b"../../etc/shadow"),
        "link-without-end": linked(whole, name=b"x" * 300),
    }
    write(directory, pairs)


def write_packed(directory):
    """The seed corpus of mini_debug_fuzz."""
    whole = with_fields()()
    packed = {
        "well-formed": lambda: lzma.compress(whole),
        "of-32": lambda: lzma.compress(with_fields(bits=32)()),
        "of-nothing": lambda: lzma.compress(b""),
        "of-itself": lambda: lzma.compress(lzma.compress(whole)),
        "cut": lambda: lzma.compress(whole)[:-20],
        "two-streams": lambda: lzma.compress(whole) + lzma.compress(whole),
        "five-megabytes": lambda: lzma.compress(bytes(5 << 20)),
        "large-dictionary": lambda: lzma.compress(
            whole, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29, "preset": 0}]),
        "with-a-branch-filter": lambda: lzma.compress(
            whole, filters=[{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 0}]),
        "without-check": lambda: lzma.compress(whole, check=lzma.CHECK_NONE),
        "lzma-alone": lambda: lzma.compress(whole, format=lzma.FORMAT_ALONE),
    }
    write(directory, packed)


def write(directory, makers):
    os.makedirs(directory, exist_ok=True)
    for name, make in makers.items():
        with open(os.path.join(directory, name), "wb") as out:
            out.write(make())


def main():
    directory = sys.argv[1]
    if "--pairs" in sys.argv or "--packed" in sys.argv:
        (write_pairs if "--pairs" in sys.argv else write_packed)(directory)
        return
    chosen = dict(SPECIMENS)
    if "--small" not in sys.argv:
        chosen.update(LARGE)
    write(directory, {name: make for name, (make, _) in chosen.items()})


if __name__ == "__main__":
    main()

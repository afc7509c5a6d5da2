"""A small reader, merger and writer of pprof profiles (the protobuf of google/pprof).

Input is foreign: every length and count is bounded before it is used, and whatever a profile says
wrongly ends in Malformed, never in another exception or in unbounded work. Ids are resolved while
reading, so a Profile holds values: two profiles merge by comparing them.
"""

import struct
import zlib
from typing import NamedTuple

PROFILE_BYTES_MAX = 256 << 20  # uncompressed
ENTRIES_MAX = 4_000_000        # of one kind in one profile
DEPTH_MAX = 4096               # frames of one sample


class Malformed(ValueError):
    """The input is not a profile that can be read; the text says why."""


# ---- protobuf, as much of it as pprof and the push API use -------------------------------------

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def read_varint(data, at, end):
    """Returns (value, position behind it)."""
    if at < end and data[at] < 0x80:
        return data[at], at + 1
    value = shift = 0
    while True:
        if at >= end or shift > 63:
            raise Malformed("varint runs past its message")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7


def fields(data):
    """Yields (number, wire type, value) of one message; the value is an int or bytes."""
    at, end = 0, len(data)
    while at < end:
        key = data[at]
        at += 1
        if key >= 0x80: # one byte is the rule, here and below
            key, at = read_varint(data, at - 1, end)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise Malformed("field number 0")
        if kind == VARINT:
            value, at = read_varint(data, at, end)
        elif kind == BYTES:
            length, at = read_varint(data, at, end)
            if length > end - at:
                raise Malformed("field runs past its message")
            value, at = data[at:at + length], at + length
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
            if length > end - at:
                raise Malformed("field runs past its message")
            value = int.from_bytes(data[at:at + length], "little")
            at += length
        else:
            raise Malformed(f"wire type {kind}")
        yield number, kind, value


def signed(value):
    return value - (1 << 64) if value >= 1 << 63 else value


def repeated_numbers(kind, value):
    """The numbers of one occurrence of a repeated varint field, packed or not."""
    if kind == VARINT:
        return [value]
    if kind != BYTES:
        raise Malformed("a repeated number has another wire type")
    numbers, at, end = [], 0, len(value)
    while at < end:
        number, at = read_varint(value, at, end)
        numbers.append(number)
    return numbers


_ONE_BYTE = [bytes([value]) for value in range(0x80)]


def put_varint(value):
    if 0 <= value < 0x80:
        return _ONE_BYTE[value]
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_number(number, value):
    return put_varint(number << 3 | VARINT) + put_varint(value) if value else b""


def put_bytes(number, data):
    return put_varint(number << 3 | BYTES) + put_varint(len(data)) + data


def put_numbers(number, values):
    return put_bytes(number, b"".join(map(put_varint, values))) if values else b""


# ---- the profile -------------------------------------------------------------------------------

class Mapping(NamedTuple):
    start: int
    limit: int
    offset: int
    filename: str
    build_id: str
    flags: tuple  # has_functions, has_filenames, has_line_numbers, has_inline_frames


class Function(NamedTuple):
    name: str
    system_name: str
    filename: str
    start_line: int


class Location(NamedTuple):
    mapping: object  # Mapping or None
    address: int
    lines: tuple     # of (Function, line), innermost first
    is_folded: bool


class Profile:
    """samples: {(locations leaf first, labels): [values]}."""

    def __init__(self):
        self.sample_types = []  # (type, unit)
        self.samples = {}
        self.period_type = ("", "")
        self.period = 0
        self.time_nanos = 0
        self.duration_nanos = 0
        self.comments = []
        self.n_strings = 0

    def total(self, index=0):
        return sum(values[index] for values in self.samples.values())


def gunzip(data, bytes_max=PROFILE_BYTES_MAX):
    """Returns @data uncompressed, or as it is when it is no gzip."""
    if bytes(data[:2]) != b"\x1f\x8b":
        if len(data) > bytes_max:
            raise Malformed("longer than the limit")
        return bytes(data)
    inflater = zlib.decompressobj(wbits=31)
    try:
        plain = inflater.decompress(data, bytes_max + 1)
    except zlib.error as error:
        raise Malformed(f"gzip: {error}") from None
    if len(plain) > bytes_max:
        raise Malformed("uncompressed, longer than the limit")
    if not inflater.eof:
        raise Malformed("gzip: cut off")
    return plain


class _Raw:
    """The tables of a profile before their ids are resolved."""

    def __init__(self, data):
        self.strings, self.mappings, self.locations, self.functions = [], {}, {}, {}
        self.sample_types, self.samples, self.comments = [], [], []
        self.numbers = {9: 0, 10: 0, 12: 0}
        self.period_type = None
        for number, kind, value in fields(data):
            self._take(number, kind, value)
        if not self.strings or self.strings[0] != "":
            raise Malformed("string_table[0] is not empty")

    def _take(self, number, kind, value):
        table = {1: self.sample_types, 2: self.samples, 6: self.strings}.get(number)
        if kind == BYTES and table is not None:
            if len(table) >= ENTRIES_MAX:
                raise Malformed("too many entries")
            table.append(_text(value) if number == 6 else value)
        elif kind == BYTES and number in (3, 4, 5):
            self._take_entity({3: self.mappings, 4: self.locations, 5: self.functions}[number], value)
        elif kind == BYTES and number == 11:
            self.period_type = value
        elif number == 13:
            self.comments += repeated_numbers(kind, value)
        elif kind == VARINT and number in self.numbers:
            self.numbers[number] = signed(value)
        elif number <= 13 and number not in (7, 8):
            raise Malformed(f"field {number} has wire type {kind}")

    @staticmethod
    def _take_entity(table, value):
        identity = next((v for n, k, v in fields(value) if n == 1 and k == VARINT), 0)
        if identity == 0 or identity in table:
            raise Malformed("an id is 0 or repeated")
        if len(table) >= ENTRIES_MAX:
            raise Malformed("too many entries")
        table[identity] = value

    def string(self, index):
        if index >= len(self.strings):
            raise Malformed("string index out of range")
        return self.strings[index]

    def value_type(self, data):
        values = _scalars(data)
        return self.string(values.get(1, 0)), self.string(values.get(2, 0))


def _text(value):
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        raise Malformed("a string is not UTF-8") from None


def _scalars(data):
    return {number: value for number, kind, value in fields(data) if kind == VARINT}


def _look_up(table, identity, what):
    try:
        return table[identity]
    except KeyError:
        raise Malformed(f"no {what} has the id {identity}") from None


def _read_mappings(raw):
    mappings = {0: None}
    for identity, data in raw.mappings.items():
        v = _scalars(data)
        mappings[identity] = Mapping(v.get(2, 0), v.get(3, 0), v.get(4, 0), raw.string(v.get(5, 0)),
                                     raw.string(v.get(6, 0)),
                                     tuple(bool(v.get(n, 0)) for n in (7, 8, 9, 10)))
    return mappings


def _read_functions(raw):
    functions = {}
    for identity, data in raw.functions.items():
        v = _scalars(data)
        functions[identity] = Function(raw.string(v.get(2, 0)), raw.string(v.get(3, 0)),
                                       raw.string(v.get(4, 0)), signed(v.get(5, 0)))
    return functions


def _read_locations(raw, mappings, functions):
    locations = {}
    for identity, data in raw.locations.items():
        mapping = address = folded = 0
        lines = []
        for number, kind, value in fields(data):
            if number == 4 and kind == BYTES:
                line = _scalars(value)
                lines.append((_look_up(functions, line.get(1, 0), "function"),
                              signed(line.get(2, 0))))
            elif kind == VARINT:
                mapping = value if number == 2 else mapping
                address = value if number == 3 else address
                folded = value if number == 5 else folded
        locations[identity] = Location(_look_up(mappings, mapping, "mapping"), address,
                                       tuple(lines), bool(folded))
    return locations


def _read_label(raw, data):
    v = _scalars(data)
    return (raw.string(v.get(1, 0)), raw.string(v.get(2, 0)), signed(v.get(3, 0)),
            raw.string(v.get(4, 0)))


def _read_sample(raw, data, locations):
    ids, values, labels = [], [], []
    for number, kind, value in fields(data):
        if number == 1:
            ids += repeated_numbers(kind, value)
        elif number == 2:
            values += map(signed, repeated_numbers(kind, value))
        elif number == 3 and kind == BYTES:
            labels.append(_read_label(raw, value))
    if len(ids) > DEPTH_MAX:
        raise Malformed("a sample is too deep")
    if len(values) != len(raw.sample_types):
        raise Malformed("a sample has not one value a type")
    stack = tuple(_look_up(locations, identity, "location") for identity in ids)
    return (stack, tuple(sorted(labels))), values


def read(data):
    """Reads one profile, gzip'd or plain. Raises Malformed."""
    raw = _Raw(gunzip(data))
    locations = _read_locations(raw, _read_mappings(raw), _read_functions(raw))
    profile = Profile()
    profile.sample_types = [raw.value_type(data) for data in raw.sample_types]
    if raw.period_type is not None:
        profile.period_type = raw.value_type(raw.period_type)
    profile.time_nanos, profile.duration_nanos = raw.numbers[9], raw.numbers[10]
    profile.period = raw.numbers[12]
    profile.comments = [raw.string(index) for index in raw.comments]
    profile.n_strings = len(raw.strings)
    for data in raw.samples:
        key, values = _read_sample(raw, data, locations)
        _add(profile.samples, key, values)
    return profile


def _add(samples, key, values):
    present = samples.get(key)
    if present is None:
        samples[key] = list(values)
    else:
        for i, value in enumerate(values):
            present[i] += value


def merge(profiles):
    """Sums @profiles, which must agree in what they count. Time spans from the first to the last."""
    merged = Profile()
    end = 0
    for profile in profiles:
        if not merged.sample_types:
            merged.sample_types = list(profile.sample_types)
            merged.period_type, merged.period = profile.period_type, profile.period
            merged.time_nanos = profile.time_nanos
        if (profile.sample_types != merged.sample_types
                or profile.period_type != merged.period_type):
            raise Malformed("profiles of different types cannot be summed")
        merged.period = max(merged.period, profile.period)
        merged.time_nanos = min(merged.time_nanos, profile.time_nanos)
        end = max(end, profile.time_nanos + profile.duration_nanos)
        merged.comments += [c for c in profile.comments if c not in merged.comments]
        for key, values in profile.samples.items():
            _add(merged.samples, key, values)
    merged.duration_nanos = max(0, end - merged.time_nanos)
    return merged


class _Table(dict):
    """Hands out ids in order of first use, from @first on."""

    def __init__(self, first):
        super().__init__()
        self.first = first

    def __missing__(self, key):
        self[key] = identity = self.first + len(self)
        return identity


def write(profile):
    """Returns @profile as uncompressed protobuf."""
    strings, mappings, functions, locations = _Table(0), _Table(1), _Table(1), _Table(1)
    assert strings[""] == 0
    # pprof's tools take the first mapping for the main program: an order by first use keeps it.
    samples = [_put_sample(key, values, locations, strings)
               for key, values in profile.samples.items()]
    body = [put_bytes(1, put_number(1, strings[t]) + put_number(2, strings[u]))
            for t, u in profile.sample_types]
    body += [put_bytes(2, data) for data in samples]
    located = [put_bytes(4, _put_location(location, identity, mappings, functions))
               for location, identity in locations.items()]
    body += [put_bytes(3, _put_mapping(m, i, strings)) for m, i in mappings.items()]
    body += located
    body += [put_bytes(5, put_number(1, i) + put_number(2, strings[f.name])
                       + put_number(3, strings[f.system_name]) + put_number(4, strings[f.filename])
                       + put_number(5, f.start_line)) for f, i in functions.items()]
    tail = [put_number(9, profile.time_nanos), put_number(10, profile.duration_nanos),
            put_bytes(11, put_number(1, strings[profile.period_type[0]])
                      + put_number(2, strings[profile.period_type[1]])),
            put_number(12, profile.period),
            put_numbers(13, [strings[comment] for comment in profile.comments])]
    body += [put_bytes(6, text.encode()) for text in strings]
    return b"".join(body + tail)


def _put_sample(key, values, locations, strings):
    stack, labels = key
    out = put_numbers(1, [locations[location] for location in stack]) + put_numbers(2, values)
    for name, text, number, unit in labels:
        out += put_bytes(3, put_number(1, strings[name]) + put_number(2, strings[text])
                         + put_number(3, number) + put_number(4, strings[unit]))
    return out


def _put_location(location, identity, mappings, functions):
    out = put_number(1, identity)
    if location.mapping is not None:
        out += put_number(2, mappings[location.mapping])
    out += put_number(3, location.address)
    for function, line in location.lines:
        out += put_bytes(4, put_number(1, functions[function]) + put_number(2, line))
    return out + put_number(5, location.is_folded)


def _put_mapping(mapping, identity, strings):
    out = (put_number(1, identity) + put_number(2, mapping.start) + put_number(3, mapping.limit)
           + put_number(4, mapping.offset) + put_number(5, strings[mapping.filename])
           + put_number(6, strings[mapping.build_id]))
    for number, flag in zip((7, 8, 9, 10), mapping.flags):
        out += put_number(number, flag)
    return out


def write_gz(profile):
    """Returns @profile gzip'd, the same bytes for the same profile."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, 31)
    data = deflater.compress(write(profile)) + deflater.flush()
    return data[:4] + struct.pack("<I", 0) + data[8:]  # no time stamp


# ---- what a frame is ---------------------------------------------------------------------------

KERNEL_HALF = 1 << 63


def location_is_kernel(location):
    if location.address >= KERNEL_HALF:
        return True
    return location.mapping is not None and location.mapping.filename.startswith("[kernel")


def location_is_bare(location):
    """Not code: the frame of a process's name, at the root, or a mark."""
    return location.mapping is None and location.address == 0


def frame_names(location):
    """The names at a location, innermost first."""
    names = [function.name for function, _ in location.lines if function.name]
    if names:
        return names
    if location.mapping is not None and location.mapping.filename:
        return [location.mapping.filename.rsplit("/", 1)[-1] + f"+0x{location.address:x}"]
    return ["[unknown]"]

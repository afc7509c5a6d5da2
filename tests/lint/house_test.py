#!/usr/bin/env python3
"""Each rule of house.py finds what it is there for, and leaves in peace what is right."""

import unittest

import house

HEADERS = {"collector": {"pool.h", "windows.h"}, "symbolizer": {"worker.h"}, "shipper": {"spool.h"}}


class Layers(unittest.TestCase):
    def test_a_layer_knows_those_to_its_left(self):
        self.assertEqual(house.check_layers("common/link/link.c", '#include "wire/messages.h"\n'), [])

    def test_a_layer_may_not_know_one_to_its_right(self):
        self.assertTrue(house.check_layers("common/base/bytes.c", '#include "wire/messages.h"\n'))

    def test_common_knows_nobody(self):
        self.assertTrue(house.check_layers("common/wire/wire.c", '#include "shipper/spool/spool.h"\n'))


class Processes(unittest.TestCase):
    def test_a_process_uses_its_own_headers(self):
        text = '#include "pool.h"\n#include "sample.h"\n#include "base/bytes.h"\n'
        self.assertEqual(house.check_processes("collector/pool.c", text, HEADERS), [])

    def test_a_process_may_not_use_those_of_another(self):
        self.assertTrue(house.check_processes("shipper/endpoints/push.c", '#include "worker.h"\n', HEADERS))
        self.assertTrue(house.check_processes("common/link/link.c", '#include "spool/spool.h"\n', HEADERS))

    def test_only_the_collector_knows_the_programs(self):
        self.assertTrue(house.check_processes("symbolizer/main.c", '#include "sample.h"\n', HEADERS))


class ThirdParties(unittest.TestCase):
    def test_the_collector_reads_no_elf_and_no_http(self):
        for name in ("libelf.h", "elf.h", "curl/curl.h", "microhttpd.h", "protobuf-c/protobuf-c.h"):
            self.assertTrue(house.check_third_parties("collector/drain.c", f"#include <{name}>\n"), name)

    def test_the_symbolizer_knows_neither_libbpf_nor_curl(self):
        for name in ("bpf/libbpf.h", "curl/curl.h"):
            self.assertTrue(house.check_third_parties("symbolizer/main.c", f"#include <{name}>\n"), name)

    def test_no_header_of_ours_brings_a_library_along(self):
        self.assertTrue(house.check_third_parties("symbolizer/elf/elf_image.h", "#include <gelf.h>\n"))
        self.assertEqual(house.check_third_parties("symbolizer/elf/elf_image.c", "#include <gelf.h>\n"), [])

    def test_a_header_that_is_private_to_its_folder_may_but_stays_there(self):
        text = "#pragma once\n/*\n * Private to common/sandbox: tables.\n */\n#include <seccomp.h>\n"
        self.assertEqual(house.check_third_parties("common/sandbox/seccomp.h", text), [])
        private = {"sandbox/seccomp.h": "common/sandbox"}
        use = '#include "sandbox/seccomp.h"\n'
        self.assertEqual(house.check_private("common/sandbox/sandbox.c", use, private), [])
        self.assertTrue(house.check_private("collector/main.c", use, private))

    def test_a_foreign_type_in_a_header_is_found_but_not_in_a_comment(self):
        self.assertTrue(house.check_foreign_types("common/link/link.h", "void f(nng_msg *m);\n"))
        self.assertEqual(house.check_foreign_types("common/link/link.h", "/* an nng_msg */\n"), [])


class Lengths(unittest.TestCase):
    def function(self, n):
        return "static int f(void)\n{\n" + "\tx();\n" * (n - 2) + "}\n"

    def test_eighty_lines_are_allowed_and_one_more_is_not(self):
        self.assertEqual(house.check_lengths("shipper/a.c", self.function(80)), [])
        self.assertTrue(house.check_lengths("shipper/a.c", self.function(81)))

    def test_the_function_is_named(self):
        text = "int spool_open(const char *path,\n\t       int mode)\n{\n\treturn 0;\n}\n"
        self.assertEqual(list(house.function_lengths(text)), [("spool_open", 3)])

    def test_a_table_in_a_function_is_exempt(self):
        text = "void f(void)\n{\n" + "\t\t{\"name\", 1},\n" * 100 + "}\n"
        self.assertEqual(house.check_lengths("shipper/a.c", text), [])

    def test_a_table_is_no_function(self):
        self.assertEqual(list(house.function_lengths("static const int t[] =\n{\n\t1,\n};\n")), [])

    def test_files_and_headers_have_limits(self):
        self.assertTrue(house.check_lengths("shipper/a.c", "\n" * 601))
        self.assertTrue(house.check_lengths("shipper/a.h", "\n" * 151))
        self.assertEqual(house.check_lengths("common/wire/wire.h", "\n" * 300), [])


class Lines(unittest.TestCase):
    def test_a_tab_is_eight_columns(self):
        self.assertEqual(house.check_lines("a.c", "\ta " + "x" * 90 + "\n"), [])
        self.assertTrue(house.check_lines("a.c", "\ta " + "x" * 91 + "\n"))

    def test_a_single_word_may_be_as_long_as_it_is(self):
        self.assertEqual(house.check_lines("a.c", "\t" + "x" * 120 + "\n"), [])

    def test_a_note_needs_an_issue(self):
        self.assertTrue(house.check_lines("a.c", "/* TO" "DO: later */\n"))
        self.assertEqual(house.check_lines("a.c", "/* TO" "DO(#12): later */\n"), [])

    def test_blanks_at_the_end_are_found(self):
        self.assertTrue(house.check_lines("a.c", "int x; \n"))

    def test_the_standards_names_are_not_ours(self):
        self.assertTrue(house.check_reserved_names("a.c", "static int _count(void)\n{\n}\n"))
        self.assertEqual(house.check_reserved_names("a.c", "static int count_(int _x)\n{\n}\n"), [])

    def test_a_header_guards_itself(self):
        self.assertTrue(house.check_pragma("a.h", "/* nothing */\n"))
        licensed = "/* SPDX-License-Identifier: GPL-2.0-only */\n#pragma once\n"
        self.assertEqual(house.check_pragma("a.h", licensed), [])


class Life(unittest.TestCase):
    FILES = {"bpf/sampler.bpf.c": 'SEC("perf_event")\nint on_tick(struct x *ctx)\n{\n}\n',
             "collector/drain.c": "/* drain_gone() was here */\nint drain_flip(void)\n{\n}\n"}

    def life(self, text):
        return house.check_life(f"# T\n\n## The life of one sample\n\n{text}\n\n## Next\n`nope()`\n",
                                self.FILES.get)

    def test_what_exists_is_fine(self):
        self.assertEqual(self.life("1. `bpf/sampler.bpf.c` `on_tick()`\n2. `collector/drain.c`: "
                                   "`drain_flip()`"), [])

    def test_the_file_may_follow_the_function(self):
        self.assertEqual(self.life("`bpf/sampler.bpf.c` `on_tick()`, `drain_flip()` of "
                                   "`collector/drain.c`"), [])

    def test_a_function_that_only_a_comment_mentions_does_not_exist(self):
        self.assertTrue(self.life("`collector/drain.c` `drain_gone()`"))

    def test_a_file_that_is_gone_is_found(self):
        self.assertTrue(self.life("`collector/flip.c` `drain_flip()`"))

    def test_a_section_without_functions_says_nothing(self):
        self.assertTrue(self.life("It lives."))
        self.assertTrue(house.check_life("# T\n", self.FILES.get))


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""deploy/report: the table, the merged profile, and a page that no name can take over."""

import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser

import specimen
from specimen import pprof

REPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../deploy/report")


def run(profiles, extra=()):
    """Runs the report over @profiles (bytes); returns (exit code, output, directory's files)."""
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(f"{work}/store")
        for number, data in enumerate(profiles):
            with open(f"{work}/store/{number}.pb.gz", "wb") as file:
                file.write(data)
        done = subprocess.run([sys.executable, "-B", REPORT, "--store", f"{work}/store", "--out",
                               f"{work}/out", *extra], capture_output=True, text=True, check=False)
        files = {}
        for name in os.listdir(f"{work}/out") if os.path.isdir(f"{work}/out") else []:
            with open(f"{work}/out/{name}", "rb") as file:
                files[name] = file.read()
        return done.returncode, done.stdout + done.stderr, files


class Elements(HTMLParser):
    """What a browser would make elements of, and the data that the page carries."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.data, self.in_data = [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.in_data = tag == "script" and dict(attrs).get("id") == "data"

    def handle_endtag(self, tag):
        self.in_data = False

    def handle_data(self, data):
        if self.in_data:
            self.data += data


def rooted(comm, names, n, module="/usr/bin/tool"):
    where = specimen.mapping(module)
    frames = [specimen.location(name, where, 16 + i) for i, name in enumerate(names)]
    return [specimen.location(comm), *frames], n


class Table(unittest.TestCase):
    def test_processes_and_their_functions_are_ranked(self):
        p = specimen.profile([rooted("little", ["main", "idle"], 10),
                              rooted("big", ["main", "work"], 70), rooted("big", ["main", "rest"], 20)])
        code, text, _ = run([pprof.write_gz(p)])
        self.assertEqual(code, 0, text)
        self.assertRegex(text, r"(?s)big +90\.0% +work 70\.0%, rest 20\.0%.*little +10\.0% +idle 10\.0%")

    def test_profiles_are_summed(self):
        data = pprof.write_gz(specimen.profile([rooted("a", ["f"], 5)]))
        _, text, files = run([data, data])
        self.assertIn("10 samples", text)
        self.assertEqual(pprof.read(files["profile.pb.gz"]).total(), 10 * specimen.PERIOD_NS)

    def test_flat_stacks_are_counted_and_explained(self):
        p = specimen.profile([rooted("flat", ["f"], 30), rooted("deep", ["main", "g", "h"], 70)])
        _, text, _ = run([pprof.write_gz(p)])
        self.assertRegex(text, r"30 of 100 user stacks \(30%\) end within 2 frames")
        self.assertIn("frame pointers", text)
        self.assertIn("flat 30", text)

    def test_a_mark_is_neither_a_user_frame_nor_a_process(self):
        stack, n = rooted("cut", ["f"], 4)
        p = specimen.profile([([stack[0], specimen.location("[truncated]"), *stack[1:]], n)])
        _, text, _ = run([pprof.write_gz(p)])
        self.assertIn("1 process name", text)
        self.assertRegex(text, r"4 of 4 user stacks")

    def test_a_kernel_frame_is_marked(self):
        stack, n = rooted("dd", ["main"], 9)
        stack.append(specimen.location("vfs_read", specimen.KERNEL, 0xffffffff81000000))
        _, text, _ = run([pprof.write_gz(specimen.profile([(stack, n)]))])
        self.assertIn("[k] vfs_read 100.0%", text)

    def test_only_the_path_that_begins_a_name_is_cut(self):
        p = specimen.profile([rooted("go", ["example.com/shop/cart.Total"], 3),
                              rooted("node", ["JS:*total /srv/shop/cart.js:7:1"], 2)])
        _, text, _ = run([pprof.write_gz(p)])
        self.assertRegex(text, r"(?s)go +60\.0% +cart\.Total 60.*node +40\.0% +JS:\*total /srv/shop/cart\.js:7:1 40")

    def test_a_name_cannot_command_the_terminal(self):
        _, text, _ = run([pprof.write_gz(specimen.profile([rooted("\x1b[2Jevil\r", ["a\nb\u202e"], 1)]))])
        self.assertNotRegex(text, r"[\x1b\r\u202e]")
        self.assertIn("\\x1b[2Jevil", text)

    def test_a_malformed_profile_is_named_and_left_out(self):
        code, text, _ = run([pprof.write_gz(specimen.profile([rooted("a", ["f"], 5)])), b"\x1f\x8bnot"])
        self.assertEqual(code, 0)
        self.assertIn("1.pb.gz", text)

    def test_an_empty_store_fails_and_says_so(self):
        code, text, files = run([])
        self.assertEqual((code, files), (1, {}))
        self.assertIn("no samples", text)


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        _, cls.text, files = run([pprof.write_gz(specimen.host(80))])
        cls.page = files["flamegraph.html"].decode()
        cls.elements = Elements(cls.page)

    def test_a_hostile_name_is_inert(self):
        self.assertIn("</script>", "".join(json.loads(self.elements.data)["names"]))
        self.assertNotIn("img", [tag for tag, _ in self.elements.tags])
        self.assertEqual(self.page.count("</script>"), 2)

    def test_only_its_own_script_may_run(self):
        policy = [a["content"] for tag, a in self.elements.tags
                  if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"][0]
        self.assertIn("default-src 'none'", policy)
        self.assertRegex(policy, r"script-src 'sha256-[A-Za-z0-9+/=]+'")

    def test_nothing_comes_from_a_network(self):
        for tag, attrs in self.elements.tags:
            self.assertFalse({"src", "href"} & set(attrs), (tag, attrs))
        self.assertNotRegex(self.page, r"url\(|@import|fetch\(|XMLHttpRequest")

    def test_the_data_is_the_profile(self):
        data = json.loads(self.elements.data)
        own = data["nodes"][3::5]
        self.assertEqual(sum(own), specimen.host(80).total())
        self.assertEqual(data["nodes"][4], len(specimen.PROCESSES))

    def test_every_mark_of_the_template_is_filled_in(self):
        self.assertIsNone(re.search(r"@[A-Z_]{3,}@", self.page))


class Pruning(unittest.TestCase):
    def test_a_huge_tree_is_cut_at_its_smallest_and_keeps_its_sum(self):
        loader = importlib.machinery.SourceFileLoader("report", REPORT)
        report = importlib.util.module_from_spec(importlib.util.spec_from_loader("report", loader))
        loader.exec_module(report)
        root = report.Node(("all", "", report.ALL))
        for i in range(150_000):
            child = root.children[i] = report.Node((f"f{i}", "", report.PROGRAM))
            child.own = child.total = 1 + (i % 3 == 0)
            root.total += child.total
        least, n_pruned = report.prune(root)
        _, _, nodes = report.flatten(root, least)
        self.assertLessEqual(len(nodes) // 5, report.NODES_MAX)
        self.assertEqual(len(nodes) // 5 + n_pruned, 150_001)
        self.assertEqual(sum(nodes[3::5]), root.total)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""The flame graph in a real browser: what people see, reach with keys, and wait for.

usage: flamegraph_test.py CHROMIUM [--shots DIR]
"""

import os
import subprocess
import sys
import tempfile
import unittest

import specimen
from browser import Browser
from specimen import pprof

REPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../deploy/report")
CHROMIUM = "/usr/bin/chromium"
SHOTS = None
FRAMES_MIN = 10_000
PAINT_MS_MAX = 100 # without a graphics card, beside other tests; a few milliseconds alone


def make_page(directory, profile):
    os.makedirs(f"{directory}/store", exist_ok=True)
    with open(f"{directory}/store/a.pb.gz", "wb") as file:
        file.write(pprof.write_gz(profile))
    subprocess.run([sys.executable, "-B", REPORT, "--store", f"{directory}/store", "--out", directory,
                    "--seconds", "15"], check=True, stdout=subprocess.DEVNULL)
    return f"file://{directory}/flamegraph.html"


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.url = make_page(cls.directory, specimen.host(400))
        cls.page = cls.enterClassContext(Browser(CHROMIUM))

    def setUp(self):
        self.page.open(self.url)
        self.page.settle(50)

    def tearDown(self):
        self.assertEqual(self.page.complaints(), [])

    def text(self, element):
        return self.page.run(f"document.getElementById('{element}').textContent")

    def shot(self, name):
        if SHOTS:
            self.page.screenshot(f"{SHOTS}/{name}.png")

    def test_it_opens_from_a_file_and_says_what_it_shows(self):
        self.assertRegex(self.text("headline"), r"18\.4\s*s of CPU time in 15\s*s · 1\s*785 samples · 7 process")
        self.assertGreater(self.page.run("document.getElementById('functions').children.length"), 20)
        self.assertRegex(self.text("flat"), "user stacks end within two frames")
        self.shot("opened")

    def test_a_hostile_name_stays_text(self):
        self.page.run("document.getElementById('query').value = 'img src'")
        self.page.run("document.getElementById('query').dispatchEvent(new Event('input'))")
        self.assertRegex(self.text("matches"), "1 frame")
        self.assertNotEqual(self.page.run("document.title"), "owned")
        self.assertEqual(self.page.run("document.images.length"), 0)

    def test_search_says_its_share_and_a_bad_expression_is_said(self):
        self.page.key("/")
        self.page.settle(20)
        self.assertEqual(self.page.run("document.activeElement.id"), "query")
        for letter in "ksys_read":
            self.page.key(letter)
        self.assertRegex(self.text("matches"), r"^\d+\.\d\s%.of all, \d+ frames")
        self.shot("searched")
        self.page.key("Escape")
        self.assertEqual(self.text("matches"), "")
        self.page.run("document.getElementById('query').value = '/(/'")
        self.page.run("document.getElementById('query').dispatchEvent(new Event('input'))")
        self.assertRegex(self.text("matches"), "not a regular expression")

    def test_enter_in_the_search_goes_to_the_widest_match(self):
        self.page.run("document.getElementById('query').focus()")
        for letter in "/^main$/":
            self.page.key(letter)
        self.page.key("Enter")
        self.page.settle()
        self.assertEqual(self.page.run("document.activeElement.id"), "graph")
        self.assertRegex(self.text("said"), r"^main, program\. ")

    def test_keys_walk_zoom_and_leave(self):
        self.page.run("document.getElementById('graph').focus()")
        self.assertRegex(self.text("said"), r"^all, everything\. ")
        self.page.key("ArrowDown")
        self.assertRegex(self.text("said"), r"^postgres, process\. 58\d samples, .* 32\.\d\s% of all")
        self.page.key("ArrowRight")
        self.assertRegex(self.text("said"), r"^envoy, process")
        self.page.key("Enter")
        self.page.settle()
        self.assertRegex(self.text("zoomed-text"), r"^envoy · ")
        self.page.key("ArrowDown")
        self.assertRegex(self.text("said"), r"100\.0\s% of the zoomed frame")
        self.shot("walked")
        self.page.key("Escape")
        self.page.settle()
        self.assertEqual(self.text("zoomed-text"), "")

    def test_hover_shows_counts_and_percent_and_a_click_zooms(self):
        box = self.page.run("(({x, y}) => [x, y])(document.getElementById('canvas').getBoundingClientRect())")
        x, y = box[0] + 60, box[1] + 30
        self.page.mouse("mouseMoved", x, y)
        tip = self.page.run("document.getElementById('tip').innerText")
        self.assertRegex(tip, r"(?s)postgres.*process.*total\s+58\d\s×\s+\d\.\d+\ss\s+32\.\d\s%.*itself")
        self.shot("hovered")
        self.page.click(x, y)
        self.page.settle()
        self.assertRegex(self.text("zoomed-text"), "^postgres")
        self.page.click(x, y)
        self.page.settle()
        self.assertEqual(self.text("zoomed-text"), "")

    def test_callers_hold_the_same_samples(self):
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("c")
        self.page.settle()
        self.page.key("ArrowDown")
        self.assertRegex(self.text("said"), r"^copy_page_to_iter, kernel\. ")
        self.shot("callers")

    def test_a_row_of_the_table_marks_its_function(self):
        self.page.run("document.querySelector('#functions button').click()")
        self.assertRegex(self.text("matches"), r"\d+\.\d\s% of all")
        self.assertEqual(self.page.run("document.querySelectorAll('#functions tr.chosen').length"), 1)

    def test_every_control_has_a_name_and_can_be_reached(self):
        nameless = self.page.run("""[...document.querySelectorAll('button, input, [tabindex="0"]')]
            .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim())).length""")
        self.assertEqual(nameless, 0)

    def test_it_is_usable_when_flipped_and_narrow(self):
        self.page.run("document.getElementById('flip').click()")
        self.page.settle(50)
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("ArrowUp")
        self.assertRegex(self.text("said"), "^postgres")
        self.shot("flipped")


class Big(unittest.TestCase):
    def test_ten_thousand_frames_are_painted_at_once(self):
        with tempfile.TemporaryDirectory() as directory, Browser(CHROMIUM, dark=True) as page:
            page.open(make_page(directory, specimen.host(600, deepest=40)))
            page.settle(100)
            n = page.run("JSON.parse(document.getElementById('data').textContent).nodes.length / 5")
            ready = float(page.run("document.documentElement.dataset.readyMs"))
            paints = []
            page.run("document.getElementById('graph').focus()")
            for key in ("ArrowDown", "Enter", "ArrowDown", "ArrowDown", "Enter", "Escape", "Escape", "f", "c"):
                page.key(key)
                page.settle(200)
                paints.append(float(page.run("document.documentElement.dataset.paintMs")))
            drawn = page.run("document.documentElement.dataset.frames")
            print(f"{n} frames, {drawn} drawn; page ready after {ready:.0f} ms, a paint takes "
                  f"{sorted(paints)[len(paints) // 2]:.1f} ms, at most {max(paints):.1f} ms")
            if SHOTS:
                page.screenshot(f"{SHOTS}/big.png")
            self.assertGreaterEqual(n, FRAMES_MIN)
            self.assertLess(sorted(paints)[len(paints) // 2], PAINT_MS_MAX)
            self.assertEqual(page.complaints(), [])


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        CHROMIUM = sys.argv.pop(1)
    if "--shots" in sys.argv:
        at = sys.argv.index("--shots")
        SHOTS = sys.argv[at + 1]
        del sys.argv[at:at + 2]
    unittest.main()

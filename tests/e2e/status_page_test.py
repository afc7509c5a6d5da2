#!/usr/bin/env python3
"""The status page as a browser on a phone shows it: all sections, nothing wider than the screen, no
script; what others chose stays text."""

import html.parser
import re
import shutil
import subprocess
import sys

import harness
from harness import check

CONFIGURATION = """
discovery.docker "gone" {
  host = "unix:///nonexistent/docker.sock"
}
pyroscope.write "store" {
  endpoint { url = "@STORE@" }
}
pyroscope.ebpf "test" {
  forward_to = [pyroscope.write.store.receiver]
  targets    = array.concat(discovery.docker.gone.targets, [
    {"__process_pid__" = "1", "service_name" = "<script>alert(1)</script>&\\"quoted\\""},
  ])
  default_target   = {"service_name" = "everything"}
  collect_interval = "500ms"
}
"""
PHONE_WIDTH = 390
# Chromium's own answer to how wide the page is: the title is what the dumped page carries.
MEASURE = ("<script>document.title = document.documentElement.scrollWidth + ' of ' + "
           "document.documentElement.clientWidth</script>")


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.words.append(data)


def check_text(text):
    page = Page(text)
    words = " ".join(page.words)
    check("script" not in page.tags, "the page has a script")
    for wanted in ("Samples flow", "discovery.docker.gone", "unhealthy", "pyroscope.ebpf.test",
                   "everything", '<script>alert(1)</script>&"quoted"', "balances", "collector",
                   "2 connected"):
        check(wanted in words, f"{wanted!r} is not on the page: {words}")
    check("does not balance" not in words, words)


def check_width(triptych, text):
    """No line of it is wider than a phone. Measured by a copy with a script of ours."""
    browser = shutil.which("chromium")
    if not browser:
        print("no chromium: the width was not looked at")
        return
    copy = triptych.path("page.html")
    with open(copy, "w", encoding="utf-8") as file:
        file.write(text.replace("</body>", MEASURE + "</body>"))
    dumped = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--force-device-scale-factor=1",
         f"--user-data-dir={triptych.path('chromium')}", f"--window-size={PHONE_WIDTH},844",
         "--dump-dom", "file://" + copy], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, timeout=120, check=False).stdout
    found = re.search(r"<title>(\d+) of (\d+)</title>", dumped)
    check(found, f"the browser does not say how wide the page is: {dumped[:300]}")
    check(int(found[1]) <= int(found[2]), f"the page is {found[0]} pixels wide")


def main():
    with harness.Triptych("", configuration=CONFIGURATION) as triptych:
        harness.wait_for(lambda: triptych.metrics()["triptych_samples_spooled_total"] > 0, 30,
                         "samples")
        harness.wait_for(lambda: "unhealthy" in triptych.get("/"), 20, "an ill component")
        text = triptych.get("/")
        check_text(text)
        check_width(triptych, text)
        if len(sys.argv) > 1:  # for people: a picture
            with open(sys.argv[1], "w", encoding="utf-8") as file:
                file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

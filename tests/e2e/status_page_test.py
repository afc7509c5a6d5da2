#!/usr/bin/env python3
"""The status page as a browser on a phone shows it: all sections, nothing wider than the screen, no
script; what others chose stays text. What it says of processes is what the kernel says of them, and
what stands on it stands in /debug/information, too."""

import html
import html.parser
import json
import re
import shutil
import subprocess
import sys

import harness
import workloads
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
    {"__process_pid__" = "@PID@", "service_name" = "split"},
  ])
  default_target   = {"service_name" = "everything"}
  collect_interval = "500ms"
}
"""
PHONE_WIDTH = 390
# Chromium's own answer to how wide the page is: the title is what the dumped page carries. No window
# of it is as narrow as a phone: a frame is.
FRAME = ("<iframe id=phone style='width: %dpx; height: 844px; border: 0' srcdoc=\"%s\"></iframe>"
         "<script>onload = () => { const page = document.getElementById('phone').contentDocument"
         ".documentElement; document.title = page.scrollWidth + ' of ' + page.clientWidth }</script>")


STATUS_LINES = ("Uid", "CapPrm", "CapEff", "Seccomp", "NoNewPrivs")


class Page(html.parser.HTMLParser):
    """Tags, text, and the cells of tables by their columns."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.rows, self.cell = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append({})
        if tag == "td":
            self.cell = dict(attrs)["data-of"]
            self.rows[-1][self.cell] = ""

    def handle_endtag(self, tag):
        if tag == "td":
            self.cell = None

    def handle_data(self, data):
        self.words.append(data)
        if self.cell is not None:
            self.rows[-1][self.cell] += data


def check_text(text):
    page = Page(text)
    words = " ".join(page.words)
    check("script" not in page.tags, "the page has a script")
    for wanted in ("Samples flow", "discovery.docker.gone", "unhealthy", "pyroscope.ebpf.test",
                   "everything", '<script>alert(1)</script>&"quoted"', "balances", "collector",
                   "2 connected", "last profile", "split_half"):
        check(wanted in words, f"{wanted!r} is not on the page: {words}")
    check("does not balance" not in words, words)
    check("__forward_to__" not in words and "__block__" not in words, "labels of our own")
    return page


def status_of(pid):
    """What the kernel says of a process, as the page has it."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return {name: lines[name].split("\t")[0] for name in STATUS_LINES}


def check_processes(triptych, page):
    """All processes of all services, with the authority that they have."""
    rows = {int(row["pid"]): row for row in page.rows if "CapEff" in row}
    services = {process.pid: name.split("-")[0] for name, process in triptych.processes.items()}
    collector = triptych.processes["collector"].pid
    with open(f"/proc/{collector}/task/{collector}/children", encoding="utf-8") as file:
        services.update({int(pid): "collector: opener" for pid in file.read().split()})
    check(len(services) == 8, services)
    check(set(rows) == set(services), f"{set(rows)} on the page, {services} are there")
    for pid, row in rows.items():
        said = {"Uid": row["uid"], "CapPrm": row["CapPrm"].split()[-1],
                "CapEff": row["CapEff"].split()[-1], "Seccomp": row["Seccomp"].split()[0],
                "NoNewPrivs": row["NoNewPrivs"]}
        check(row["process"] == services[pid], row)
        check(said == status_of(pid), f"{row}, the kernel says {status_of(pid)}")


def check_books(page):
    """The equations add up, number by number."""
    equations = [row["equation"] for row in page.rows if "equation" in row]
    check(len(equations) == 3, equations)
    for equation in equations:
        left, right = ([int(number.replace("\u202f", "")) for number in
                        re.findall(r"[0-9\u202f]+", side)] for side in equation.split("="))
        check(sum(left) == sum(right), equation)


def check_debug(triptych, pid):
    """The seed's debug information under its names, and who is whose target."""
    debug = json.loads(triptych.get("/debug/information"))
    tables = debug["elf_cache"]["build_id_cache"]
    check(tables["lru_size"] >= len(tables["lru_dump"]) > 0, tables)
    split = [row for row in tables["lru_dump"] if row["file"].endswith("/split")]
    check(split and all(row["symbol_count"] > 3 and 0 < row["last_used_round"] and row["name"]
                        for row in split), tables)
    check("same_file_cache" in debug["elf_cache"], debug["elf_cache"])
    process = next((row for row in debug["pid_cache"]["lru_dump"] if row["pid"] == pid), None)
    check(process and process["comm"] == "split", debug["pid_cache"])
    check(any(elf["symbol_count"] > 3 and name.endswith("/split")
              for name, elf in process["elfs"].items()), process)
    target = {"__name__": "process_cpu", "__process_pid__": str(pid), "service_name": "split"}
    check(target in debug["targets"], debug["targets"])
    check(len(debug["symbolizers"]) == 2 and len(debug["collector"]["processes"]) == 5, debug)
    of_job = json.loads(triptych.get("/debug/information/pyroscope.ebpf.test"))
    check(of_job["targets"] == debug["targets"], of_job["targets"])
    check(of_job["session"]["elf_cache"]["build_id_cache"]["lru_size"] > 0, of_job["session"])
    check(any(row["pid"] == pid and row["target"] == target
              for row in of_job["pid_targets"]["processes"]), of_job["pid_targets"])
    component = json.loads(triptych.get("/api/v0/web/components/pyroscope.ebpf.test"))
    check(component["debugInfo"]["targets"] == of_job["targets"], component["debugInfo"])


def check_width(triptych, text):
    """No line of it is wider than a phone. Measured by a copy in a frame, with a script of ours."""
    browser = shutil.which("chromium")
    if not browser:
        print("no chromium: the width was not looked at")
        return
    copy = triptych.path("page.html")
    with open(copy, "w", encoding="utf-8") as file:
        file.write(FRAME % (PHONE_WIDTH, html.escape(text)))
    dumped = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--force-device-scale-factor=1",
         "--hide-scrollbars", f"--user-data-dir={triptych.path('chromium')}", "--dump-dom",
         "file://" + copy], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, timeout=120, check=False).stdout
    found = re.search(r"<title>(\d+) of (\d+)</title>", dumped)
    check(found, f"the browser does not say how wide the page is: {dumped[:300]}")
    check(int(found[2]) == PHONE_WIDTH and int(found[1]) <= PHONE_WIDTH,
          f"the page is {found[1]} pixels wide, of {found[2]}")


def is_complete(text):
    """Everybody has reported, also of what is profiled."""
    return all(word in text for word in ("unhealthy", "split_half", "collector: opener")) and \
        text.count("<summary>Tables") == 2


def check_all(triptych, pid):
    harness.wait_for(lambda: is_complete(triptych.get("/")), 40, "a page with everything", 0.5)
    text = triptych.get("/")
    page = check_text(text)
    check_processes(triptych, page)
    check_books(page)
    check_debug(triptych, pid)
    check_width(triptych, text)
    if len(sys.argv) > 1:  # for people: a picture
        with open(sys.argv[1], "w", encoding="utf-8") as file:
            file.write(text)


def main():
    with harness.scratch() as directory:
        workload = harness.spawn([workloads.build_c(directory, "split.c"), "100"],
                                 stdout=subprocess.DEVNULL)
        configuration = CONFIGURATION.replace("@PID@", str(workload.pid))
        with harness.Triptych("", configuration=configuration) as triptych:
            check_all(triptych, workload.pid)
        workload.kill()
        harness.reap(workload, 10)
    return 0


if __name__ == "__main__":
    sys.exit(main())

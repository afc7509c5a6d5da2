#!/usr/bin/env python3
"""discovery.docker, and an engine that does what no real one does when it is asked to."""

import json
import os
import time

import discovery_case
import docker_double as doubles
from discovery_case import wait_for
from docker_double import Double, container

LABEL_BYTES = 10 << 20

TEXT = """
discovery.docker "d" {
  host             = "unix://%(socket)s"
  refresh_interval = "%(interval)s"
  %(more)s
}
"""


class DockerCase(discovery_case.DiscoveryCase):
    def double(self):
        double = Double(self.path("docker.sock"))
        os.chmod(self.path("docker.sock"), 0o777)
        self.addCleanup(double.stop)
        return double

    def start(self, interval="1h", more=""):
        self.start_with("discovery.docker.d.targets", TEXT % {"socket": self.path("docker.sock"),
                                                      "interval": interval, "more": more})


class Events(DockerCase):
    def test_a_change_is_seen_within_a_second_although_the_interval_is_an_hour(self):
        double = self.double()
        double.containers = [container(1, "/one")]
        self.start()
        self.wait_for_targets(1)
        for n in (2, 3, 0, 1):
            double.containers = [container(i, f"/c{i}") for i in range(n)]
            began = time.monotonic()
            double.happen()
            self.wait_for_targets(n)
            self.assertLess(time.monotonic() - began, 1)

    def test_what_changed_while_the_lists_were_on_their_way_is_asked_for_again(self):
        double = self.double()
        double.containers = [container(1, "/one")]

        def late(handler):  # the second comes after the list was made, before it arrives
            handler.server.behave()
            double.containers = [container(1, "/one"), container(2, "/two")]
            double.happen()
            time.sleep(0.3)
            handler.reply(200, json.dumps([container(1, "/one")]).encode())

        self.start()
        self.wait_for_targets(1)
        double.misbehave("/containers/json", late)
        double.happen()
        self.wait_for_targets(2)

    def test_a_broken_stream_is_opened_again_and_what_was_missed_is_seen(self):
        double = self.double()
        self.start()
        wait_for(lambda: double.streams, "a stream")
        for n in (1, 2):
            double.containers = [container(i, f"/c{i}") for i in range(n)]
            double.break_streams()  # nobody says that something happened
            self.wait_for_targets(n)
            wait_for(lambda: double.streams, "a stream")
        self.assertNotIn("source-failing", self.log_text())

    def test_an_engine_that_starts_again_with_another_version_is_asked_in_it(self):
        double = self.double()
        self.start()
        wait_for(lambda: double.streams and double.count("/networks"), "a round")
        double.version, double.containers = "1.41", [container(1, "/one")]
        double.break_streams()
        self.wait_for_targets(1)
        lists = [request for request in double.requests if request[2] == "/containers/json"]
        self.assertEqual(lists[-1][1], "1.41")

    def test_where_events_are_denied_the_interval_brings_changes_and_the_log_says_so(self):
        double = self.double()
        double.misbehave("/events", doubles.status(403, "not for you"))
        self.start(interval="500ms")
        self.wait_for_targets(0)
        self.wait_for_log("event=docker-events-missing")
        double.containers = [container(1, "/one")]
        self.wait_for_targets(1)
        self.assertNotIn("source-failing", self.log_text())

    def test_a_flood_of_events_is_no_flood_of_questions(self):
        double = self.double()
        self.start()
        wait_for(lambda: double.streams, "a stream")
        before, end = double.count("/containers/json"), time.monotonic() + 3
        while time.monotonic() < end:
            double.happen(b"\x00garbage\xff" * 100)
            time.sleep(0.002)
        self.assertLess(double.count("/containers/json") - before, 20)
        double.containers = [container(1, "/one")]
        double.happen()
        self.wait_for_targets(1)


class Accidents(DockerCase):
    """Each time: one target is there, the engine misbehaves, the target stays; then all is well."""

    def check_stays(self, path, how, message, interval="1h"):
        double = self.double()
        double.containers = [container(1, "/one")]
        self.start(interval)
        self.wait_for_targets(1)
        double.misbehave(path, how)
        double.happen()
        self.wait_for_log(message)
        self.assertIn("event=source-failing component=discovery.docker.d", self.log_text())
        time.sleep(0.3)
        self.assertEqual(self.settings[-1], 1)
        double.containers = [container(1, "/one"), container(2, "/two")]
        double.behave()
        self.wait_for_targets(2, 20)
        self.assertIn("event=source-recovered", self.log_text())

    def test_an_error_of_the_engine(self):
        self.check_stays("/containers/json", doubles.status(500, "disk \x1b[31m full"),
                         r'answers 500 for /containers/json: \"disk \\x1b[31m full\"')
        self.assertNotIn("\x1b", self.log_text())

    def test_an_error_for_networks(self):
        self.check_stays("/networks", doubles.status(503), 'answers 503 for /networks: \\"told to\\"')

    def test_half_a_json(self):
        self.check_stays("/containers/json", doubles.half(json.dumps([container(1, "/a")]).encode()),
                         "cannot be asked for /containers/json")

    def test_half_a_json_that_claims_to_be_whole(self):
        self.check_stays("/containers/json",
                         doubles.body(json.dumps([container(1, "/a")]).encode()[:100]),
                         "the list of containers is not usable: it is no JSON")

    def test_a_page_instead_of_json(self):
        self.check_stays("/networks", doubles.body(b"<html>hello</html>"),
                         "the list of networks is not usable: it is no JSON")

    def test_a_lie_about_a_type(self):
        self.check_stays("/containers/json", doubles.body(b'[{"Id":7}]'),
                         "Id is a number, expected a string")

    def test_one_container_that_is_wrong_among_others(self):
        wrong = dict(container(2, "/two"), Ports=[{"PrivatePort": 70000, "Type": "tcp"}])
        self.check_stays("/containers/json",
                         doubles.body(json.dumps([container(1, "/one"), wrong]).encode()),
                         "PrivatePort is 70000, expected 0 ... 65535")

    def test_a_tower_of_brackets(self):
        self.check_stays("/containers/json", doubles.body(b"[" * 1000000),
                         "it is too long or too deep")

    def test_an_answer_that_does_not_end(self):
        self.check_stays("/containers/json", doubles.body(b" " * (33 << 20)),
                         "cannot be asked for /containers/json")

    def test_an_answer_that_does_not_come(self):
        self.check_stays("/containers/json", doubles.silent,
                         "cannot be asked for /containers/json", "5s")

    def test_a_label_of_10_megabytes_costs_nobody_a_target(self):
        double = self.double()
        double.containers = [container(1, "/one")]
        self.start()
        self.wait_for_targets(1)
        double.containers += [container(2, "/two", {"big": "x" * LABEL_BYTES, "small": "y"})]
        double.happen()
        self.wait_for_targets(2)
        self.wait_for_log("event=docker-labels-left-out component=discovery.docker.d n=1")

    def test_an_engine_that_is_not_there_yet(self):
        self.start()
        self.wait_for_log("event=source-failing component=discovery.docker.d")
        double = self.double()
        double.containers = [container(1, "/one")]
        self.wait_for_targets(1, 20)
        self.assertIn("event=source-recovered", self.log_text())


class Questions(DockerCase):
    def versions_asked(self, version, ping=None):
        double = self.double()
        double.version = version
        if ping:
            double.misbehave("/_ping", ping)
        double.containers = [container(1, "/one")]
        self.start()
        self.wait_for_targets(1)
        wait_for(lambda: double.count("/events"), "the question for events")
        pings = [method for method, _, path, _, _ in double.requests if path == "/_ping"]
        asked = {(path, version) for _, version, path, _, _ in double.requests if path != "/_ping"}
        self.assertEqual({path for path, _ in asked}, {"/containers/json", "/networks", "/events"})
        return pings, {version for _, version in asked}

    def test_a_newer_engine_is_asked_in_our_version(self):
        self.assertEqual(self.versions_asked("1.52"), (["HEAD"], {"1.47"}))

    def test_an_older_engine_is_asked_in_its_own(self):
        self.assertEqual(self.versions_asked("1.41"), (["HEAD"], {"1.41"}))

    def test_an_engine_without_a_version_is_a_very_old_one(self):
        self.assertEqual(self.versions_asked(None), (["HEAD", "GET"], {"1.24"}))

    def test_a_version_that_is_none_is_not_put_into_a_path(self):
        self.assertEqual(self.versions_asked("1.4/../../x"), (["HEAD", "GET"], {"1.24"}))

    def test_who_does_not_answer_head_is_asked_by_get(self):
        def ping(handler):
            if handler.command == "HEAD":
                handler.reply(405, b"")
            else:
                handler.reply(200, b"OK", [("API-Version", "1.43")])
        self.assertEqual(self.versions_asked("", ping), (["HEAD", "GET"], {"1.43"}))

    def test_who_must_not_be_pinged_is_asked_in_our_version(self):
        self.assertEqual(self.versions_asked("1.41", doubles.status(403)),
                         (["HEAD", "GET"], {"1.47"}))

    def test_filters_reach_the_list_of_containers_and_nothing_else(self):
        double = self.double()
        self.start(more='filter {\n name = "label"\n values = ["a=ü b", "c"]\n}\n'
                        'filter {\n name = "label"\n values = ["d"]\n}\n'
                        'filter {\n name = "status"\n values = ["running"]\n}')
        wait_for(lambda: double.count("/networks") and double.count("/events"), "a round")
        queries = {path: query for _, _, path, query, _ in double.requests}
        self.assertEqual(json.loads(queries["/containers/json"]["filters"][0]),
                         {"label": {"a=ü b": True, "c": True, "d": True},
                          "status": {"running": True}})
        self.assertEqual(queries["/networks"], {})
        self.assertIn("start", json.loads(queries["/events"]["filters"][0])["event"])
        self.assertLess(abs(int(queries["/events"]["since"][0]) - time.time()), 10)

    def test_the_interval_is_kept_and_nothing_is_asked_between(self):
        double = self.double()
        self.start(interval="1s")
        wait_for(lambda: double.count("/networks") >= 4, "four rounds")
        times = [at for _, _, path, _, at in double.requests if path == "/containers/json"][1:4]
        for before, after in zip(times, times[1:]):
            self.assertAlmostEqual(after - before, 1, delta=0.5)


if __name__ == "__main__":
    discovery_case.main()

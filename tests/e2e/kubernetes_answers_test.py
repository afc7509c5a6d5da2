#!/usr/bin/env python3
"""discovery.kubernetes, and an API that does what no real one does when it is asked to."""

import discovery_case
from discovery_case import wait_for
from kubernetes_double import Double, pod

TEXT = """
discovery.kubernetes "k" {
  role = "pod"
  %(arguments)s
}
"""


class KubernetesCase(discovery_case.DiscoveryCase):
    def double(self, **options):
        double = Double(**options)
        self.addCleanup(double.stop)
        return double

    def start(self, double, more=""):
        self.start_text(f'api_server = "{double.url}"\n{more}')

    def start_text(self, arguments, **options):
        self.start_with("discovery.kubernetes.k", TEXT % {"arguments": arguments}, **options)


class Changes(KubernetesCase):
    def test_a_change_is_seen_at_once(self):
        double = self.double()
        double.put(pod("one"))
        self.start(double)
        self.wait_for_targets(1)
        wait_for(lambda: double.streams, "a stream")
        double.put(pod("two"))
        self.wait_for_targets(2, 1)
        double.delete("default", "one")
        self.wait_for_targets(1, 1)
        double.put(pod("two", ip=""))
        self.wait_for_targets(0, 1)


if __name__ == "__main__":
    discovery_case.main()

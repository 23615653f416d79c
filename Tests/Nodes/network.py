"""Network namespaces of one test's own: a database host with a bridge, and nodes with a cable each. Needs root.

No packet leaves them: there is no route, no address translation and no cable to the host's own network.
"""

import os
import subprocess

PREFIX = "10.77.0"


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Network:
    def __init__(self, nodes):
        self.database = f"absurd-{os.getpid()}-db"
        self.nodes = {name: f"absurd-{os.getpid()}-{name}" for name in nodes}
        self.address = f"{PREFIX}.1"
        self.made = []

    def make(self):
        for name in [self.database, *self.nodes.values()]:
            ip("netns", "add", name)
            self.made.append(name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", self.database, "link", "add", "bridge", "type", "bridge")
        ip("-n", self.database, "addr", "add", f"{self.address}/24", "dev", "bridge")
        ip("-n", self.database, "link", "set", "bridge", "up")
        for number, (name, namespace) in enumerate(self.nodes.items()):
            ip("-n", self.database, "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", namespace)
            ip("-n", self.database, "link", "set", f"to-{name}", "master", "bridge")
            ip("-n", namespace, "addr", "add", f"{PREFIX}.{number + 2}/24", "dev", "eth0")
            ip("-n", namespace, "link", "set", "eth0", "up")
            self.plug(name)

    def plug(self, node):
        ip("-n", self.database, "link", "set", f"to-{node}", "up")

    def pull(self, node):
        ip("-n", self.database, "link", "set", f"to-{node}", "down")

    def inside(self, namespace):
        """The words before a command that shall run there."""
        return ["nsenter", f"--net=/run/netns/{namespace}"]

    def remove(self):
        for name in self.made:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

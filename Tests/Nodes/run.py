"""Three leaders on one PostgreSQL over a network; one is cut off for longer than its lease and comes back.

usage: run.py PROGRAMS_DIRECTORY

The database is made by deploy/postgres/create-database.sh, the leaders log in as absurd_node with a password file and a
service file, as a fleet does. Load runs all the time. What node c finished while it was cut off must be refused when it
reports it; no acknowledged task is lost, none ends twice. Tests/Faults/queue/history.py judges, which shares no code with
the product. Nothing sleeps: the test waits for notifications, files and processes, each within a limit.
"""

import asyncio
import glob
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections import Counter

import asyncpg

from network import Network

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
FAULTS = os.path.join(REPOSITORY, "Tests", "Faults", "queue")
LIMIT_SEC = 180
LATE = 4
OUTSTANDING = 24
COMMAND = 'echo "$ABSURD_ATTEMPT" >> "$RUNS"; echo done > out'
# Waits for the test's lock; the first attempt then says so, the second finds nobody who would hear it.
GATED = """echo "$ABSURD_ATTEMPT" >> "$RUNS"; flock --shared "$GATE" true
case "$ABSURD_ATTEMPT" in */1) echo "$ABSURD_ATTEMPT" >> "$PASSED" ;; esac; echo done > out"""


class Server:
    """PostgreSQL in the database's namespace; the test itself comes in by the Unix socket."""

    def __init__(self, network, directory):
        self.network, self.directory = network, directory
        self.data = os.path.join(directory, "data")
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[-2]))[-1]
        os.mkdir(directory)
        os.chown(directory, pwd.getpwnam("postgres").pw_uid, -1)
        self.call("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        with open(os.path.join(self.data, "pg_hba.conf"), "w", encoding="utf-8") as rules:
            rules.write("local all all trust\nhost absurd absurd_node 10.77.0.0/24 scram-sha-256\n")

    def call(self, program, *arguments):
        subprocess.run([*self.network.inside(self.network.database), "setpriv", "--reuid=postgres", "--regid=postgres",
                        "--clear-groups", f"{self.bin}/{program}", "-D", self.data, *arguments],
                       check=True, stdout=subprocess.DEVNULL)

    def start(self):
        # A backend whose client was cut off goes within 20 s.
        options = (f"-c listen_addresses={self.network.address} -k {self.directory} -c fsync=off "
                   "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2")
        self.call("pg_ctl", "-w", "-l", os.path.join(self.directory, "server.log"), "-o", options, "start")

    def stop(self):
        self.call("pg_ctl", "-m", "immediate", "stop")

    async def connect(self, user="postgres"):
        return await asyncpg.connect(host=self.directory, user=user, database="absurd", timeout=10)


class Leader:
    def __init__(self, network, programs, work, name):
        self.name, self.programs, self.state = name, programs, os.path.join(work, name)
        self.log = os.path.join(work, f"{name}.log")
        os.mkdir(self.state)
        environment = {"PATH": "/usr/bin:/bin", "PGSERVICEFILE": os.path.join(work, "pg_service.conf"),
                       "PGPASSFILE": os.path.join(work, "pgpass"), "ABSURD_DATABASE_URL": "service=absurd"}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*network.inside(network.nodes[name]), f"{programs}/absurd", "leader", "--queue-name", "nodes",
                 "--workers", "2", "--concurrency", "4", "--node-id", name, "--state-dir", self.state],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def status(self):
        answer = subprocess.run([f"{self.programs}/absurdctl", "status", "--json", "--state-dir", self.state], check=True,
                                capture_output=True)
        return json.loads(answer.stdout)

    def stop(self):
        self.process.terminate()
        return self.process.wait(LIMIT_SEC)


class News:
    """What the database has told so far; whoever waits is woken by the next of it."""

    def __init__(self):
        self.claims, self.ended, self.alive = Counter(), set(), {}
        self.claimed_by = {}
        self.changed = asyncio.Condition()
        self.tasks = set()

    def hear(self, _connection, _pid, _channel, payload):
        event = json.loads(payload)
        if event["kind"] == "session":
            self.alive[event["node"]] = event["alive"]
        elif event["kind"] == "running":
            self.claims[event["node"]] += 1
            self.claimed_by.setdefault(event["task"], []).append(event["node"])
        else:
            self.ended.add(event["task"])
        task = asyncio.ensure_future(self.wake())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def wake(self):
        async with self.changed:
            self.changed.notify_all()

    async def until(self, what, condition):
        async def wait():
            async with self.changed:
                await self.changed.wait_for(condition)
        try:
            await asyncio.wait_for(wait(), LIMIT_SEC)
        except asyncio.TimeoutError:
            raise SystemExit(f"test-nodes: not within {LIMIT_SEC} s: {what}") from None
        print(f"  {what}", flush=True)


class Load:
    """Keeps a number of tasks outstanding: each end that is heard of allows the next spawn. Notes what was acknowledged."""

    def __init__(self, work, connection, news):
        self.work, self.connection, self.news = work, connection, news
        self.acked = []
        self.stop = False
        self.environment = {"RUNS": os.path.join(work, "runs.txt"), "GATE": os.path.join(work, "gate"),
                            "PASSED": os.path.join(work, "passed")}

    async def spawn(self, command):
        params = json.dumps({"command": ["/bin/sh", "-c", command], "environment": self.environment})
        task = str(await self.connection.fetchval("SELECT absurd.spawn_task('nodes', 'command', $1, 0, NULL)", params))
        self.acked.append(task)
        return task

    async def run(self):
        mine = set()
        while not self.stop:
            while len(mine) < OUTSTANDING:
                mine.add(await self.spawn(COMMAND))
            async with self.news.changed:
                await self.news.changed.wait_for(lambda: mine & self.news.ended or self.stop)
            mine -= self.news.ended


def check(broken, holds, sentence):
    if not holds:
        broken.append(sentence)


async def passed(work, count):
    """Waits until the gated commands have said that they are through, in lines of a FIFO."""
    def read():
        with open(os.path.join(work, "passed"), encoding="utf-8") as lines:
            return [lines.readline().strip() for _ in range(count)]
    return await asyncio.wait_for(asyncio.to_thread(read), LIMIT_SEC)


async def play(network, programs, work, leaders, server):
    """The story, and the sentences about what did not hold."""
    witness, client = await server.connect(), await server.connect("absurd_operator")
    for file in (os.path.join(FAULTS, "audit.sql"), os.path.join(HERE, "watch.sql")):
        with open(file, encoding="utf-8") as sql:
            await witness.execute(sql.read())
    news = News()
    await witness.add_listener("nodes_test", news.hear)
    load, broken = Load(work, client, news), []
    gate = subprocess.Popen(["flock", "--exclusive", os.path.join(work, "gate"), "sh", "-c", "echo closed; exec cat"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    gate.stdout.readline()

    leaders.append(Leader(network, programs, work, "c"))
    await news.until("node c serves", lambda: news.alive.get("c"))
    late = [await load.spawn(GATED) for _ in range(LATE)]
    await news.until(f"node c has {LATE} tasks that will end late", lambda: all(news.claimed_by.get(t) for t in late))
    leaders.extend(Leader(network, programs, work, name) for name in ("a", "b"))
    running = asyncio.create_task(load.run())
    await news.until("all three nodes work", lambda: all(news.claims[n] >= 20 for n in "abc"))

    network.pull("c")
    gate.communicate()
    await passed(work, LATE)
    print(f"  node c is cut off and has finished its {LATE} late tasks where nobody hears it", flush=True)
    await news.until("node c's lease is over", lambda: news.alive.get("c") is False)
    await news.until("its tasks have ended on other nodes", lambda: all(t in news.ended for t in late))
    check(broken, all(set(news.claimed_by[t][1:]) <= {"a", "b"} and len(news.claimed_by[t]) == 2 for t in late),
          "a late task was not run once more by a or b")
    before = news.claims["c"]
    network.plug("c")
    await news.until("node c is back with a new session", lambda: news.alive.get("c"))
    await news.until("node c works again", lambda: news.claims["c"] >= before + 20)

    load.stop = True
    await news.wake()
    await running
    await news.until(f"all {len(load.acked)} tasks have ended", lambda: all(t in news.ended for t in load.acked))
    refused = {leader.name: leader.status()["refused_total"] for leader in leaders}
    print(f"  results refused: {refused}", flush=True)
    check(broken, refused["c"] >= LATE, f"node c had {LATE} late results, {refused['c']} were refused")
    check(broken, refused["a"] == refused["b"] == 0, "a node that was never cut off had results refused")
    connections = await witness.fetch(
        "SELECT client_addr, count(*) AS n FROM pg_stat_activity WHERE usename = 'absurd_node' GROUP BY 1")
    check(broken, len(connections) == 3 and all(row["n"] <= 3 for row in connections), f"connections: {connections}")
    check(broken, all(leader.stop() == 0 for leader in leaders), "a leader did not end cleanly")
    await export(witness, work, load.acked)
    return broken


async def export(connection, work, acked):
    """The history in the form that history.py reads."""
    def write(name, lines):
        with open(os.path.join(work, name), "w", encoding="utf-8") as out:
            out.writelines(line + "\n" for line in lines)
    write("events.jsonl", [row["line"] for row in await connection.fetch(
        "SELECT row_to_json(e)::text AS line FROM audit.events e ORDER BY n")])
    write("acked.jsonl", [json.dumps({"task": task}) for task in acked])
    with open(os.path.join(work, "runs.txt"), encoding="utf-8") as lines:
        runs = [line.strip().split("/") for line in lines]
    write("runs.jsonl", [json.dumps({"task": task, "attempt": int(attempt)}) for task, attempt in runs])


def prepare(network, programs, work):
    """A server with the fleet's logins, and the files by which the leaders find it."""
    server = Server(network, os.path.join(work, "postgres"))
    server.start()
    environment = {**os.environ, "PGHOST": server.directory, "PGUSER": "postgres", "ABSURD_NODE_PASSWORD": "late 'results'"}
    subprocess.run([os.path.join(REPOSITORY, "deploy/postgres/create-database.sh")], check=True, env=environment,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run([f"{programs}/absurd", "init", "--database-url",
                    f"postgresql://absurd_owner@/absurd?host={server.directory}"], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(work, "pg_service.conf"), "w", encoding="utf-8") as service:
        service.write(f"[absurd]\nhost={network.address}\ndbname=absurd\nuser=absurd_node\n")
    with open(os.path.join(work, "pgpass"), "w", encoding="utf-8") as secrets:
        os.fchmod(secrets.fileno(), 0o600)
        secrets.write(f"{network.address}:5432:absurd:absurd_node:late 'results'\n")
    os.mkfifo(os.path.join(work, "passed"))
    return server


def main():
    if os.getuid() != 0:
        print("test-nodes: skipped: network namespaces need root; run it with sudo", file=sys.stderr)
        return 0
    programs = os.path.abspath(sys.argv[1])
    work = tempfile.mkdtemp(prefix="absurd-nodes-")
    os.chmod(work, 0o755)
    network, leaders, server = Network(["a", "b", "c"]), [], None
    try:
        network.make()
        server = prepare(network, programs, work)
        broken = asyncio.run(play(network, programs, work, leaders, server))
    except BaseException:
        for leader in leaders:
            with open(leader.log, encoding="utf-8") as log:
                print(f"--- {leader.name}\n" + "".join(log.readlines()[-10:]), file=sys.stderr)
        raise
    finally:
        for leader in leaders:
            leader.process.kill()
            leader.process.wait()
        if server is not None:
            server.stop()
        network.remove()
    verdict = subprocess.run([sys.executable, os.path.join(FAULTS, "history.py"), work], check=False).returncode
    for sentence in broken:
        print(f"broken: {sentence}")
    if verdict == 0 and not broken:
        shutil.rmtree(work)
        return 0
    print(f"the history is kept in {work}")
    return 1


if __name__ == "__main__":
    sys.exit(main())

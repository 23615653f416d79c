"""Kills things at random while clients spawn and nodes work, then has history.py judge what happened.

usage: run.py PROGRAMS_DIRECTORY [ROUNDS [SEED]]     (prints the seed; the same seed draws the same faults)

Each round draws one of: kill -9 of a leader, kill -9 of a worker, pg_terminate_backend of a random session, pg_ctl restart
-m immediate, SIGSTOP of a leader for longer than its lease. Who writes what: the spawners append acknowledged ids to
acked.jsonl after the database answered; the commands append to runs.txt when they run; audit.sql records events.
"""

import asyncio
import glob
import json
import os
import pwd
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import asyncpg

HERE = os.path.dirname(os.path.abspath(__file__))
LEASE_SEC = 30
NODES = ["node-a", "node-b", "node-c"]
# What a client sees of a database that went away in the middle of a call: the call's fate is unknown.
LOST = (OSError, asyncio.TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Server:
    """A private cluster; as the user postgres where we are root."""

    def __init__(self, directory):
        self.directory = directory
        self.data = os.path.join(directory, "data")
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[-2]))[-1]
        self.prefix = []
        if os.getuid() == 0:
            os.chown(directory, pwd.getpwnam("postgres").pw_uid, -1)
            self.prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self.call("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")

    def call(self, program, *arguments):
        subprocess.run([*self.prefix, f"{self.bin}/{program}", "-D", self.data, *arguments], check=True,
                       stdout=subprocess.DEVNULL)

    def control(self, *arguments):
        options = f"-c listen_addresses= -k {self.directory} -c max_connections=60"
        self.call("pg_ctl", "-w", "-l", os.path.join(self.directory, "server.log"), "-o", options, *arguments)

    def url(self, database):
        return f"postgresql://postgres@/{database}?host={self.directory}"

    async def connect(self, database="faults"):
        return await asyncpg.connect(host=self.directory, user="postgres", database=database, timeout=10)


class Node:
    """A leader process that is started again whenever it has been killed."""

    def __init__(self, name, programs, work, url):
        self.name, self.programs, self.work, self.url = name, programs, work, url
        self.stopped = False
        self.start()

    def start(self):
        state = os.path.join(self.work, self.name)
        os.makedirs(state, exist_ok=True)
        with open(os.path.join(self.work, f"{self.name}.log"), "ab") as log:
            self.process = subprocess.Popen(
                [f"{self.programs}/absurd", "leader", "--queue-name", "faults", "--workers", "2", "--concurrency", "4",
                 "--poll-interval", "0.5", "--node-id", self.name, "--state-dir", state, "--database-url", self.url],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def workers(self):
        found = []
        for entry in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(entry, encoding="utf-8") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == self.process.pid:
                found.append(int(entry.split("/")[2]))
        return found

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.stopped = False
        self.start()

    def revive(self):
        if self.process.poll() is not None:
            self.start()


async def spawner(number, server, work, stop, counts):
    """Spawns single tasks, small batches and bundles; writes an id down only after the database acknowledged it."""
    connection, dice = None, random.Random(number)
    command = 'echo "$ABSURD_ATTEMPT" >> "$RUNS"; echo done > out; sleep 0.0$SLEEP'
    with open(os.path.join(work, f"acked-{number}"), "a", encoding="utf-8") as acked:
        while not stop.is_set():
            params = json.dumps({"command": ["/bin/sh", "-c", command], "environment": {
                "RUNS": os.path.join(work, "runs.txt"), "SLEEP": str(dice.randint(0, 9))}})
            try:
                if connection is None or connection.is_closed():
                    connection = await server.connect()
                if dice.random() < 0.7:
                    ids = [await connection.fetchval("SELECT absurd.spawn_task('faults', 'command', $1, 0, NULL)", params)]
                else:  # five stay single rows; forty are a bundle, claimed by leases
                    many = 40 if dice.random() < 0.2 else 5
                    counts["bundled"] += many if many == 40 else 0
                    rows = await connection.fetch(
                        "SELECT absurd.spawn_many($1, $2, $3::text[]::jsonb[], NULL, NULL, NULL) AS id",
                        ["faults"] * many, ["command"] * many, [params] * many)
                    ids = [row["id"] for row in rows]
            except LOST:
                counts["unknown"] += 1
                if connection is not None:
                    connection.terminate()
                    connection = None
                await asyncio.sleep(0.1)
                continue
            for task in ids:
                acked.write(json.dumps({"task": str(task)}) + "\n")
            acked.flush()
            await asyncio.sleep(0.05)


async def resume_later(node, counts):
    await asyncio.sleep(LEASE_SEC + 5)
    counts["resumed"] += 1
    if node.stopped and node.process.poll() is None:
        node.process.send_signal(signal.SIGCONT)
    node.stopped = False


async def fault(dice, server, nodes, counts, background):
    kind = dice.choices(["leader", "worker", "backend", "server", "stop"], [30, 40, 20, 8, 4])[0]
    node = dice.choice(nodes)
    if kind == "stop" and any(other.stopped for other in nodes):
        kind = "worker"
    counts[kind] += 1
    if kind == "leader":
        node.kill()
    elif kind == "worker":
        victims = node.workers()
        if victims:
            try:
                os.kill(dice.choice(victims), signal.SIGKILL)
            except ProcessLookupError:
                pass
    elif kind == "backend":
        try:
            connection = await server.connect()
            await connection.fetch(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = 'faults' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1""")
            await connection.close()
        except LOST:
            counts["unknown"] += 1
    elif kind == "server":
        await asyncio.to_thread(server.control, "-m", "immediate", "restart")
    else:
        node.stopped = True
        node.process.send_signal(signal.SIGSTOP)
        background.append(asyncio.create_task(resume_later(node, counts)))
    for other in nodes:
        other.revive()


async def drain(server, nodes, limit_sec):
    """Waits until nothing is left to run."""
    deadline = time.monotonic() + limit_sec
    while time.monotonic() < deadline:
        for node in nodes:
            node.revive()
        connection = await server.connect()
        left = await connection.fetchval(
            "SELECT count(*) FROM absurd.tasks WHERE status NOT IN ('completed', 'failed', 'cancelled')")
        await connection.close()
        if left == 0:
            return
        await asyncio.sleep(0.5)


async def export(server, work):
    connection = await server.connect()
    rows = await connection.fetch("SELECT row_to_json(e)::text AS line FROM audit.events e ORDER BY n")
    with open(os.path.join(work, "events.jsonl"), "w", encoding="utf-8") as out:
        out.writelines(row["line"] + "\n" for row in rows)
    outcomes = await connection.fetch("SELECT outcome, count(*) FROM absurd.attempts GROUP BY 1 ORDER BY 1")
    await connection.close()
    print("attempts: " + ", ".join(f"{row['outcome']} {row['count']}" for row in outcomes))
    with open(os.path.join(work, "acked.jsonl"), "w", encoding="utf-8") as out:
        for path in glob.glob(os.path.join(work, "acked-*")):
            with open(path, encoding="utf-8") as lines:
                out.write(lines.read())
    with open(os.path.join(work, "runs.jsonl"), "w", encoding="utf-8") as out:
        with open(os.path.join(work, "runs.txt"), encoding="utf-8") as lines:
            for line in lines:
                task, attempt = line.strip().split("/")
                out.write(json.dumps({"task": task, "attempt": int(attempt)}) + "\n")


async def run(programs, rounds, seed, work):
    server = Server(os.path.join(work, "postgres"))
    server.control("start")
    admin = await server.connect("postgres")
    await admin.execute("CREATE DATABASE faults")
    await admin.close()
    subprocess.run([f"{programs}/absurd", "init", "--database-url", server.url("faults")], check=True,
                   stdout=subprocess.DEVNULL)
    connection = await server.connect()
    with open(os.path.join(HERE, "audit.sql"), encoding="utf-8") as sql:
        await connection.execute(sql.read())
    await connection.close()
    nodes = [Node(name, programs, work, server.url("faults")) for name in NODES]
    counts = dict.fromkeys(["leader", "worker", "backend", "server", "stop", "resumed", "unknown", "bundled"], 0)
    stop, background, dice = asyncio.Event(), [], random.Random(seed)
    spawners = [asyncio.create_task(spawner(number, server, work, stop, counts)) for number in range(2)]
    try:
        for number in range(rounds):
            await asyncio.sleep(dice.uniform(0.2, 1.0))
            await fault(dice, server, nodes, counts, background)
            if (number + 1) % 20 == 0:
                print(f"{number + 1} rounds", flush=True)
        stop.set()
        await asyncio.gather(*spawners, *background)
        await drain(server, nodes, 300)
        await export(server, work)
    finally:
        for node in nodes:
            node.process.send_signal(signal.SIGCONT)
            node.process.kill()
            node.process.wait()
        server.control("-m", "immediate", "stop")
    print("faults: " + ", ".join(f"{kind} {count}" for kind, count in counts.items()))


def main():
    programs = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    print(f"seed {seed}, {rounds} rounds", flush=True)
    work = tempfile.mkdtemp(prefix="absurd-faults-")
    os.chmod(work, 0o755)
    os.mkdir(os.path.join(work, "postgres"))
    asyncio.run(run(programs, rounds, seed, work))
    verdict = subprocess.run([sys.executable, os.path.join(HERE, "history.py"), work], check=False).returncode
    if verdict == 0:
        shutil.rmtree(work)
    else:
        print(f"the history is kept in {work}")
    sys.exit(verdict)


if __name__ == "__main__":
    main()

"""How many uploads are created and finished in a second while their events go to
a broker, as a ratio of the same without a sink; how many events a broker confirms
in a second meanwhile; and how many of a backlog, which is what an outage leaves.
`./x bench --only events` builds what this needs.

One request creates an upload and finishes it: two events by default, pre-create and
post-finish. Uploads of 1 KiB show what events cost, since there is little beside
them; those of 64 KiB what a service sees that takes small pictures; those of 1 MiB
what one sees that takes documents. What waits in the outbox when the load ends is
waited for. A service that is told by HTTP is told of post-finish alone.

The brokers share the machine's processors with the server, which they seldom do where
it counts. So all is measured once more with the brokers on the last processor, and the
server with its client on the others, also when there is no sink.

How much is possible shows a peer: a server without a sink, and beside it a publisher
that does nothing but send as many messages as uploads at the goal would have events.

Files are not removed before the end, since a file system may look at every inode that
was freed lately when it makes a file; large ones are emptied, or they fill the disk.
"""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import time
import urllib.request

HERE = pathlib.Path(__file__).parent

# Bytes of an upload.
SIZES = {"1 KiB": 1024, "64 KiB": 64 * 1024, "1 MiB": 1024 * 1024}
SMALL = SIZES["1 KiB"]

# Of the rate without a sink.
GOAL = 0.85

# Those of 1 MiB come for a part of the time, or they fill the disk.
LARGEST = SIZES["1 MiB"]
PART_OF_LARGEST = 4

# Kafka's virtual machine compiles what is used often: an event takes it a third of the
# time after so many runs.
WARM_UPS = 4


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port):
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}")


def descendants(pid):
    """A process and all that it has started, as far as they are there."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):
                children = pathlib.Path(f"/proc/{parent}/task/{task}/children").read_text()
                found += map(int, children.split())
    return found


def run_on(pid, processors):
    """From now on, with all threads and children."""
    for process in descendants(pid):
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{process}/task"):
                os.sched_setaffinity(int(task), processors)


class Place:
    """A directory, the processes that work in it, and the processors for servers and
    their clients."""

    def __init__(self, directory):
        self.directory = directory
        self.processes = []
        self.processors = os.sched_getaffinity(0)

    def apart(self):
        """Moves what runs, which is the brokers, to the last processor, and leaves the
        others to servers and their clients."""
        *others, last = sorted(self.processors)
        for process in self.processes:
            run_on(process.pid, {last})
        self.processors = set(others)

    def pinned(self, command):
        """The same command, on the processors for servers and their clients."""
        processors = ",".join(map(str, self.processors))
        return ["taskset", "--cpu-list", processors, *command]

    def start(self, command, name, **more):
        log = open(self.directory / f"{name}.log", "a", encoding="utf-8")
        process = subprocess.Popen(command, stdout=log, stderr=log, **more)
        self.processes.append(process)
        return process

    def end(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def kafka(place, jars):
    port, controller = free_port(), free_port()
    properties = place.directory / "server.properties"
    properties.write_text(
        "process.roles=broker,controller\nnode.id=1\n"
        f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
        "controller.listener.names=CONTROLLER\n"
        f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n"
        f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n"
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
        "inter.broker.listener.name=PLAINTEXT\n"
        f"log.dirs={place.directory / 'kafka'}\n"
        "offsets.topic.replication.factor=1\n"
    )
    java = ["java", "-Xmx512m", "-cp", f"{jars}/*"]
    format_ = ["kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c"]
    subprocess.run(java + format_ + [properties], check=True, capture_output=True)
    place.start(java + ["kafka.Kafka", properties], "kafka")
    wait_for(port)
    return ["--hooks-kafka-urls", f"127.0.0.1:{port}", "--hooks-kafka-topic", "events"]


def rabbitmq(place):
    port, epmd, distribution = free_port(), free_port(), free_port()
    config = place.directory / "rabbitmq.conf"
    config.write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\nlog.file = false\nlog.console = true\n"
        "vm_memory_high_watermark.absolute = 1GiB\ndisk_free_limit.absolute = 1MB\n"
    )
    plugins = place.directory / "enabled_plugins"
    plugins.write_text("[].\n")
    place.start(["epmd", "-address", "127.0.0.1", "-port", str(epmd)], "epmd")
    variables = {
        "RABBITMQ_NODENAME": "events@localhost",
        "RABBITMQ_MNESIA_BASE": place.directory / "mnesia",
        "RABBITMQ_LOG_BASE": place.directory / "rabbitmq",
        "RABBITMQ_PID_FILE": place.directory / "rabbitmq.pid",
        "RABBITMQ_ENABLED_PLUGINS_FILE": plugins,
        "RABBITMQ_CONFIG_FILE": config,
        "RABBITMQ_DIST_PORT": distribution,
        "ERL_EPMD_PORT": epmd,
        "HOME": place.directory,
    }
    environment = dict(os.environ, **{name: str(value) for name, value in variables.items()})
    # Debian's script in PATH would change the user.
    program = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    place.start([program], "rabbitmq", env=environment)
    wait_for(port)
    # It listens before it takes messages.
    time.sleep(5)
    return [
        "--hooks-amqp-url",
        f"amqp://guest:guest@127.0.0.1:{port}",
        "--hooks-amqp-routing-key",
        "events",
        "--hooks-amqp-declare-exchange",
        "--hooks-amqp-declare-queues",
        "--hooks-amqp-durable-exchange",
        "--hooks-amqp-durable-queues",
    ]


def web(place):
    """A service that takes every event."""
    port = free_port()
    configuration = place.directory / "nginx.conf"
    configuration.write_text(
        f"daemon off; pid {place.directory}/nginx.pid; error_log stderr;\n"
        "events {} http { access_log off; keepalive_requests 1000000;\n"
        f"client_body_temp_path {place.directory}/bodies;\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ return 204; }} }} }}\n"
    )
    place.start(["nginx", "-c", configuration], "nginx")
    wait_for(port)
    url = f"http://127.0.0.1:{port}/"
    return ["--hooks-http-urls", url, "--hooks", "post-finish"]


def nowhere(flags):
    """The same flags, to where nobody listens."""
    return [re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9", flag) for flag in flags]


def part_of(seconds, size):
    """How long uploads of this size come."""
    return max(2, seconds // PART_OF_LARGEST) if size == LARGEST else seconds


class Server:
    """A server with some flags."""

    def __init__(self, place, options, flags, data=None):
        self.options = options
        self.data = data or place.directory / f"data-{time.monotonic_ns()}"
        self.port = free_port()
        command = [options.rustus, "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--data-dir", self.data, "--info-dir", self.data, "--log-level", "warn"]
        command += ["--compile-cache-dir", place.directory / "cache"]
        self.place = place
        self.size = 0
        self.server = place.start(place.pinned(command + flags), "rustus")
        wait_for(self.port)
        # It listens before it has loaded its plugins, and answers after that.
        ready = f"http://127.0.0.1:{self.port}/health/ready"
        urllib.request.urlopen(ready, timeout=120).close()

    def load(self, seconds, size=SMALL):
        """Uploads a second, how many there were, and in how many seconds."""
        seconds = part_of(seconds, size)
        self.size = size
        load = ["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", HERE / "post.lua"]
        url = f"http://127.0.0.1:{self.port}/files"
        environment = dict(os.environ, SIZE=str(size))
        said = subprocess.run(
            self.place.pinned(load + [url]),
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        ).stdout
        if "Non-2xx" in said:
            raise SystemExit(said)
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))
        return rate, int(re.search(r"(\d+) requests in", said).group(1)), seconds

    def waiting(self):
        """Events that wait in the outbox."""
        path = self.data / ".outbox" / "0" / "outbox.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as outbox:
            return outbox.execute("SELECT count(*) FROM delivery").fetchone()[0]

    def drained(self):
        while self.waiting():
            time.sleep(0.05)

    def end(self):
        self.server.terminate()
        self.server.wait()
        if self.size > SMALL:
            for upload in self.data.iterdir():
                if upload.is_file() and upload.suffix != ".info":
                    os.truncate(upload, 0)
            os.sync()


def under_load(place, options, flags, size=SMALL):
    """Uploads a second, and events that were confirmed in a second meanwhile, from
    the first to the last."""
    server = Server(place, options, flags)
    rate, requests, seconds = server.load(options.seconds, size)
    begun = time.monotonic()
    server.drained()
    events = 2 * requests / (seconds + time.monotonic() - begun)
    server.end()
    return rate, events


def beside_a_publisher(place, options, publishes, size, plain):
    """Uploads a second without a sink, beside somebody else who publishes as many
    messages as these would have events if they came at the goal."""
    server = Server(place, options, [])
    rate = str(round(2 * GOAL * plain))
    seconds = part_of(options.seconds, size)
    command = place.pinned([options.publisher, *publishes, rate, str(seconds)])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as publisher:
        uploads, _, _ = server.load(options.seconds, size)
        said = publisher.communicate()[0]
    if publisher.returncode != 0:
        raise SystemExit(f"the bare publisher failed, see above: {' '.join(command)}")
    confirmed = int(said)
    server.end()
    return uploads, confirmed / int(rate)


def of_a_backlog(place, options, flags):
    """Events that are confirmed in a second when many wait, from the first to the
    last."""
    server = Server(place, options, nowhere(flags))
    server.load(options.seconds)
    server.end()
    server = Server(place, options, flags, server.data)
    first = events = server.waiting()
    begun = time.monotonic()
    while events == first:
        begun = time.monotonic()
        events = server.waiting()
    server.drained()
    rate = events / (time.monotonic() - begun)
    server.end()
    return rate


def row(name, values, unit):
    least, most = min(values), max(values)
    median = statistics.median(values)
    print(f"| {name} | {median:.2f} | {least:.2f} to {most:.2f} | {unit} |", flush=True)


def publishes(way, flags):
    """What the bare publisher is told to get to the same broker."""
    return [{"to Kafka": "kafka", "to RabbitMQ": "amqp"}[way], flags[1], "bare"]


def of_backlogs(place, options, sinks):
    backlog = {name: [] for name in sinks}
    for _ in range(options.rounds):
        for name, flags in sinks.items():
            backlog[name].append(of_a_backlog(place, options, flags))
    for name, values in backlog.items():
        row(f"events {name} of a backlog, confirmed", values, "1/s")


def of_uploads(place, options, brokers, layout):
    """Every way takes its turn in each round, which begins with another one than the
    round before; ratios are taken within a round."""
    rates = {(size, way): [] for size in SIZES for way in ["", *brokers, *map(peer, brokers)]}
    meanwhile = {name: [] for name in brokers}
    managed = {}

    def plain(length):
        server = Server(place, options, [])
        rate = server.load(options.seconds, length)[0]
        server.end()
        return rate

    # Before the first round, to know how many events there will be.
    latest = {size: plain(length) for size, length in SIZES.items()}

    def turn(size, way):
        length = SIZES[size]
        if not way:
            latest[size] = plain(length)
            return latest[size]
        if way in brokers:
            rate, events = under_load(place, options, brokers[way], length)
            if length == SMALL:
                meanwhile[way].append(events)
            return rate
        name = next(name for name in brokers if peer(name) == way)
        to = publishes(name, brokers[name])
        rate, part = beside_a_publisher(place, options, to, length, latest[size])
        managed[size, way] = min(part, managed.get((size, way), part))
        return rate

    for number in range(options.rounds):
        for size in SIZES:
            ways = [way for of, way in rates if of == size]
            first = number % len(ways)
            for way in ways[first:] + ways[:first]:
                rates[size, way].append(turn(size, way))
    for (size, way), values in rates.items():
        if not way:
            row(f"{size} created and finished, no sink{layout}", values, "1/s")
            continue
        ratios = [rate / most for rate, most in zip(values, rates[size, ""])]
        unit = "of no sink"
        if (size, way) in managed:
            unit += f"; it managed {100 * managed[size, way]:.0f} % of the events or more"
        row(f"{size} created and finished {way}{layout}", ratios, unit)
    for name, values in meanwhile.items():
        row(f"events {name} meanwhile, confirmed{layout}", values, "1/s")


def peer(way):
    return f"beside a bare publisher {way}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rustus", required=True)
    parser.add_argument("--publisher", required=True, help="what bare_publisher.rs makes")
    parser.add_argument("--kafka", required=True, help="the folder of Kafka's jars")
    parser.add_argument("--dir", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    shutil.rmtree(options.dir, ignore_errors=True)
    options.dir.mkdir(parents=True)
    place = Place(options.dir)
    try:
        brokers = {"to Kafka": kafka(place, options.kafka), "to RabbitMQ": rabbitmq(place)}
        sinks = brokers | {"to HTTP": web(place)}
        for flags in brokers.values():
            for _ in range(WARM_UPS):
                under_load(place, options, flags)
        print("| figure | median | least to most | |\n|---|---:|---:|---|")
        of_backlogs(place, options, sinks)
        of_uploads(place, options, brokers, "")
        if len(place.processors) > 1:
            place.apart()
            of_uploads(place, options, brokers, ", apart")
    finally:
        place.end()


if __name__ == "__main__":
    main()

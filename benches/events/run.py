"""How many uploads are created and finished in a second while their events go to
a broker, as a ratio of the same without a sink, and how many events a broker has
confirmed in a second. `./x bench --only events` builds what this needs.

One request creates an upload of 1 KiB and finishes it: two events by default,
pre-create and post-finish. What waits in the outbox when the load ends is waited
for.
"""

import argparse
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import time

HERE = pathlib.Path(__file__).parent


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


class Place:
    """A directory, and the processes that work in it."""

    def __init__(self, directory):
        self.directory = directory
        self.processes = []

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


class Turn:
    """A server with some flags, under load for a while."""

    def __init__(self, place, options, flags):
        self.options = options
        self.data = place.directory / f"data-{time.monotonic_ns()}"
        port = free_port()
        command = [options.rustus, "--host", "127.0.0.1", "--port", str(port)]
        command += ["--data-dir", self.data, "--info-dir", self.data, "--log-level", "warn"]
        command += ["--compile-cache-dir", place.directory / "cache"]
        self.server = place.start(command + flags, "rustus")
        wait_for(port)
        load = ["wrk", "-t1", "-c64", f"-d{options.seconds}s", "-s", HERE / "post.lua"]
        url = f"http://127.0.0.1:{port}/files"
        said = subprocess.run(load + [url], capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in said:
            raise SystemExit(said)
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))
        self.requests = int(re.search(r"(\d+) requests in", said).group(1))

    def pending(self):
        command = [self.options.rustus, "outbox", "list", "--json", "--limit", "100000000"]
        command += ["--state", "pending", "--info-dir", self.data]
        return subprocess.run(command, capture_output=True, check=True).stdout.count(b"\n")

    def events_out(self):
        """Events that were confirmed in a second, from the first to the last."""
        begun = time.monotonic()
        while self.pending():
            time.sleep(0.1)
        return 2 * self.requests / (self.options.seconds + time.monotonic() - begun)

    def end(self):
        self.server.terminate()
        self.server.wait()


def row(name, values, unit):
    least, most = min(values), max(values)
    print(f"| {name} | {statistics.median(values):.2f} | {least:.2f} to {most:.2f} | {unit} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rustus", required=True)
    parser.add_argument("--kafka", required=True, help="the folder of Kafka's jars")
    parser.add_argument("--dir", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8)
    options = parser.parse_args()
    shutil.rmtree(options.dir, ignore_errors=True)
    options.dir.mkdir(parents=True)
    place = Place(options.dir)
    try:
        sinks = {"Kafka": kafka(place, options.kafka), "RabbitMQ": rabbitmq(place)}
        ratios = {name: [] for name in sinks}
        out = {name: [] for name in sinks}
        plain = []
        for _ in range(options.rounds):
            turn = Turn(place, options, [])
            plain.append(turn.rate)
            turn.end()
            for name, flags in sinks.items():
                turn = Turn(place, options, flags)
                ratios[name].append(turn.rate / plain[-1])
                out[name].append(turn.events_out())
                turn.end()
        print("| figure | median | least to most | |\n|---|---:|---:|---|")
        row("created and finished, no sink", plain, "1/s")
        for name in sinks:
            row(f"created and finished with {name}", ratios[name], "of no sink")
            row(f"events to {name}, confirmed", out[name], "1/s")
    finally:
        place.end()


if __name__ == "__main__":
    main()

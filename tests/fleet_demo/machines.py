"""The processes of the demo: two code servers that stand for two machines, and Dagster's daemon."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "deploy" / "dagster"
MACHINES = ("machine-a", "machine-b")
LOST_AFTER_S, RETRY_S = 20, 5


@dataclass
class Started:
    """A process with all that it starts, in a new session."""

    process: subprocess.Popen[bytes]

    def session(self) -> list[int]:
        """The processes of the session that are alive."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
                if int(session) == self.process.pid and state != "Z":
                    found.append(int(path.parent.name))
        return found

    def kill(self) -> int:
        """Kills it with all that it has started, as if the power failed; returns how many processes that were."""
        killed: set[int] = set()
        while alive := self.session():
            for pid in alive:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            killed |= set(alive)
            self.process.poll()
        self.process.wait()
        return len(killed)


@dataclass
class Machines:
    """`programs` is the folder of Dagster's programs, `product` the command line that the code servers start."""

    folder: Path
    programs: Path
    product: Path
    storage: str
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, Started] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "dagster"

    def project(self, machine: str) -> Path:
        return self.folder / machine

    def data(self, machine: str) -> Path:
        return self.folder / machine / "data"

    def prepare(self) -> None:
        """Writes Dagster's settings: those of deploy/dagster, with shorter times and storage in PostgreSQL."""
        self.home.mkdir()
        text = (PACKAGE / "dagster.yaml").read_text("utf-8")
        for old, new in (
            ("# storage:\n#   postgres:\n#     postgres_url:", "storage:\n  postgres:\n    postgres_url:"),
            ("start_timeout_seconds: 180", "start_timeout_seconds: 60"),
            ("poll_interval_seconds: 30", "poll_interval_seconds: 10"),
        ):
            assert old in text, f"{old!r} is not in dagster.yaml"
            text = text.replace(old, new)
        (self.home / "dagster.yaml").write_text(text, "utf-8")
        self.ports = dict(zip(MACHINES, _free_ports(len(MACHINES)), strict=True))
        servers = "".join(
            f"  - grpc_server: {{ host: 127.0.0.1, port: {port}, location_name: {machine} }}\n"
            for machine, port in self.ports.items()
        )
        (self.home / "workspace.yaml").write_text(f"load_from:\n{servers}", "utf-8")

    def start_machine(self, machine: str) -> None:
        words = ["dagster", "api", "grpc", "--module-name", "centra_myogo_dagster.definitions"]
        words += ["--working-directory", str(PACKAGE), "--host", "127.0.0.1", "--port", str(self.ports[machine])]
        words += ["--location-name", machine]
        self._start(machine, words, {
            "CENTRA_MYOGO_PROJECT": str(self.project(machine)),
            "CENTRA_MYOGO_DATA": str(self.data(machine)),
            "CENTRA_MYOGO_PROGRAM": str(self.product),
            "CENTRA_MYOGO_MACHINE": machine,
            "CENTRA_MYOGO_MACHINES": " ".join(MACHINES),
            "CENTRA_MYOGO_LOST_AFTER_S": str(LOST_AFTER_S),
            "CENTRA_MYOGO_RETRY_S": str(RETRY_S),
        })  # fmt: skip

    def start_daemon(self) -> None:
        self._start("daemon", ["dagster-daemon", "run", "--workspace", str(self.home / "workspace.yaml")], {})

    def answers(self, machine: str) -> bool:
        """Whether the machine's code server can be reached."""
        with socket.socket() as sock:
            sock.settimeout(1)
            return sock.connect_ex(("127.0.0.1", self.ports[machine])) == 0

    def wait_until_ready(self, deadline: float) -> None:
        while not all(self.answers(machine) for machine in self.ports):
            self.check()
            assert time.monotonic() < deadline, "the code servers did not start in time"
            time.sleep(0.2)

    def check(self) -> None:
        """Raises if one of the processes has ended by itself."""
        for name, started in self.running.items():
            if started.process.poll() is not None:
                log = (self.folder / f"{name}.log").read_text("utf-8", "replace")
                raise AssertionError(f"{name} has ended:\n{log[-3000:]}")

    def seconds_of_children(self, machine: str) -> float:
        """The processor time of all that the machine's code server has started and that has ended, in seconds."""
        pid = self.running[machine].process.pid
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[13:15]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")

    def kill(self, machine: str) -> int:
        return self.running.pop(machine).kill()

    def stop(self) -> None:
        for name in [*self.running]:
            self.running.pop(name).kill()

    def _start(self, name: str, words: list[str], more: Mapping[str, str]) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("CENTRA_MYOGO_", "DAGSTER_"))}
        environment = kept | {
            "DAGSTER_HOME": str(self.home), "DAGSTER_POSTGRES_URL": self.storage, "PYTHONUNBUFFERED": "1",
        } | dict(more)  # fmt: skip
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = Started(
                subprocess.Popen(
                    [self.programs / words[0], *words[1:]], env=environment, cwd=self.folder,
                    stdout=log, stderr=log, start_new_session=True,
                )
            )  # fmt: skip


def _free_ports(count: int) -> list[int]:
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in socks]
    for sock in socks:
        sock.close()
    return ports

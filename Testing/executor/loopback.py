"""A real SLURM of one node on this machine's loopback, for as long as a test needs it."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
_CONF = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SchedulerParameters=bf_interval=1,sched_min_interval=0
ReturnToService=2
KillWait=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=short Nodes=ALL Default=YES MaxTime=30 State=UP
"""


class Loopback:
    """The running SLURM; its programs find it by the environment variable SLURM_CONF."""

    node = socket.gethostname().split(".")[0]

    def __init__(self, conf: Path) -> None:
        self.conf = conf

    def say(self, *command: str) -> str:
        """Run a program of SLURM and return what it prints."""
        env = {**os.environ, "SLURM_CONF": str(self.conf)}
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=30, check=True
        ).stdout

    def tasks(self, state: str = "all") -> list[str]:
        """Return the job ids of the tasks in a state, such as "RUNNING"."""
        asked = ("squeue", "--noheader", "--array", f"--states={state}", "--format=%i")
        return self.say(*asked).split()

    def drain(self) -> None:
        """Let the node take no more tasks."""
        self.say("scontrol", "update", f"nodename={self.node}", "state=drain", "reason=test")

    def resume(self) -> None:
        """Let the node take tasks again, if it was drained."""
        if "drain" in self.say("sinfo", "--noheader", "--format=%T"):
            self.say("scontrol", "update", f"nodename={self.node}", "state=resume")

    def processes(self, task: str) -> list[int]:
        """Return the processes of a task's Python."""
        job, _, index = task.partition("_")
        wanted = {f"SLURM_ARRAY_JOB_ID={job}".encode(), f"SLURM_ARRAY_TASK_ID={index}".encode()}
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                known = set((folder / "environ").read_bytes().split(b"\0"))
                program, *rest = (folder / "cmdline").read_bytes().split(b"\0")
                if wanted <= known and b"python" in program and b"submitit.core._submit" in rest:
                    found.append(int(folder.name))
        return found

    def free(self) -> None:
        """Cancel whatever runs, and wait until the node is idle."""
        self.say("scancel", "--state=RUNNING")
        self.say("scancel", "--state=PENDING")
        until(lambda: not self.tasks("RUNNING,COMPLETING,PENDING"))


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]


@contextmanager
def loopback() -> Iterator[Loopback]:
    """Start munged, slurmctld and slurmd, and end them with the block."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # a socket's path must be short
    folder.chmod(0o755)
    logs = folder / "logs"
    for name in ("state", "spool", "logs"):
        (folder / name).mkdir()
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o400)
    conf = folder / "slurm.conf"
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    controller, node = _free_ports()
    facts = {"host": Loopback.node, "user": user, "controller": controller, "node": node}
    conf.write_text(_CONF.format(folder=folder, **facts))
    munge = [
        f"--{name}={folder}/munge.{name}"
        for name in ("socket", "pid-file", "log-file", "seed-file")
    ]
    commands = [
        ["munged", "--foreground", "--force", f"--key-file={folder}/key", *munge],
        ["slurmctld", "-D", "-f", str(conf)],
        ["slurmd", "-D", "-f", str(conf)],
    ]
    slurm = Loopback(conf)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            with (logs / command[0]).open("wb") as log:
                env = {**os.environ, "PATH": _path(), "SLURM_CONF": str(conf)}
                processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=env))
        if not until(lambda: _is_idle(slurm)):
            said = "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in logs.iterdir())
            raise RuntimeError(f"The loopback SLURM does not start:\n{said}")
        yield slurm
        slurm.free()
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _is_idle(slurm: Loopback) -> bool:
    try:
        return slurm.say("sinfo", "--noheader", "--format=%T").strip() == "idle"
    except subprocess.CalledProcessError:
        return False


def until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait until something is true, and return whether it came to be."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def _free_ports() -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports

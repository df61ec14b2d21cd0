"""torchrun for the processes of one machine, without an open port.

The place where torchrun's processes meet is, by default, a port on all of the machine's addresses
that unpickles what anybody sends it. Here its agent keeps to itself, and the processes meet in a
file; see `member.py`.
"""

import sys
from typing import Any

from torch import distributed
from torch.distributed import run
from torch.distributed.elastic.rendezvous import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousParameters,
    RendezvousStoreInfo,
    rendezvous_handler_registry,
)

NAME = "this-machine"


class ThisMachine(RendezvousHandler):
    """The meeting of one agent with itself."""

    def __init__(self, parameters: RendezvousParameters) -> None:
        self._run = parameters.run_id
        self._closed = False

    def get_backend(self) -> str:
        """Return the name by which torchrun knows this."""
        return NAME

    def next_rendezvous(self) -> RendezvousInfo:
        """Return a store of this process; the address is never used."""
        stores: Any = distributed
        return RendezvousInfo(stores.HashStore(), 0, 1, RendezvousStoreInfo("127.0.0.1", 0))

    def is_closed(self) -> bool:
        """Return whether nobody shall come any more."""
        return self._closed

    def set_closed(self) -> None:
        """Have nobody come any more."""
        self._closed = True

    def num_nodes_waiting(self) -> int:
        """Return how many other machines wait: none ever do."""
        return 0

    def get_run_id(self) -> str:
        """Return torchrun's name for this run."""
        return self._run

    def shutdown(self) -> bool:
        """Return that nothing is left open."""
        return True


def main() -> None:
    """Take torchrun's arguments, and run it."""
    rendezvous_handler_registry.register(NAME, ThisMachine)
    run.main([f"--rdzv-backend={NAME}", *sys.argv[1:]])


if __name__ == "__main__":
    main()

"""Which of several tabs works, and what the page says when the connection is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Connection:
    """Wraps the page.

    Args:
        server: trame's.
    """

    def __init__(self, server: Any) -> None:
        self._server = server

    @contextmanager
    def wrap(self) -> Iterator[None]:
        """Make the widgets that are made within appear in the working tab only."""
        yield

"""What has drafts of the open case written in time: a timer of Qt."""

from typing import Any

import qt

from ActiveSeedLib.scene.drafting import EVERY, DraftKeeper

MINUTES = EVERY / 60


class AutoSave:
    """Looks after drafts as often as they ask for.

    Args:
        drafts: of the open case.
    """

    def __init__(self, drafts: DraftKeeper) -> None:
        self._drafts = drafts
        self._timer = qt.QTimer()
        self._timer.timeout.connect(self._on_timeout)
        self.set_minutes(MINUTES)
        self._timer.start()

    def set_minutes(self, minutes: float) -> None:
        """Write every so many minutes."""
        self._drafts.set_interval(60 * minutes)
        self._look_in(60 * minutes)

    def close(self) -> None:
        """Look no more."""
        self._timer.stop()

    def _look_in(self, seconds: float) -> None:
        self._timer.setInterval(max(1, round(1000 * seconds)))

    def _on_timeout(self, *_args: Any) -> None:
        self._look_in(self._drafts.poll())

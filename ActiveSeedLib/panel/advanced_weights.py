"""The weights that an encoder needs: whether they are there, fetched and removed on a click."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ActiveSeedLib.app.steps import Step
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features import weights
from ActiveSeedLib.features.encoder import encoders
from ActiveSeedLib.features.weights import KnownWeights

if TYPE_CHECKING:
    from ActiveSeedLib.panel.panel import Panel


class WeightsBox:
    """Hidden for an encoder without weights."""

    def __init__(self, panel: "Panel", ui: Any) -> None:
        self._panel, self._ui = panel, ui
        self._entries: list[KnownWeights] = []
        ui.downloadButton.clicked.connect(self.download)
        ui.removeButton.clicked.connect(self.remove)

    def show(self, encoder: str) -> None:
        """Show what is known of the weights of `encoder`."""
        named = encoders.get(encoder).tags.get("weights", "")
        self._entries = [weights.known(name) for name in named.split(", ") if name]
        self._ui.weightsBox.setVisible(bool(self._entries))
        self.refresh()

    def refresh(self) -> None:
        """Look again whether the file is there."""
        if not self._entries:
            return
        there = weights.located(self._entries)
        offer = self._offer()
        self._ui.downloadButton.setVisible(there is None and offer is not None)
        self._ui.removeButton.setVisible(there is not None and self._is_ours())
        if there is not None:
            entry, path = there
            size = path.stat().st_size / 1e6
            text = f"There: {path} ({size:.0f} MB; {entry.source}; licence: {entry.licence})."
        else:
            files = " or ".join(dict.fromkeys(entry.file for entry in self._entries))
            text = f"Not there yet. Put {files} into {weights.weights_folder()}"
            if offer is not None:
                host = urlsplit(offer.url or "").netloc
                text += f", or download {offer.file} from {host} (licence: {offer.licence})"
            text += "."
        self._ui.weightsLabel.setText(text)

    def download(self, *_args: Any) -> None:
        """Let the worker fetch the weights."""
        offer = self._offer()
        if offer is not None:
            title = f"Downloading the weights of {offer.encoder}"
            steps = [Step("download", {"weights": offer.name}, title)]
            self._panel.run(steps, title, self._on_end, near=self._panel.advanced)

    def remove(self, *_args: Any) -> None:
        """Delete the downloaded file."""
        with self._panel.guarded():
            there = weights.located(self._entries)
            if there is not None and self._is_ours():
                _, path = there
                try:
                    path.unlink()
                    path.with_name(path.name + ".sha256").unlink(missing_ok=True)
                except OSError as error:
                    raise InputError(f"{path} cannot be deleted ({error.strerror}).") from error
                self._panel.notice(f"{path} was deleted.")
        self.refresh()

    def _on_end(self, done: bool) -> None:
        self.refresh()
        if done:
            self._panel.notice("The weights are there.")

    def _offer(self) -> KnownWeights | None:
        return next((entry for entry in self._entries if entry.url), None)

    def _is_ours(self) -> bool:
        """Whether the file lies where a download puts it, and can be had again."""
        there = weights.located(self._entries)
        if there is None:
            return False
        entry, path = there
        return entry.url is not None and path.parent == weights.weights_folder()

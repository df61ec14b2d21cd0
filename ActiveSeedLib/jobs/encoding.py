"""Encoding as per-case work: with an encoder, or with a measure that is made like one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.executor.work import Item, Outcome, Place
from ActiveSeedLib.features.encoder import Encoder, ThoroughEncoder, encoders, make_encoder
from ActiveSeedLib.features.shards import Shelf
from ActiveSeedLib.features.store import Encoded, FeatureStore, encode_cases, fill_store
from ActiveSeedLib.jobs.shards import carry_out
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.store import FEATURES

Source = dict[str, Any]
"""What an encoder is made of, as plain values: {"encoder": name, "parameters": {…}}, {"difficulty":
autoencoder's file, "device": …} or {"sam_uncertainty": parameters of the encoder sam}."""


@dataclass(frozen=True)
class EncodeWork:
    """Turns each image into a vector.

    Attributes:
        source: what the encoder is made of.
        hash: of the encoder.
        encoder: where it is made already.
    """

    source: Source
    hash: str
    encoder: Encoder | None = field(default=None, compare=False)
    kind: ClassVar[str] = "encode"
    doing: ClassVar[str] = "Encoding"

    @property
    def device(self) -> str:
        """Where it computes; "cpu" for an encoder that has no choice."""
        if "encoder" not in self.source:
            return str(self.source.get("device", "auto"))
        chosen = encoders.get(self.source["encoder"]).parse(self.source["parameters"])
        return str(getattr(chosen, "device", "cpu"))

    def to_json(self) -> dict[str, Any]:
        """Return what another process needs to make it again."""
        return {"source": self.source, "hash": self.hash}

    def decides(self) -> dict[str, Any]:
        """Return the encoder's hash, which stands for algorithm, weights and preprocessing."""
        return {"hash": self.hash}

    def do(self, items: Sequence[Item], place: Place) -> Iterator[Outcome]:
        """Yield a vector or a problem for each item; see `Work.do`."""
        encoder = self.encoder or _made(self.source)
        if encoder.hash != self.hash:
            raise InputError(
                f"The encoder {encoder.name} is another one here than where the work was asked "
                "for: install the same ActiveSeed and the same weights on all machines."
            )
        kept = None
        if isinstance(encoder, ThoroughEncoder):
            known = place.root / FEATURES / encoder.parts
            kept = Shelf(place.kept / encoder.parts, known)
        cases = [item.case for item in items]
        for one in encode_cases(cases, place.load, encoder, kept, place.progress):
            yield Outcome(one.key, vector=one.vector, problem=one.problem)


def encode_units(
    project: Project,
    units: Sequence[Case],
    encoder: Encoder,
    sources: Mapping[str, Source],
    store: FeatureStore,
    progress: Progress,
) -> dict[str, str]:
    """Encode the units that `store` lacks; return key → sentence of those that failed.

    Args:
        project: open for writing.
        units: cases or slices.
        encoder: may be a fused one.
        sources: what encoders are made of, by hash; of a fused one, its members.
        store: where the project's vectors are kept.
        progress: see `encode_cases`.
    """

    def encode(one: Encoder, waiting: list[Case], part: Progress) -> Iterator[Encoded]:
        work = EncodeWork(sources[one.hash], one.hash, one)
        for found in carry_out(project, work, [Item(case) for case in waiting], part):
            yield Encoded(found.key, found.vector, found.problem)

    return fill_store(units, encode, encoder, store, progress)


def _made(source: Source) -> Encoder:
    match source:
        case {"difficulty": path, "device": device}:
            from ActiveSeedLib.features.masked_autoencoder import load_autoencoder
            from ActiveSeedLib.features.masked_autoencoder_difficulty import Difficulty
            from ActiveSeedLib.features.network import chosen_device

            return Difficulty(load_autoencoder(Path(path), chosen_device(device)))
        case {"sam_uncertainty": parameters}:
            from ActiveSeedLib.features.sam_encoder import SamEncoder, SamUncertainty

            sam = make_encoder("sam", parameters)
            assert isinstance(sam, SamEncoder)
            return SamUncertainty(sam)
    return make_encoder(source["encoder"], source["parameters"])

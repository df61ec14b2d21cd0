"""Models, their scores and their predictions; and the 2-D maps of the pool."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.slices import SLICES, slice_key, split_key
from ActiveSeedLib.project.case_rows import BRIEF_COLUMNS, brief
from ActiveSeedLib.project.database import dump, now
from ActiveSeedLib.project.records import CaseRow, MapRecord, ModelRecord, Status
from ActiveSeedLib.project.slices import Slices

WHOLE = -1
"""In place of a slice's index: the point of the map is a whole case."""


class Models(Slices):
    """What was trained, how it scored, and what it predicted."""

    def start_model(
        self, settings: Mapping[str, Any], provenance: Mapping[str, Any]
    ) -> ModelRecord:
        """Record that a training begins; an earlier unfinished one is given up.

        Args:
            settings: what the training was asked to do.
            provenance: what it was made from, such as label maps with their SHA-256.

        Returns:
            The model; its folder exists.
        """
        with self._database.transaction() as connection:
            connection.execute("UPDATE models SET state = 'abandoned' WHERE state = 'training'")
            (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM models").fetchone()
            model_id = f"model-{last + 1:03d}"
            self.model_folder(model_id).mkdir(parents=True, exist_ok=True)
            connection.execute(
                "INSERT INTO models (number, id, state, settings, provenance, started) "
                "VALUES (?, ?, 'training', ?, ?, ?)",
                (last + 1, model_id, dump(settings), dump(provenance), now()),
            )
        return self.model(model_id)

    def model_folder(self, model_id: str) -> Path:
        """Return the folder of a model's weights, checkpoints and log."""
        return self.root / "models" / model_id

    def finish_model(self, model_id: str, metrics: Mapping[str, Any]) -> None:
        """Record that a training is done, with its own figures, such as epochs and last loss."""
        with self._database.transaction() as connection:
            self._check_model(model_id)
            connection.execute(
                "UPDATE models SET state = 'finished', finished = ?, metrics = ? WHERE id = ?",
                (now(), dump(metrics), model_id),
            )

    def abandon_model(self, model_id: str) -> None:
        """Record that a training will not be resumed."""
        with self._database.transaction() as connection:
            self._check_model(model_id)
            connection.execute(
                "UPDATE models SET state = 'abandoned' WHERE id = ? AND state = 'training'",
                (model_id,),
            )

    def models(self) -> list[ModelRecord]:
        """Return all models, the first one first."""
        return self._models("1")

    def _models(self, where: str, *values: str) -> list[ModelRecord]:
        scores: dict[str, dict[str, dict[str, Any]]] = {}
        for model_id, split, means, cases in self._database.rows(
            "SELECT model, split, means, cases FROM scores "  # noqa: S608
            f"WHERE model IN (SELECT id FROM models WHERE {where})",
            values,
        ):
            scores.setdefault(model_id, {})[split] = {
                "means": json.loads(means),
                "cases": json.loads(cases),
            }
        rows = self._database.rows(
            "SELECT id, state, settings, provenance, started, finished, metrics FROM models "  # noqa: S608
            f"WHERE {where} ORDER BY number",
            values,
        )
        return [
            ModelRecord(
                model_id,
                state,
                json.loads(settings),
                json.loads(provenance),
                started,
                finished,
                json.loads(metrics),
                self.model_folder(model_id),
                scores.get(model_id, {}),
            )
            for model_id, state, settings, provenance, started, finished, metrics in rows
        ]

    def model(self, model_id: str) -> ModelRecord:
        """Return one model."""
        self._check_model(model_id)
        return self._models("id = ?", model_id)[0]

    def latest_model(self) -> ModelRecord | None:
        """Return the newest finished model, if there is one."""
        return self._latest("finished")

    def unfinished_model(self) -> ModelRecord | None:
        """Return the model whose training was interrupted and can be resumed, if there is one."""
        return self._latest("training")

    def _latest(self, state: str) -> ModelRecord | None:
        found = self._models("number = (SELECT max(number) FROM models WHERE state = ?)", state)
        return found[0] if found else None

    def add_metrics(
        self,
        model_id: str,
        split: str,
        cases: Sequence[Mapping[str, Any]],
        means: Mapping[str, Any],
    ) -> None:
        """Record how a model scored on a split ("test", …), case by case and overall."""
        with self._database.transaction() as connection:
            self._check_model(model_id)
            connection.execute(
                "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)",
                (model_id, split, dump(means), dump(list(cases))),
            )

    def prediction_path(self, key: str, model_id: str) -> Path:
        """Return where the predicted label map of a case belongs; it need not exist yet."""
        return self.root / "predictions" / model_id / f"{self._stem(key)}.nii.gz"

    def uncertainty_path(self, key: str, model_id: str) -> Path:
        """Return where the uncertainty map of a case belongs; it need not exist yet."""
        return self.root / "predictions" / model_id / "uncertainty" / f"{self._stem(key)}.nii.gz"

    def gradients_folder(self, model_id: str) -> Path:
        """Return where the gradient embeddings that a model gives the cases are kept."""
        return self.root / "predictions" / model_id / "gradients"

    def record_prediction(self, key: str, model_id: str, facts: Mapping[str, Any]) -> None:
        """Record, once its files are written, what a prediction told, such as its mean entropy."""
        with self._database.transaction() as connection:
            self._check_model(model_id)
            connection.execute(
                "INSERT OR REPLACE INTO predictions VALUES (?, ?, ?)",
                (model_id, self.case(key).case.key, dump(facts)),
            )

    def add_to_prediction(self, key: str, model_id: str, facts: Mapping[str, Any]) -> None:
        """Add what was found out later, such as measures of further passes, to a prediction."""
        with self._database.transaction():
            known = self.prediction(key, model_id) or {}
            self.record_prediction(key, model_id, {**known, **facts})

    def prediction(self, key: str, model_id: str) -> dict[str, Any] | None:
        """Return what was recorded of one prediction; None if there is none."""
        rows = self._database.rows(
            "SELECT facts FROM predictions WHERE model = ? AND key = ?", (model_id, key)
        )
        facts: dict[str, Any] | None = json.loads(rows[0][0]) if rows else None
        return facts

    def unit_predictions(self, model_id: str) -> dict[str, dict[str, Any]]:
        """Return unit → recorded facts for every case, or slice, that a model has predicted."""
        whole = self.predictions(model_id)
        if not self.takes_slices:
            return whole
        return {
            slice_key(key, int(index)): own
            for key, facts in whole.items()
            for index, own in facts.get(SLICES, {}).items()
        }

    def unit_prediction(self, unit: str, model_id: str) -> dict[str, Any] | None:
        """Return what was recorded of the prediction of a case or slice; None if there is none."""
        key, index = split_key(unit)
        facts = self.prediction(key, model_id)
        if facts is None or index is None:
            return facts
        own: dict[str, Any] | None = facts.get(SLICES, {}).get(str(index))
        return own

    def add_to_unit_prediction(self, unit: str, model_id: str, facts: Mapping[str, Any]) -> None:
        """Add what was found out later to the prediction of a case or of a slice."""
        key, index = split_key(unit)
        if index is None:
            self.add_to_prediction(key, model_id, facts)
            return
        with self._database.transaction():
            slices = (self.prediction(key, model_id) or {}).get(SLICES, {})
            own = {**slices.get(str(index), {}), **facts}
            self.add_to_prediction(key, model_id, {SLICES: {**slices, str(index): own}})

    def predictions(self, model_id: str) -> dict[str, dict[str, Any]]:
        """Return key → recorded facts for every case that a model has predicted."""
        rows = self._database.rows(
            "SELECT p.key, p.facts FROM predictions p JOIN cases c ON c.key = p.key "
            "WHERE p.model = ? ORDER BY c.position",
            (model_id,),
        )
        return {key: json.loads(facts) for key, facts in rows}

    def entropies(self, model_id: str) -> dict[str, float]:
        """Return unit → mean entropy (nats) of the cases, or slices, that a model has predicted."""
        if self.takes_slices:
            found = self.unit_predictions(model_id)
            return {unit: own["mean_entropy"] for unit, own in found.items()}
        rows = self._database.rows(
            "SELECT key, json_extract(facts, '$.mean_entropy') FROM predictions WHERE model = ?",
            (model_id,),
        )
        return {key: value for key, value in rows if value is not None}

    def save_map(
        self, name: str, facts: Mapping[str, Any], points: Mapping[str, tuple[float, float]]
    ) -> None:
        """Keep a 2-D map (unit → x, y) with how it was computed; one of the same name goes."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM maps WHERE name = ?", (name,))
            (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM maps").fetchone()
            connection.execute(
                "INSERT INTO maps VALUES (?, ?, ?, ?)", (last + 1, name, now(), dump(facts))
            )
            connection.executemany(
                "INSERT INTO map_points VALUES (?, ?, ?, ?, ?)",
                [(last + 1, *_place(unit), float(x), float(y)) for unit, (x, y) in points.items()],
            )

    def map(self, name: str | None = None) -> MapRecord | None:
        """Return the map called `name`, or the latest one; None if there is none."""
        where, values = ("1", ()) if name is None else ("name = ?", (name,))
        found = self._database.rows(
            f"SELECT id, name, created, facts FROM maps WHERE {where} "  # noqa: S608
            "ORDER BY id DESC LIMIT 1",
            values,
        )
        if not found:
            return None
        number, called, created, facts = found[0]
        rows = self._database.rows(
            "SELECT m.key, m.slice, m.x, m.y FROM map_points m JOIN cases c ON c.key = m.key "
            "WHERE m.map = ? ORDER BY c.position, m.slice",
            (number,),
        )
        points = {_unit(key, index): (x, y) for key, index, x, y in rows}
        return MapRecord(called, created, json.loads(facts), points)

    def mapped_rows(self) -> tuple[list[CaseRow], list[tuple[float, float]]]:
        """Return the cases of the latest map in brief, in pool order, and where each lies on it.

        Of a map of slices, each row is a slice under its own key, name, status and round.
        """
        rows = self._database.rows(
            f"SELECT {BRIEF_COLUMNS}, m.slice, m.x, m.y FROM cases "  # noqa: S608
            "JOIN map_points m USING (key) WHERE m.map = (SELECT max(id) FROM maps) "
            "ORDER BY position, m.slice"
        )
        found = brief([row[:-3] for row in rows])
        places = [row[-2:] for row in rows]
        if not rows or rows[0][-3] == WHOLE:
            return found, places
        units = [_unit(row.key, points[-3]) for row, points in zip(found, rows, strict=True)]
        statuses = self.unit_statuses(units)
        rounds = self.unit_rounds()
        return [
            row._replace(
                key=unit,
                name=f"{row.name}, slice {points[-3] + 1}",
                status=statuses[unit],
                round=rounds.get(unit),
                labelled=statuses[unit] is Status.LABELLED,
                queued=statuses[unit] in (Status.SUGGESTED, Status.IN_PROGRESS),
            )
            for row, unit, points in zip(found, units, rows, strict=True)
        ], places

    def _check_model(self, model_id: str) -> None:
        if not self._database.rows("SELECT 1 FROM models WHERE id = ?", (model_id,)):
            rows = self._database.rows("SELECT id FROM models ORDER BY number")
            known = ", ".join(name for (name,) in rows) or "none"
            raise InputError(f"The project has no model {model_id!r}; it has: {known}.")


def _place(unit: str) -> tuple[str, int]:
    key, index = split_key(unit)
    return key, WHOLE if index is None else index


def _unit(key: str, index: int) -> str:
    return key if index == WHOLE else slice_key(key, index)

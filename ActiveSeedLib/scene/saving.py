"""Saving the open case: what must be asked first, and what is odd about the label map."""

from collections.abc import Callable, Iterable
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from ActiveSeedLib.app.label_check import Finding
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.project import LabelSchema, Segment
from ActiveSeedLib.scene.segments import Overlap, adopt_stranger, label_of

if TYPE_CHECKING:
    from ActiveSeedLib.scene.desk import Desk

Then = Callable[[], None]
TOLD = 3  # findings in one message


class Saving:
    """One attempt to save the open case, which may need answers before it is done.

    Questions are messages with buttons; the user may go on editing instead of answering. Every
    step exports the segments anew, so what is saved is what they hold at that moment.

    Args:
        desk: whose case is saved.
        then: called once the case counts as done.
    """

    def __init__(self, desk: "Desk", then: Then | None = None) -> None:
        self._desk = desk
        self._front = desk.front
        self._then = then
        self._key = desk.key  # a message may outlive the case that it is about
        self._wins: set[tuple[int, int]] = set()  # (who keeps the voxels, who does not)
        self._left_out: set[str] = set()
        self._accepted: frozenset[str] = frozenset()
        self._shown = 0

    def go_on(self) -> None:
        """Save, or ask the next question."""
        case, session = self._desk.case, self._front.session
        if case is None or session is None or case.key != self._key:
            return
        with self._front.guarded():
            exported = label_of(
                case.segmentation, case.volume, session.schema, precedence(self._wins)
            )
            for overlap in exported.overlaps:
                if not self._is_decided(overlap):
                    self._ask_who_wins(overlap, session.schema)
                    return
            for name in exported.strangers:
                if name not in self._left_out:
                    self._ask_what_it_is(name)
                    return
            self._write(session, case.key, exported.image)

    # -- overlaps ---------------------------------------------------------------------------------

    def _is_decided(self, overlap: Overlap) -> bool:
        first, second = overlap.first_value, overlap.second_value
        return _leads(self._wins, first, second) or _leads(self._wins, second, first)

    def _ask_who_wins(self, overlap: Overlap, schema: LabelSchema) -> None:
        names = {segment.value: segment.name for segment in schema.segments}
        one, other = names[overlap.first_value], names[overlap.second_value]

        def first() -> None:
            self._decide(overlap.first_value, overlap.second_value)

        def second() -> None:
            self._decide(overlap.second_value, overlap.first_value)

        self._front.say(
            f"{one} and {other} overlap in {_voxels(overlap.voxels)}, but a "
            "voxel of a label map belongs to one of them. Which keeps them? Nothing is saved yet.",
            [
                (one, first),
                (other, second),
                ("Go on editing", self._front.clear_notice),
            ],
        )

    def _decide(self, winner: int, loser: int) -> None:
        self._wins.add((winner, loser))
        self.go_on()

    # -- segments that the schema does not know ---------------------------------------------------

    def _ask_what_it_is(self, name: str) -> None:
        def add() -> None:
            with self._front.guarded():
                self._add(name)
                self.go_on()

        def assign() -> None:
            self._front.ask_for_value(name, self._assign)

        def leave_out() -> None:
            self._left_out.add(name)
            self.go_on()

        self._front.say(
            f"The segment {name} is not in the label schema, so its voxels have no value to be "
            "saved with. What is it? Nothing is saved yet.",
            [
                ("Add to the schema", add),
                ("It is…", assign),
                ("Leave it out", leave_out),
                ("Go on editing", self._front.clear_notice),
            ],
        )

    def _add(self, name: str) -> None:
        case, session = self._desk.case, self._front.session
        if case is None or session is None:
            return
        segmentation = case.segmentation.GetSegmentation()
        segment = segmentation.GetSegment(segmentation.GetSegmentIdBySegmentName(name))
        red, green, blue = (round(255 * part) for part in segment.GetColor())
        added = add_to_schema(session, name, f"#{red:02x}{green:02x}{blue:02x}")
        adopt_stranger(case.segmentation, name, added.value)
        self._front.cases_changed()

    def _assign(self, name: str, value: int) -> None:
        case = self._desk.case
        if case is not None:
            with self._front.guarded():
                adopt_stranger(case.segmentation, name, value)
                self.go_on()

    # -- writing ----------------------------------------------------------------------------------

    def _write(self, session: Session, key: str, image: Image) -> None:
        findings = session.check(key, image)
        done = all(finding.sentence in self._accepted for finding in findings)
        self._desk.drafts.finish()  # else its draft would come back after the saving
        session.save(key, image, 0.0, done)
        self._desk.saved()
        if done:
            self._front.notice(f"{session.row(key).name} is saved.")
            if self._then is not None:
                self._then()
        else:
            self._tell(findings)

    def _tell(self, findings: list[Finding]) -> None:
        def count_as_done() -> None:
            self._accepted = frozenset(finding.sentence for finding in findings)
            self.go_on()

        def show_me() -> None:
            self._tell(findings)  # the buttons stay
            self._desk.jump_to_voxel(places[self._shown % len(places)])
            self._shown += 1

        places = [finding.position for finding in findings if finding.position is not None]
        sentences = [finding.sentence for finding in findings[:TOLD]]
        if len(findings) > TOLD:
            sentences.append(f"And {len(findings) - TOLD} more.")
        self._front.say(
            f"Saved, but not counted as done yet. {' '.join(sentences)}",
            [
                ("Count as done", count_as_done),
                *([("Show me", show_me)] if places else []),
                ("Go on editing", self._front.clear_notice),
            ],
        )


def precedence(wins: Iterable[tuple[int, int]]) -> list[int]:
    """Return the values so that every winner of a pair (winner, loser) comes before its loser."""
    before: dict[int, set[int]] = {}
    for winner, loser in sorted(wins):
        before.setdefault(winner, set())
        before.setdefault(loser, set()).add(winner)
    return list(TopologicalSorter(before).static_order())


def add_to_schema(session: Session, name: str, color: str) -> Segment:
    """Add a segment to the project's schema, with the value it had before or the next free one."""
    present = session.schema.segments
    top = max(segment.value for segment in present) + 1
    taken = session.schema.values
    problem: InputError | None = None
    # A removed segment keeps its value for good, and gets it again if it comes back.
    for value in [*range(top, top + len(present) + 1), *range(1, top)]:
        if value in taken:
            continue
        segment = Segment(value, name.strip(), color)
        try:
            session.project.change_schema(LabelSchema((*present, segment)))
        except InputError as error:
            problem = problem or error
        else:
            return segment
    assert problem is not None
    raise problem


def _leads(wins: set[tuple[int, int]], winner: int, loser: int) -> bool:
    """Return whether the answers say, directly or through others, that `winner` wins."""
    reached, waiting = {winner}, [winner]
    while waiting:
        one = waiting.pop()
        for first, second in wins:
            if first == one and second not in reached:
                reached.add(second)
                waiting.append(second)
    return loser in reached


def _voxels(count: int) -> str:
    return "one voxel" if count == 1 else f"{count:,} voxels"

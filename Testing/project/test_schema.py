import pytest
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.project import LabelSchema, Project, Segment

names = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
colors = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
schemas = st.lists(
    st.builds(Segment, st.integers(1, 65535), names, colors),
    min_size=1,
    max_size=8,
    unique_by=(lambda s: s.value, lambda s: s.name.casefold()),
).map(lambda segments: LabelSchema(tuple(segments)))


@given(schemas)
def test_json_keeps_every_schema(schema: LabelSchema) -> None:
    assert LabelSchema.from_json(schema.to_json()) == schema


def test_parsing_reads_values_names_and_colours() -> None:
    schema = LabelSchema.parse("1=anterior, 2 = posterior part #56B4E9")
    assert [(s.value, s.name) for s in schema.segments] == [(1, "anterior"), (2, "posterior part")]
    assert schema.segments[1].color == "#56B4E9"
    assert schema.values == {1, 2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one segment"),
        ("anterior", "value=name"),
        ("0=background", "from 1 to 65535"),
        ("65536=big", "from 1 to 65535"),
        ("1=a,1=b", "value 1 twice"),
        ("1=a,2=A", "name a twice"),
    ],
)
def test_a_schema_that_cannot_be_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        LabelSchema.parse(text)


@pytest.mark.parametrize("text", ["", "[]", '{"segments": [{"value": 1}]}', '{"segments": 3}'])
def test_json_that_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        LabelSchema.from_json(text)


def test_names_and_colours_change_and_values_are_added(project: Project) -> None:
    new = LabelSchema.parse("2=tail#000000,1=head,7=cyst")
    project.change_schema(new)
    assert project.schema == new


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1=posterior,2=anterior", "cannot become"),
        ("3=anterior,2=posterior", "cannot become 3"),
        ("1=anterior,3=POSTERIOR", "cannot become 3"),
    ],
)
def test_a_value_is_never_renumbered(project: Project, text: str, said: str) -> None:
    before = project.schema
    with pytest.raises(InputError, match=said):
        project.change_schema(LabelSchema.parse(text))
    assert project.schema == before


def test_the_value_of_a_removed_segment_is_never_reused(project: Project) -> None:
    project.change_schema(LabelSchema.parse("1=anterior"))
    for text in ("1=anterior,2=cyst", "1=anterior,3=posterior"):
        with pytest.raises(InputError):
            project.change_schema(LabelSchema.parse(text))
    project.change_schema(LabelSchema.parse("1=anterior,2=posterior"))  # the very same comes back
    assert project.schema.values == {1, 2}


def test_a_value_that_label_maps_hold_is_not_removed(project, key, make_label) -> None:
    project.save_label(key(0), make_label(1), source="user")
    with pytest.raises(InputError, match="value 2 cannot be removed: 1 label map"):
        project.change_schema(LabelSchema.parse("1=anterior"))


@given(st.lists(schemas, min_size=2, max_size=6))
def test_no_sequence_of_changes_gives_a_value_a_second_meaning(history: list[LabelSchema]) -> None:
    """The rule itself, replayed: a name keeps its value, a removed value its last name."""
    from ActiveSeedLib.project.schema import check_change

    known: dict[int, tuple[Segment, bool]] = {s.value: (s, False) for s in history[0].segments}
    for new in history[1:]:
        try:
            check_change(list(known.values()), {}, new)
        except InputError:
            continue
        for segment in new.segments:
            before, removed = known.get(segment.value, (segment, False))
            assert not removed or before.name.casefold() == segment.name.casefold()
            current = {s.name.casefold(): s.value for s, _ in known.values()}
            assert current.get(segment.name.casefold(), segment.value) == segment.value
        known = {value: (segment, True) for value, (segment, _) in known.items()}
        known |= {s.value: (s, False) for s in new.segments}

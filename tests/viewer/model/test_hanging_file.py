from __future__ import annotations

import re
from pathlib import Path

import pytest

from gmic_core.errors import ProtocolFileError
from viewer.model.hanging import load_protocols, read_protocol
from viewer.model.hanging_file import parse_protocol
from viewer.model.hanging_rules import Match, Steps

GOOD = """\
format = 1
id = "mine"
label = "CC only"
grid = [1, 2]

[[slot]]
row = 0
column = 0
title = "R-CC"
laterality = "R"
views = ["CC"]
modalities = ["FFDM", "any"]

[[slot]]
row = 0
column = 1
title = "DBT {label}"
laterality = "focus"
views = ["focus", "other"]
modalities = ["DBT"]
optional = true
"""


def test_a_file_says_what_hangs_where() -> None:
    protocol = parse_protocol(GOOD, "mine.toml")
    assert (protocol.id, protocol.label, protocol.grid) == ("mine", "CC only", (1, 2))
    assert protocol.slots[0].modalities == ("FFDM", "any")
    assert not protocol.slots[0].optional
    assert protocol.slots[1].optional
    assert protocol.slots[1].views == ("focus", "other")


TABLES = GOOD.replace(
    "grid = [1, 2]\n",
    """grid = [1, 2]

[match]
modalities = ["DBT"]
views = ["CC"]
sides = ["R"]
prior = true

[steps]
order = 5
each = "side"
label = "{label} in {modality}"
fill = 2
unless = ["compare"]
""",
).replace('modalities = ["DBT"]\noptional', 'modalities = ["DBT"]\ndate = "prior"\nextra = "only"\noptional')


def test_a_file_may_say_which_exams_it_is_for_and_which_steps_it_gives() -> None:
    protocol = parse_protocol(TABLES, "mine.toml")
    assert protocol.match == Match(("DBT",), ("CC",), ("R",), True)
    assert protocol.steps == Steps(5, "side", "{label} in {modality}", 2, ("compare",))
    assert (protocol.slots[0].date, protocol.slots[0].extra) == ("current", "any")
    assert (protocol.slots[1].date, protocol.slots[1].extra) == ("prior", "only")
    plain = parse_protocol(GOOD, "mine.toml")
    assert (plain.match, plain.steps) == (Match(), None)


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "says"),
    [
        ('modalities = ["DBT"]\nviews', 'modalities = "DBT"\nviews', 7, "match.modalities", "must be a list"),
        ('views = ["CC"]\nsides', 'views = ["ML0"]\nsides', 8, "match.views", '"ML0" is none of AT, CC, '),
        ('sides = ["R"]', 'sides = ["right"]', 9, "match.sides", '"right" is none of L, R'),
        ("prior = true", 'prior = "yes"', 10, "match.prior", "true or false"),
        ("prior = true", "priors = true", 10, "match.priors", "is not known; the fields are modalities, views, sides"),
        ("order = 5", "order = -1", 13, "steps.order", "from 0 to 1000"),
        ("order = 5\n", "", 12, "steps.order", "from 0 to 1000"),
        ('each = "side"', 'each = "breast"', 14, "steps.each", '"view" or "image", not "breast"'),
        ("in {modality}", "in {colour}", 15, "steps.label", "no braces but {label} and {modality}"),
        ("fill = 2", "fill = 3", 16, "steps.fill", "from 1 to 2"),
        ('unless = ["compare"]', "unless = 3", 17, "steps.unless", "must be a list"),
        ('date = "prior"', 'date = "2020"', 34, "date", '"focus" or "any", not "2020"'),
        ('extra = "only"', 'extra = "yes"', 35, "extra", '"only", not "yes"'),
        ("[steps]", "[[steps]]", 12, "steps", "must be a table, [steps]"),
    ],
)
def test_a_wrong_field_of_a_table_is_named_with_file_and_line(
    old: str, new: str, line: int, field: str, says: str
) -> None:
    assert TABLES.count(old) == 1
    with pytest.raises(ProtocolFileError) as caught:
        parse_protocol(TABLES.replace(old, new), "mine.toml")
    assert str(caught.value).startswith(f"mine.toml, line {line}, field {field}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "says"),
    [
        ("format = 1", "format = 2", 1, "format", "must be 1"),
        ("format = 1\n", "", 1, "format", "must be 1"),
        ('id = "mine"', "id = 7", 2, "id", "text in quotes"),
        ('label = "CC only"', 'label = " "', 3, "label", "text in quotes"),
        ("grid = [1, 2]", "grid = [0, 2]", 4, "grid", "[rows, columns]"),
        ("grid = [1, 2]", "grid = [1, 2]\ncolour = 3", 5, "colour", "is not known"),
        ("column = 1", "column = 2", 16, "column", "from 0 to 1"),
        ("column = 1", "column = true", 16, "column", "from 0 to 1"),
        ("column = 1", "column = 0", 15, "row", "another slot"),
        ('laterality = "focus"', 'laterality = "right"', 18, "laterality", 'not "right"'),
        ('modalities = ["FFDM", "any"]', 'modalities = ["FFDN"]', 12, "modalities", '"FFDN" is none of FFDM'),
        ('modalities = ["DBT"]', 'modalites = ["DBT"]', 20, "modalites", "is not known"),
        ('modalities = ["DBT"]\n', "", 14, "modalities", "must be a list"),
        ('views = ["CC"]', "views = []", 11, "views", "must be a list"),
        ('views = ["CC"]', 'views = ["cc"]', 11, "views", '"cc" is none of AT, CC, '),
        ('title = "DBT {label}"', 'title = "DBT {view}"', 17, "title", "no braces"),
        ("optional = true", 'optional = "yes"', 21, "optional", "true or false"),
    ],
)
def test_a_wrong_field_is_named_with_file_and_line(old: str, new: str, line: int, field: str, says: str) -> None:
    assert GOOD.count(old) == 1 or field == "column"
    text = new.join(GOOD.rsplit(old, 1))
    with pytest.raises(ProtocolFileError) as caught:
        parse_protocol(text, "mine.toml")
    message = str(caught.value)
    assert message.startswith(f"mine.toml, line {line}, field {field}: ")
    assert says in message
    assert message.endswith("See docs/guide/hanging.md.")


def test_a_file_that_is_not_toml_names_the_line() -> None:
    with pytest.raises(ProtocolFileError, match=r"^mine.toml, line 6, field grid: this is not TOML"):
        parse_protocol(GOOD.replace("grid = [1, 2]", "grid = [1, 2"), "mine.toml")
    with pytest.raises(ProtocolFileError, match=r"line 2, field id: this is not TOML"):
        parse_protocol('format = 1\nid = "mine', "mine.toml")
    with pytest.raises(ProtocolFileError, match=r"line 1, field format"):
        parse_protocol("", "mine.toml")


def test_a_file_without_slots_is_wrong() -> None:
    with pytest.raises(ProtocolFileError, match=r"line 1, field slot: at least one"):
        parse_protocol(GOOD[: GOOD.index("[[slot]]")], "mine.toml")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProtocolFileError, match=r"binary.toml, line 1, field format: the file cannot be read as text"):
        read_protocol(path)


def test_a_letter_that_is_not_utf8_is_found_and_the_mark_of_windows_editors_is_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(GOOD.replace("CC only", "tête").encode("latin-1"))
    with pytest.raises(ProtocolFileError, match=r"mine.toml, line 3, field label: .* save it in UTF-8"):
        read_protocol(path)
    path.write_text(GOOD, "utf-8-sig")
    assert read_protocol(path).id == "mine"


def test_a_protocol_in_another_language_is_named_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}", "utf-8")
    (tmp_path / "LOUD.TOML").write_text(GOOD, "utf-8")
    problems: list[str] = []
    assert "mine" in load_protocols(tmp_path, problems.append)
    assert len(problems) == 1
    assert "mine.json, line 1, field format: a hanging protocol is a .toml file" in problems[0]


def test_of_two_files_with_one_id_the_second_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD, "utf-8")
    (tmp_path / "copy of a.toml").write_text(GOOD.replace("CC only", "other"), "utf-8")
    problems: list[str] = []
    assert load_protocols(tmp_path, problems.append)["mine"].label == "CC only"
    assert len(problems) == 1
    assert 'copy of a.toml, line 2, field id: a.toml has the id "mine" already.' in problems[0]


def test_a_user_adds_and_replaces_protocols(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD, "utf-8")
    (tmp_path / "four.toml").write_text(GOOD.replace('"mine"', '"2x2"'), "utf-8")
    (tmp_path / "notes.txt").write_text("no protocol", "utf-8")
    protocols = load_protocols(tmp_path)
    assert sorted(protocols) == ["2x2", "all", "compare", "dbt", "mine", "prior", "prior-view", "single"]
    assert protocols["2x2"].label == "CC only"
    assert load_protocols(tmp_path / "absent").keys() == load_protocols().keys()


def test_a_wrong_file_of_the_user_leaves_the_others_in_place(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("format = 1\n", "utf-8")
    (tmp_path / "b.toml").write_text(GOOD, "utf-8")
    with pytest.raises(ProtocolFileError, match=r"a\.toml"):
        load_protocols(tmp_path)
    problems: list[str] = []
    assert "mine" in load_protocols(tmp_path, problems.append)
    assert len(problems) == 1
    assert "a.toml, line 1, field grid" in problems[0]


def test_every_example_of_the_guide_is_a_protocol() -> None:
    guide = Path(__file__).parents[3] / "docs" / "guide" / "hanging.md"
    examples = re.findall(r"```toml\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)
    assert [parse_protocol(text, "hanging.md").id for text in examples] == ["compare", "mlo-oldest"]

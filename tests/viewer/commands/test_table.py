"""The table of commands: keys, words, groups, reasons."""

from __future__ import annotations

import re

import pytest

from tests.helpers.panel_fakes import make_context, make_exam
from viewer.commands import COMMANDS, GROUPS, find_by_key, key_conflicts, run
from viewer.commands.table import command

DEFAULT_KEYS = {
    "Up": "navigate.previous_slice",
    "Down": "navigate.next_slice",
    "PgUp": "navigate.previous_slice",
    "PgDown": "navigate.next_slice",
    "Home": "navigate.first_slice",
    "End": "navigate.last_slice",
    "Left": "navigate.previous_viewport",
    "Right": "navigate.next_viewport",
    ".": "layout.next",
    ",": "layout.previous",
    "N": "navigate.next_highlight",
    "Shift+N": "navigate.previous_highlight",
    "C": "navigate.toggle_cine",
    "F": "zoom.fit",
    "1": "zoom.one_to_one",
    "T": "zoom.true_size",
    "I": "window.invert",
    "F1": "window.preset_1",
    "F2": "window.preset_2",
    "F3": "window.preset_3",
    "F4": "window.preset_4",
    "G": "overlay.toggle_all",
    "M": "overlay.malignant",
    "B": "overlay.benign",
    "P": "overlay.patches",
    "J": "navigate.next_patch",
    "Ctrl+Z": "edit.undo",
    "Ctrl+Y": "edit.redo",
    "Ctrl+O": "file.open",
    "Ctrl+S": "file.screenshot",
    "?": "help.show",
    "Esc": "help.escape",
    "L": "zoom.lens",
    "V": "zoom.sweep_next",
    "Shift+V": "zoom.sweep_previous",
    "S": "slab.toggle",
    "Shift+C": "navigate.cine_sweep",
}


@pytest.mark.parametrize(("key", "command_id"), DEFAULT_KEYS.items())
def test_default_keys(key: str, command_id: str) -> None:
    entry = find_by_key(key)
    assert entry is not None
    assert entry.id == command_id


def test_no_key_has_two_owners() -> None:
    assert key_conflicts() == []


def test_a_conflict_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        COMMANDS,
        "test.other",
        COMMANDS["zoom.fit"].__class__("test.other", "Other", ("f",), "AI", print, lambda _: None),
    )
    assert key_conflicts() == [("f", "zoom.fit", "test.other")]


@pytest.mark.parametrize("entry", COMMANDS.values(), ids=lambda entry: entry.id)
def test_every_command_is_described(entry) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z0-9_]+", entry.id)
    assert entry.group in GROUPS
    assert entry.label[0].isupper() or entry.label[0].isdigit()
    assert entry.description.endswith(".")
    assert not (entry.takes and entry.keys)
    if entry.keys:
        assert f"({entry.keys[0]})" in entry.tooltip_now(make_context())


@pytest.mark.parametrize("entry", COMMANDS.values(), ids=lambda entry: entry.id)
def test_without_an_exam_a_command_runs_or_says_why_not(entry) -> None:
    reason = entry.why_disabled(make_context())
    assert reason is None or (reason.endswith(".") and len(reason) < 140)


def test_a_disabled_command_tells_the_reader_instead_of_running() -> None:
    context = make_context()
    hints: list[tuple[str, str]] = []
    context.session.notice.connect(lambda level, text: hints.append((level, text)))
    assert run("zoom.fit", context) is False
    assert hints == [("hint", "Fit: no exam is open; drop a DICOM folder on the window or press Ctrl+O.")]


def test_the_tooltip_names_the_key_and_the_reason() -> None:
    entry = COMMANDS["zoom.true_size"]
    assert (
        entry.tooltip_now(make_context(make_exam()))
        == "True size (T)\nShow one mm of the breast as one mm on the screen."
    )
    assert entry.tooltip_now(make_context()).startswith("True size (T)\nNot available: no exam is open")


@pytest.mark.parametrize(
    ("changes"),
    [{"id": "zoom.fit"}, {"group": "Nowhere"}, {"keys": "X", "takes": "a value"}],
    ids=["taken id", "unknown group", "key for a command with a value"],
)
def test_a_wrong_registration_is_refused(changes: dict[str, str]) -> None:
    words = {"id": "test.new", "label": "New", "group": "AI"} | changes
    with pytest.raises(ValueError, match=words["id"]):
        command(**words)(lambda context: None)
    assert "test.new" not in COMMANDS

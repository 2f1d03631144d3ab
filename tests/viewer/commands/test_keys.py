"""Keys that a reader changed: conflicts, resets, what tooltips and reasons say then."""

from __future__ import annotations

import itertools
import json

import pytest

from tests.helpers.panel_fakes import make_context, make_exam
from viewer.commands import COMMANDS, Context, run
from viewer.commands.finding import find_commands
from viewer.commands.keys import drop_conflicts, owner_of, why_not_key, why_not_reset
from viewer.model.keymap import KeyMap
from viewer.model.settings import Settings, load_settings, save_settings, settings_path


@pytest.fixture
def context() -> Context:
    return make_context(make_exam())


def test_a_free_key_replaces_the_keys_of_a_command(context: Context) -> None:
    run("settings.assign_key", context, "navigate.next_slice", "Ctrl+Alt+F12")
    entry = COMMANDS["navigate.next_slice"]
    assert entry.keys_now(context) == ("Ctrl+Alt+F12",)
    assert entry.tooltip_now(context).startswith("Next slice (Ctrl+Alt+F12)\n")
    assert owner_of(context, "ctrl+alt+f12") is entry
    assert owner_of(context, "Down") is None
    assert context.actions.calls == [("save_settings",)]


def test_a_key_of_another_command_is_refused_with_its_name(context: Context) -> None:
    told: list[str] = []
    context.session.notice.connect(lambda level, text: told.append(text))
    run("settings.assign_key", context, "zoom.fit", "G")
    assert told == ["G already runs “Show AI” (AI)."]
    assert COMMANDS["zoom.fit"].keys_now(context) == ("F",)
    assert why_not_key(context, "overlay.toggle_all", "G") is None


def test_taking_a_key_takes_only_that_one_from_the_other(context: Context) -> None:
    run("settings.take_key", context, "zoom.fit", "PgUp")
    assert COMMANDS["zoom.fit"].keys_now(context) == ("PgUp",)
    assert COMMANDS["navigate.previous_slice"].keys_now(context) == ("Up",)


@pytest.mark.parametrize("key", ["Tab", "Shift+Tab"])
def test_keys_that_the_keyboard_needs_are_never_given_away(context: Context, key: str) -> None:
    for command_id in ("settings.assign_key", "settings.take_key"):
        run(command_id, context, "zoom.fit", key)
        assert COMMANDS["zoom.fit"].keys_now(context) == ("F",)


def test_reset_gives_the_own_keys_back_unless_they_are_taken(context: Context) -> None:
    run("settings.take_key", context, "zoom.fit", "G")
    run("settings.assign_key", context, "zoom.true_size", "F")
    assert why_not_reset(context, "zoom.fit") == "F already runs “True size” (Zoom and pan)."
    run("settings.reset_key", context, "zoom.fit")
    assert COMMANDS["zoom.fit"].keys_now(context) == ("G",)
    run("settings.reset_key", context, "zoom.true_size")
    run("settings.reset_key", context, "zoom.fit")
    assert COMMANDS["zoom.fit"].keys_now(context) == ("F",)
    assert COMMANDS["overlay.toggle_all"].keys_now(context) == ()
    run("settings.reset_keys", context)
    assert COMMANDS["overlay.toggle_all"].keys_now(context) == ("G",)
    assert COMMANDS["settings.reset_keys"].why_disabled(context) == "no key was changed."


def test_reasons_name_the_key_in_force(context: Context) -> None:
    empty = make_context()
    fit = COMMANDS["zoom.fit"]
    assert fit.why_disabled(empty) == "no exam is open; drop a DICOM folder on the window or press Ctrl+O."
    empty.keys.assign({"file.open": ["Ctrl+Alt+O"]})
    assert fit.why_disabled(empty) == "no exam is open; drop a DICOM folder on the window or press Ctrl+Alt+O."
    empty.keys.assign({"file.open": []})
    assert str(fit.why_disabled(empty)).endswith("or press “Open files” in the menu.")


def test_no_sentence_of_the_table_names_a_key_by_hand() -> None:
    """Every key is changed; whatever still names a default key of more than one letter would mislead."""
    context, loaded = make_context(), make_context(make_exam())
    for one in (context, loaded):
        one.keys.assign({entry.id: [f"Meta+Alt+{number}"] for number, entry in enumerate(COMMANDS.values())})
    defaults = {key for entry in COMMANDS.values() for key in entry.keys} - {"Return", "Enter"}
    for entry in COMMANDS.values():
        for one in (context, loaded):
            for text in (entry.tooltip_now(one), entry.why_disabled(one) or ""):
                words = text.replace("Ctrl+wheel", "").replace(";", " ").replace(",", " ").replace(".", " ").split()
                named = {word for before, word in itertools.pairwise(words) if before in ("press", "key")}
                assert not named & defaults, (entry.id, text)
                assert not {word for word in words if "+" in word} & defaults, (entry.id, text)


def test_changed_keys_are_kept_in_the_settings() -> None:
    settings = Settings()
    KeyMap(settings.keys).assign({"zoom.fit": ["Ctrl+F"], "zoom.in": []})
    save_settings(settings)
    assert json.loads(settings_path().read_text("utf-8"))["keys"] == {"zoom.fit": ["Ctrl+F"], "zoom.in": []}
    assert KeyMap(load_settings().keys).keys("zoom.fit", ("F",)) == ("Ctrl+F",)


def test_a_conflict_made_elsewhere_is_told_and_the_default_owner_keeps_the_key(context: Context) -> None:
    context.keys.assign({"zoom.fit": ["G", "Ctrl+Alt+F11"], "gone.command": ["X"]})
    assert drop_conflicts(context) == ["Fit: G already runs “Show AI” (AI). Choose a key for it in the settings."]
    assert COMMANDS["zoom.fit"].keys_now(context) == ("Ctrl+Alt+F11",)
    assert COMMANDS["overlay.toggle_all"].keys_now(context) == ("G",)
    assert drop_conflicts(context) == []


def test_commands_are_found_by_what_they_are_called(context: Context) -> None:
    def found(text: str) -> list[str]:
        return [entry.id for entry in find_commands(text, context)]

    assert found("fit")[0] == "zoom.fit"
    assert found("next sl")[0] == "navigate.next_slice"
    assert found("SETT")[0] == "settings.show"
    assert found("no such thing") == []
    assert not any(COMMANDS[name].takes for name in found(""))
    assert len(found("")) == sum(not entry.takes for entry in COMMANDS.values())

"""What is known about screens, and that it is kept."""

from __future__ import annotations

import json

import pytest

from gmic_core.errors import StoreError
from viewer.model.display_file import displays_path, load_displays, save_displays
from viewer.model.displays import DisplayModel, DisplayProfile, profile_problem


def test_a_new_screen_is_srgb_and_not_calibrated() -> None:
    profile = DisplayModel().profile("EIZO RX360 123")
    assert (profile.output, profile.calibrated, profile.pixel_mm) == ("srgb", "", None)


def test_a_change_is_told_once() -> None:
    model, told = DisplayModel(), []
    model.changed.connect(lambda: told.append(1))
    for _ in range(2):
        model.set_profile("A", DisplayProfile("gsdf", 0.5, 300))
        model.set_air_black(False)
    assert len(told) == 2
    assert model.profile("A").brightest == 300
    assert model.profile("B").output == "srgb"


def test_another_luminance_needs_another_confirmation() -> None:
    calibrated = DisplayProfile("gsdf", 0.5, 300, calibrated="2024-05-06")
    assert calibrated.changed(pixel_mm=0.2).calibrated == "2024-05-06"
    assert calibrated.changed(brightest=250.0).calibrated == ""
    assert calibrated.changed(brightest=250.0, calibrated="2024-05-07").calibrated == "2024-05-07"


@pytest.mark.parametrize(
    ("profile", "problem"),
    [
        (DisplayProfile(), ""),
        (DisplayProfile("gsdf", 0.01, 250), "the luminance lies between 0.05 and 3000 cd/m²"),
        (DisplayProfile("gsdf", 200, 250), "white must be at least twice as bright as black"),
        (DisplayProfile(pixel_mm=5.0), "a pixel is between 0.02 and 2 mm wide"),
    ],
)
def test_what_cannot_be_is_said(profile: DisplayProfile, problem: str) -> None:
    assert profile_problem(profile) == problem


def test_screens_come_back() -> None:
    profiles = {
        "A": DisplayProfile("gsdf", 0.4, 420, 0.2115, "2024-05-06"),
        "B": DisplayProfile(calibrated="2025-01-02"),
    }
    assert load_displays() == ({}, "")
    save_displays(profiles)
    assert load_displays() == (profiles, "")


@pytest.mark.parametrize(
    "entry",
    [
        3,
        {"output": "srgb"},
        {"output": "film", "darkest": 1, "brightest": 200, "pixel_mm": None, "calibrated": ""},
        {"output": "srgb", "darkest": 1, "brightest": 200, "pixel_mm": None, "calibrated": "yesterday"},
        {"output": "srgb", "darkest": 1, "brightest": float("nan"), "pixel_mm": None, "calibrated": ""},
    ],
)
def test_a_damaged_entry_counts_as_not_set_up(entry: object) -> None:
    save_displays({"good": DisplayProfile(calibrated="2024-05-06")})
    data = json.loads(displays_path().read_text("utf-8"))
    displays_path().write_text(json.dumps(data | {"bad": entry}), "utf-8")
    profiles, problem = load_displays()
    assert list(profiles) == ["good"]
    assert problem == "displays.json: bad could not be used; set that display up again (Set up this display)."


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_a_damaged_file_is_told(text: str) -> None:
    save_displays({})
    displays_path().write_text(text, "utf-8")
    profiles, problem = load_displays()
    assert profiles == {}
    assert "set the displays up again" in problem


def test_a_disk_that_does_not_take_it_is_told() -> None:
    displays_path().mkdir(parents=True)
    with pytest.raises(StoreError, match="free the place, or set GMIC_HOME"):
        save_displays({})

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from gmic_core.errors import StoreError
from viewer.model.overlays import OverlaySettings
from viewer.model.settings import RECENT_LIMIT, Settings, load_settings, save_settings, settings_path


def test_the_first_run_has_defaults_and_writes_nothing(gmic_home: Path) -> None:
    settings = load_settings()
    assert settings == Settings()
    assert settings.device == "auto"
    assert settings.layout == "2x2"
    assert not settings.ai_automatic
    assert list(gmic_home.iterdir()) == []


def test_what_is_saved_comes_back(gmic_home: Path) -> None:
    settings = Settings(
        weights={"gmic3d": ["sample_model_1", "/data/own.p"], "gmic2d": ["random:0"]},
        device="cuda",
        ai_automatic=True,
        recent=["/exams/Müller", "/exams/b.zip"],
        overlay=OverlaySettings(benign=False, opacity=0.25, threshold_malignant=0.5),
        layout="compare",
        panels={"study": False},
        cine_fps=20.0,
        cine_sweep=False,
        slab_mm=5.0,
        slab_mode="maximum",
        lens_strength=3.0,
        identity_hidden=True,
        window_geometry="AdnQywADAAA=",
        window_state="AAAA",
    )
    save_settings(settings)
    assert load_settings() == settings
    assert [path.name for path in gmic_home.iterdir()] == ["settings.json"]
    assert "Müller" in settings_path().read_text("utf-8")


def test_saving_makes_the_folder(gmic_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GMIC_HOME", str(gmic_home / "deep" / "er"))
    save_settings(Settings(device="cpu"))
    assert load_settings().device == "cpu"


def test_recent_paths_are_listed_once_newest_first() -> None:
    settings = Settings()
    for name in [*"abc", "a", *(f"x{index}" for index in range(RECENT_LIMIT - 2))]:
        settings.remember_path(Path(name))
    assert len(settings.recent) == 10
    assert settings.recent[0] == "x7"
    assert settings.recent[-2:] == ["a", "c"]


@pytest.mark.parametrize("content", ["", "{not json", "[1, 2]", "\x00\x01", "nul"])
def test_a_damaged_file_is_put_aside_and_the_window_opens(
    content: str, gmic_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings_path().write_text(content, "utf-8")
    problems: list[str] = []
    with caplog.at_level(logging.WARNING):
        assert load_settings(problems.append) == Settings()
    assert len(problems) == 1
    assert "the old file is kept as" in problems[0]
    assert problems == caplog.messages
    assert (gmic_home / "settings.json.bad").read_text("utf-8") == content
    assert not settings_path().exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weights", {"gmic3d": "one"}),
        ("weights", ["a"]),
        ("device", "tpu"),
        ("ai_automatic", 1),
        ("recent", ["a", 3]),
        ("layout", None),
        ("panels", {"study": "open"}),
        ("cine_fps", 500),
        ("cine_fps", True),
        ("cine_sweep", 1),
        ("slab_mm", 25),
        ("slab_mode", "median"),
        ("lens_strength", 9.0),
        ("window_geometry", 5),
        ("overlay", "all"),
    ],
)
def test_one_wrong_field_goes_back_to_its_default_and_the_others_stay(field: str, value: object) -> None:
    data = {"identity_hidden": True, "a_field_of_a_later_version": 1, field: value}
    settings_path().write_text(json.dumps(data), "utf-8")
    problems: list[str] = []
    assert load_settings(problems.append) == Settings(identity_hidden=True)
    assert problems == [f"settings.json: {field} could not be used; the default is in force again."]


def test_one_wrong_overlay_field_leaves_the_other_ones() -> None:
    settings_path().write_text(json.dumps({"overlay": {"opacity": 1.5, "benign": False, "contour": "no"}}), "utf-8")
    problems: list[str] = []
    assert load_settings(problems.append).overlay == OverlaySettings(benign=False)
    assert "overlay.contour, overlay.opacity" in problems[0]


def test_a_failed_save_keeps_the_old_file_and_says_so(gmic_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_settings(Settings(device="cpu"))

    def full(self: Path, *args: object, **kwargs: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(StoreError, match="No space left on device"):
            save_settings(Settings(device="cuda"))
    assert load_settings().device == "cpu"
    assert [path.name for path in gmic_home.iterdir()] == ["settings.json"]

from __future__ import annotations

import pytest

from gmic_core.types import Finding
from viewer.model.overlays import OverlayModel, OverlaySettings


def test_each_finding_has_its_switch_and_threshold() -> None:
    settings = OverlaySettings(malignant=False, threshold_malignant=0.3, threshold_benign=0.2)
    assert not settings.shows(Finding.MALIGNANT)
    assert settings.shows(Finding.BENIGN)
    assert settings.threshold(Finding.MALIGNANT) == 0.3
    assert settings.threshold(Finding.BENIGN) == 0.2


def test_one_switch_hides_all() -> None:
    settings = OverlaySettings(visible=False)
    assert not any(settings.shows(finding) for finding in Finding)


def test_changes_are_told_and_only_changes() -> None:
    overlays = OverlayModel()
    told: list[OverlaySettings] = []
    overlays.changed.connect(told.append)
    overlays.update(opacity=0.4, benign=False)
    overlays.update(opacity=0.4)
    assert told == [OverlaySettings(opacity=0.4, benign=False)]
    assert overlays.settings is told[0]


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(TypeError, match="colour"):
        OverlayModel().update(colour=1.0)

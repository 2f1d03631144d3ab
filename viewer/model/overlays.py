"""What of the AI is laid over the images; one object for all viewports."""

from __future__ import annotations

from dataclasses import dataclass, replace

from psygnal import Signal

from gmic_core.types import Finding


@dataclass(frozen=True)
class OverlaySettings:
    """Switches and sliders of the overlay panel; thresholds are saliency values, 0..1."""

    visible: bool = True  # the one key that hides all AI
    malignant: bool = True
    benign: bool = True
    boxes: bool = True
    contour: bool = False
    window: bool = False  # the window that the network saw
    opacity: float = 0.55
    threshold_malignant: float = 0.10
    threshold_benign: float = 0.10

    def shows(self, finding: Finding) -> bool:
        """Whether the map of a class is painted."""
        return self.visible and (self.malignant if finding is Finding.MALIGNANT else self.benign)

    def threshold(self, finding: Finding) -> float:
        """Saliency value at and under which a class is transparent."""
        return self.threshold_malignant if finding is Finding.MALIGNANT else self.threshold_benign


class OverlayModel:
    """Holds the settings and tells who paints.

    Signals
    -------
    changed(OverlaySettings)
    """

    changed = Signal(OverlaySettings)

    def __init__(self, settings: OverlaySettings | None = None) -> None:
        self.settings = settings or OverlaySettings()

    def update(self, **fields: bool | float) -> None:
        """Change some fields, e.g. ``update(opacity=0.4)``."""
        settings = replace(self.settings, **fields)  # type: ignore[arg-type]  # names are checked by replace()
        if settings != self.settings:
            self.settings = settings
            self.changed.emit(settings)

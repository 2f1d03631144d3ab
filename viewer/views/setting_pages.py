"""The pages of the settings dialog: display, reading, AI, storage; keys are in :mod:`viewer.views.key_page`."""

from __future__ import annotations

from functools import partial

from viewer.commands import Context
from viewer.model.settings import CINE_FPS
from viewer.views.setting_rows import Page

SCALES = (1.0, 1.25, 1.5, 1.75, 2.0)
MIB = float(1 << 20)


def size_text(number: float) -> str:
    """Return a number of bytes in MiB or GiB."""
    return f"{number / MIB / 1024:.1f} GiB" if number >= 1024 * MIB else f"{number / MIB:.0f} MiB"


class DisplayPage(Page):
    """Size of the interface, panels, identity."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "Display")
        settings = context.settings
        self._scale_now = settings.ui_scale
        self.section("Interface")
        self.choice(
            "settings.ui_scale",
            "Size of the interface",
            [(f"{scale * 100:.0f} %", scale) for scale in SCALES],
            lambda: min(SCALES, key=lambda scale: abs(scale - settings.ui_scale)),
        )
        self.restart = self.note("Close the program and start it again to see the new size.", "warning")
        self.switch("view.study_list", "Show the study list")
        self.switch("view.ai_panel", "Show the AI panel")
        self.section("Identity")
        self.switch("view.hide_identity", "Hide who the patient is")
        self.note("Hidden names stand nowhere on screen, in titles or in screenshots.")
        self.finish()

    def refresh(self) -> None:
        """Show the present values."""
        super().refresh()
        self.restart.setVisible(self.context.settings.ui_scale != self._scale_now)


class ReadingPage(Page):
    """How exams open and play."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "Reading")
        settings = context.settings
        layouts = [(label, layout) for layout, label in context.actions.offered_layouts()]
        self.section("Opening")
        self.choice("settings.layout", "First layout", layouts, lambda: settings.layout)
        self.switch("settings.offer_last", "Offer the last exam at the start", lambda: settings.offer_last)
        self.section("Slices")
        low, high = CINE_FPS
        self.slider("settings.cine_fps", "Cine speed", (int(low), int(high)), lambda: settings.cine_fps, " per second")
        self.switch("navigate.cine_sweep", "Cine to and fro", lambda: settings.cine_sweep)
        self.finish()


class AiPage(Page):
    """Where and when the networks run, with which weights, and what is laid over the images."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "AI")
        settings = context.settings
        self.section("Running")
        devices = [
            ("Automatic", "auto"),
            ("Automatic, always exact", "auto/exact"),
            ("Processor (CPU), exact", "cpu"),
            ("Graphics card (CUDA), fast", "cuda"),
            ("Graphics card (CUDA), exact", "cuda/exact"),
        ]
        self.choice("settings.device", "Compute on", devices, lambda: settings.device)
        self.switch("ai.automatic", "Run the networks when an exam opens")
        self._add_weights()
        self.section("Overlay")
        for command_id, name in (
            ("overlay.malignant", "Malignant map"),
            ("overlay.benign", "Benign map"),
            ("overlay.patches", "Patch boxes"),
            ("overlay.contour", "Contours only"),
        ):
            self.switch(command_id, name)
        for name, text in (
            ("opacity", "Opacity"),
            ("threshold_malignant", "Malignant, shown above"),
            ("threshold_benign", "Benign, shown above"),
        ):
            self.slider(f"overlay.{name}", text, (0, 100), partial(self._overlay, name), scale=100.0)
        self.finish()

    def _overlay(self, name: str) -> float:
        value: float = getattr(self.context.session.overlays.settings, name)
        return value

    def _add_weights(self) -> None:
        offers = list(self.context.actions.offered_weights())
        models = dict.fromkeys((offer.model, offer.title) for offer in offers)
        if models:
            self.section("Weights")
        for model, title in models:
            options: list[tuple[str, object]] = [("Stored ones", "")]
            options += [(offer.text, offer.ref) for offer in offers if offer.model == model]
            self.choice("ai.choose_weights", title, options, partial(self._chosen, model), model)

    def _chosen(self, model: str) -> str:
        chosen = (
            offer.ref for offer in self.context.actions.offered_weights() if offer.model == model and offer.chosen
        )
        return next(chosen, "")


class StoragePage(Page):
    """What is kept on this computer, and how to delete it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "Storage")
        self.section("Kept on this computer")
        self.folder = self.fact("Data folder")
        self.results = self.fact("AI results")
        self.action("settings.clear_results", "settings.clear_recent")
        self.section("Memory")
        self.frames = self.fact("Decoded images")
        self.note("Images far from where you read are dropped first, and decoded again when you go there.")
        self.finish()

    def refresh(self) -> None:
        """Show the present values."""
        super().refresh()
        kept = self.context.actions.storage()
        self.folder.setText(str(kept.folder))
        count = "1 result" if kept.results == 1 else f"{kept.results} results"
        self.results.setText(f"{count}, {size_text(kept.result_bytes)}")
        self.frames.setText(f"{size_text(kept.frame_bytes)} of at most {size_text(kept.frame_limit)}")

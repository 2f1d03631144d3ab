"""Grey values: presets, brightness and contrast, inversion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gmic_core.exam.model import VoiTable, VoiWindow
from viewer.commands.conditions import needs_image
from viewer.commands.context import Context
from viewer.commands.table import command
from viewer.model.gestures import dragged_window, start_window
from viewer.model.viewstate import ImageState

_GROUP = "Grey values"
PRESETS = 4  # F1 .. F4
HARDER, SOFTER = 0.6, 1.6  # width of the presets that are made here, in widths of the image's own window
STEP = 20.0  # pixels of drag that one press of a key stands for


@dataclass(frozen=True)
class Preset:
    """A grey-value window to choose; ``window`` None stands for the image's own, of which ``choice`` is one."""

    label: str
    window: VoiWindow | VoiTable | None
    choice: int = 0


def presets(state: ImageState) -> tuple[Preset, ...]:
    """Return up to four presets: the image's default, what else its file states, then harder and softer versions."""
    image = state.image
    by_slice = (image.frame_windows, *image.frame_choices) if image.frame_windows else ()
    if by_slice:
        own = [Preset(_name(choice[0], n), None, n) for n, choice in enumerate(by_slice)]
    else:
        stated: list[VoiWindow | VoiTable] = [*image.windows, *image.voi_tables]
        own = [Preset(_name(entry, n), entry if n else None) for n, entry in enumerate(stated)]
    found = own or [Preset("default", None)]
    base = next((w for w in (image.frame_windows or image.windows or (state.auto_window,)) if w), None)
    if isinstance(base, VoiWindow):
        found.append(Preset("harder", replace(base, width=base.width * HARDER, explanation="harder, made here")))
        found.append(Preset("softer", replace(base, width=base.width * SOFTER, explanation="softer, made here")))
    return tuple(found[:PRESETS])


def _name(window: VoiWindow | VoiTable, number: int) -> str:
    return window.explanation.lower() or (f"window {number + 1}" if number else "default")


def _needs_preset(number: int) -> Callable[[Context], str | None]:
    def why(context: Context) -> str | None:
        reason, state = needs_image(context), context.session.active_state
        if reason or state is None:
            return reason
        count = len(presets(state))
        return None if number < count else f"this image has {count} window preset{'s' if count > 1 else ''}."

    return why


def _uses_preset(number: int) -> Callable[[Context], bool]:
    def uses(context: Context) -> bool:
        state = context.session.active_state
        known = presets(state) if state else ()
        if state is None or number >= len(known):
            return False
        return (known[number].window, known[number].choice) == (state.window, state.choice)

    return uses


def _register_preset(number: int) -> None:
    @command(
        f"window.preset_{number + 1}",
        f"Window preset {number + 1}",
        keys=f"F{number + 1}",
        group=_GROUP,
        why_disabled=_needs_preset(number),
        checked=_uses_preset(number),
    )
    def use_preset(context: Context) -> None:
        """Use a window of the file: the first key is its default, then what else it states, harder, softer."""
        state = context.session.active_state
        if state is not None:
            preset = presets(state)[number]
            if preset.window is None:
                state.choose_own(preset.choice)
            else:
                state.set_window(preset.window)


for _number in range(PRESETS):
    _register_preset(_number)


@command("window.reset", "Reset window", keys="W", group=_GROUP, icon="rotate-ccw", why_disabled=needs_image)
def reset(context: Context) -> None:
    """Go back to the window that the image states and undo the inversion."""
    state = context.session.active_state
    if state is not None:
        state.set_inverted(False)
        state.set_window(None)


@command(
    "window.invert",
    "Invert",
    keys="I",
    group=_GROUP,
    icon="contrast",
    why_disabled=needs_image,
    checked=lambda context: bool(context.session.active_state and context.session.active_state.inverted),
)
def invert(context: Context) -> None:
    """Show dark as bright; the air around the breast stays black."""
    state = context.session.active_state
    if state is not None:
        state.set_inverted(not state.inverted)


@command(
    "window.air_black",
    "Air stays black",
    keys="Shift+I",
    group=_GROUP,
    checked=lambda context: context.session.displays.air_black,
)
def air_black(context: Context) -> None:
    """Keep what is outside the breast black at any window and when inverted, or show it like everything else."""
    context.session.displays.set_air_black(not context.session.displays.air_black)


def _drag(context: Context, right: float, down: float) -> None:
    state = context.session.active_state
    if state is not None:
        start = start_window(state.image, state.current_window)
        state.set_window(dragged_window(start, right, down, state.image, inverted=state.inverted))


@command("window.brighter", "Brighter", keys="Alt+Up", group=_GROUP, why_disabled=needs_image, repeats=True)
def brighter(context: Context) -> None:
    """Make the image brighter, as dragging up with the left button does."""
    _drag(context, 0.0, -STEP)


@command("window.darker", "Darker", keys="Alt+Down", group=_GROUP, why_disabled=needs_image, repeats=True)
def darker(context: Context) -> None:
    """Make the image darker, as dragging down with the left button does."""
    _drag(context, 0.0, STEP)


@command("window.more_contrast", "More contrast", keys="Alt+Left", group=_GROUP, why_disabled=needs_image, repeats=True)
def more_contrast(context: Context) -> None:
    """Narrow the window, as dragging to the left does."""
    _drag(context, -2 * STEP, 0.0)


@command(
    "window.less_contrast", "Less contrast", keys="Alt+Right", group=_GROUP, why_disabled=needs_image, repeats=True
)
def less_contrast(context: Context) -> None:
    """Widen the window, as dragging to the right does."""
    _drag(context, 2 * STEP, 0.0)

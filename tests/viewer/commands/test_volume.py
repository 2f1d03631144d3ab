"""Commands of the 3D view: when they can run, and what they change."""

from __future__ import annotations

from tests.helpers.panel_fakes import make_context, make_exam, make_image
from viewer.commands import COMMANDS, Context, run, why_disabled
from viewer.model.volume import Engine
from viewer.model.volume_camera import Camera


def opened(engine: Engine | None = None) -> Context:
    context = make_context(make_exam())
    context.session.volume.set_open(True)
    context.session.volume.set_status(engine=engine or Engine("hardware", "NVIDIA RTX"))
    return context


def test_it_opens_on_a_volume_and_on_what_belongs_to_one() -> None:
    assert "Ctrl+O" in (why_disabled("volume.toggle", make_context()) or "")
    context = make_context(make_exam())
    assert run("volume.toggle", context)
    assert context.actions.calls == [("toggle_volume",)]  # type: ignore[attr-defined]
    exam = context.session.exam
    assert exam is not None
    ffdm = next(image for image in exam.images if image.frames == 1 and image.label == "L-MLO")
    context.session.put_image(0, ffdm)
    assert why_disabled("volume.toggle", context) is None


def test_it_says_when_a_breast_has_no_volume() -> None:
    exam = make_exam()
    flat = make_image("R", "CC")
    context = make_context(type(exam)(exam.patient_id, exam.patient_name, exam.study_uid, exam.date, (flat,)))
    context.session.put_image(0, flat)
    assert why_disabled("volume.toggle", context) == "there is no tomosynthesis (DBT) of R-CC in this exam."
    context.session.volume.set_open(True)
    assert why_disabled("volume.toggle", context) is None  # it can be closed


def test_everything_else_waits_for_it_to_be_open() -> None:
    context = make_context(make_exam())
    for entry in COMMANDS.values():
        if entry.group == "3D view" and entry.id != "volume.toggle":
            assert entry.why_disabled(context) == "the 3D view is closed; press 3 to open it."


def test_kinds_follow_each_other_as_far_as_opengl_allows() -> None:
    context = opened()
    kinds = []
    for _ in range(4):
        kinds.append(context.session.volume.kind)
        run("volume.next_kind", context)
    assert kinds == ["mip", "volume", "reslice", "mip"]
    context = opened(Engine("missing", "no library"))
    assert not run("volume.shaded", context)
    run("volume.next_kind", context)
    assert context.session.volume.kind == "reslice"


def test_software_opengl_is_used_only_where_somebody_says_so() -> None:
    context = opened(Engine("software", "llvmpipe (LLVM 15.0.6, 256 bits)"))
    volume = context.session.volume
    assert not volume.uses_opengl
    assert why_disabled("volume.shaded", context) == (
        "OpenGL runs in software here (llvmpipe) and is slow. "
        "“Use OpenGL in software” in the menu uses it all the same."
    )
    run("volume.opengl", context)
    assert volume.uses_opengl
    assert run("volume.shaded", context)
    run("volume.opengl", context)
    assert (volume.uses_opengl, volume.kind) == (False, "mip")
    assert why_disabled("volume.opengl", opened()) == "the graphics card is in use already."


def test_a_graphics_card_is_used_by_itself_but_not_for_reslices() -> None:
    context = opened()
    assert context.session.volume.uses_opengl
    run("volume.reslice", context)
    assert not context.session.volume.uses_opengl


def test_turning_and_zooming() -> None:
    context = opened()
    volume = context.session.volume
    for name in ("left", "left", "up"):
        run(f"volume.{name}", context)
    assert volume.camera == Camera(30.0, 15.0)
    run("volume.right", context)
    run("volume.down", context)
    assert volume.camera == Camera(15.0, 0.0)
    run("volume.zoom_in", context)
    assert volume.camera.zoom == 1.25
    run("volume.zoom_out", context)
    run("volume.top", context)
    assert volume.camera == Camera(0.0, -90.0)
    run("volume.front", context)
    assert volume.camera == Camera()


def test_a_driver_that_fails_later_is_not_asked_again() -> None:
    context = opened()
    context.session.volume.set_kind("volume")
    context.session.volume.opengl_failed("out of memory")
    assert context.session.volume.engine == Engine("missing", "out of memory")
    assert context.session.volume.kind == "mip"
    assert not context.session.volume.uses_opengl

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from gmic_core.exam.model import Exam, MammoImage
from gmic_core.types import Modality
from tests.helpers.hung_images import make_exam, make_image
from viewer.model.hanging import arrange, load_protocols, reading_order, unplaced
from viewer.model.hanging_steps import Stage, current_stage
from viewer.model.hanging_steps import stages as steps_of
from viewer.model.session import Session
from viewer.model.viewstate import Slot

PROTOCOLS = load_protocols()
FOUR = ("R-CC", "L-CC", "R-MLO", "L-MLO")


def four(modality: str = "FFDM") -> list[MammoImage]:
    return [make_image(label, modality) for label in FOUR]


def hang(
    layout: str, exam: Exam, focus: MammoImage | None = None, prefer: Modality | None = None
) -> tuple[tuple[int, int], list[Slot]]:
    session = Session()
    session.open_exam(exam)
    return arrange(PROTOCOLS[layout], exam, session, focus=focus, prefer=prefer)


def stages(exam: Exam, *priors: Exam) -> list[Stage]:
    return steps_of(exam, PROTOCOLS, priors)


def shown(slots: list[Slot]) -> list[tuple[int, int, str]]:
    """Return (row, column, uid of the image or title of the empty slot)."""
    return [(slot.row, slot.column, slot.state.image.sop_uid if slot.state else slot.title) for slot in slots]


def test_the_program_ships_these_protocols() -> None:
    assert sorted(PROTOCOLS) == ["2x2", "all", "compare", "dbt", "prior", "prior-view", "single"]
    assert not PROTOCOLS["2x2"].follows_focus
    assert PROTOCOLS["compare"].follows_focus
    assert PROTOCOLS["single"].follows_focus


@pytest.mark.parametrize("seed", range(6))
def test_four_views_hang_as_a_radiologist_expects_from_any_file_order(seed: int) -> None:
    images = four()
    random.Random(seed).shuffle(images)
    grid, slots = hang("2x2", make_exam(*images))
    assert grid == (2, 2)
    assert shown(slots) == [
        (0, 0, "R-CC.FFDM"),
        (0, 1, "L-CC.FFDM"),
        (1, 0, "R-MLO.FFDM"),
        (1, 1, "L-MLO.FFDM"),
    ]
    assert [slot.title for slot in slots] == list(FOUR)


@pytest.mark.parametrize(
    ("there", "hung"),
    [
        (["FFDM", "S2D", "MG", "DBT"], "FFDM"),
        (["DBT", "MG", "S2D"], "S2D"),
        (["DBT", "MG"], "MG"),
        (["DBT"], "DBT"),
        (["OTHER"], "OTHER"),
    ],
)
def test_four_views_prefer_the_modality_of_the_overview(there: list[str], hung: str) -> None:
    _, slots = hang("2x2", make_exam(*(image for modality in there for image in four(modality))))
    assert [name for _, _, name in shown(slots)] == [f"{label}.{hung}" for label in FOUR]
    assert [len(slot.candidates) for slot in slots] == [len(there)] * 4


def test_a_step_may_ask_for_another_modality() -> None:
    _, slots = hang("2x2", make_exam(*four(), *four("DBT")[:3]), prefer=Modality.DBT)
    assert [name for _, _, name in shown(slots)] == ["R-CC.DBT", "L-CC.DBT", "R-MLO.DBT", "L-MLO.FFDM"]


def test_a_missing_view_leaves_its_place_and_says_so() -> None:
    grid, slots = hang("2x2", make_exam(*four()[:3]))
    assert grid == (2, 2)
    assert shown(slots)[3] == (1, 1, "no L-MLO")
    assert slots[3].state is None
    assert slots[3].candidates == []


def test_the_newest_plain_view_hangs_and_the_others_stay_within_reach() -> None:
    early = make_image("R-CC", uid="early", acquisition_time="101500")
    late = make_image("R-CC", uid="late", acquisition_time="102000")
    spot = make_image("R-CC", uid="spot", acquisition_time="103000", view_modifiers=("Spot Compression",))
    exaggerated = make_image("R-XCCL", uid="xccl", acquisition_time="104000")
    raw = make_image("R-CC", uid="raw", acquisition_time="110000", for_processing=True)
    images = [*four()[1:], early, spot, raw, exaggerated, late]
    for seed in range(4):
        random.Random(seed).shuffle(images)
        _, slots = hang("2x2", make_exam(*images))
        assert [image.sop_uid for image in slots[0].candidates] == ["late", "early", "raw", "xccl", "spot"]
        assert slots[0].state
        assert slots[0].state.image is late
        assert unplaced(make_exam(*images), slots) == []


def test_another_view_takes_the_place_of_a_missing_one() -> None:
    _, slots = hang("2x2", make_exam(make_image("R-ML"), make_image("L-MLO"), make_image("L-?"), make_image("R-CC")))
    assert [name for _, _, name in shown(slots)] == ["R-CC.FFDM", "no L-CC", "R-ML.FFDM", "L-MLO.FFDM"]
    assert [image.label for image in slots[3].candidates] == ["L-MLO", "L-?"]


def test_an_image_of_unknown_side_never_hangs_on_a_side() -> None:
    odd = make_image("?-CC")
    exam = make_exam(*four(), odd)
    _, slots = hang("2x2", exam)
    assert all(odd not in slot.candidates for slot in slots)
    assert unplaced(exam, slots) == [odd]


@pytest.mark.parametrize(("count", "grid"), [(1, (1, 1)), (2, (1, 2)), (3, (2, 2)), (4, (2, 2)), (7, (2, 2))])
def test_where_nothing_fits_the_images_hang_side_by_side(count: int, grid: tuple[int, int]) -> None:
    exam = make_exam(*(make_image("?-?", uid=f"u{index}") for index in range(count)))
    shape, slots = hang("2x2", exam)
    assert shape == grid
    assert [slot.state.image.sop_uid for slot in slots if slot.state] == [f"u{index}" for index in range(min(count, 4))]
    assert len({(slot.row, slot.column) for slot in slots}) == len(slots)
    assert all(len(slot.candidates) == count for slot in slots)


def test_compare_shows_every_modality_of_the_view_of_the_active_image() -> None:
    exam = make_exam(*four("S2D"), *four("DBT"), *four())
    focus = next(image for image in exam.images if image.sop_uid == "L-MLO.S2D")
    grid, slots = hang("compare", exam, focus)
    assert grid == (1, 3)
    assert shown(slots) == [(0, 0, "L-MLO.DBT"), (0, 1, "L-MLO.FFDM"), (0, 2, "L-MLO.S2D")]


def test_compare_names_what_is_missing_of_this_view_only() -> None:
    images = [*four("DBT"), *four()[:3], *four("S2D")[1:]]
    grid, slots = hang("compare", make_exam(*images), images[0])
    assert grid == (1, 3)
    assert shown(slots) == [(0, 0, "R-CC.DBT"), (0, 1, "R-CC.FFDM"), (0, 2, "no S2D R-CC")]


@pytest.mark.parametrize(
    ("modalities", "columns"),
    [
        (["FFDM"], ["FFDM"]),
        (["MG"], ["MG"]),
        (["DBT"], ["DBT"]),
        (["DBT", "S2D"], ["DBT", "S2D"]),
        (["OTHER"], ["OTHER"]),
    ],
)
def test_compare_has_no_place_for_what_the_exam_has_not(modalities: list[str], columns: list[str]) -> None:
    grid, slots = hang("compare", make_exam(*(image for modality in modalities for image in four(modality))))
    assert grid == (1, len(columns))
    assert shown(slots) == [(0, index, f"R-CC.{modality}") for index, modality in enumerate(columns)]


def test_compare_keeps_the_very_image_that_was_active() -> None:
    old = make_image("R-CC", "DBT", uid="old", acquisition_time="09")
    new = make_image("R-CC", "DBT", uid="new", acquisition_time="10")
    _, slots = hang("compare", make_exam(old, new, make_image("R-CC")), old)
    assert [name for _, _, name in shown(slots)] == ["old", "R-CC.FFDM"]
    assert [image.sop_uid for image in slots[0].candidates] == ["old", "new"]


def test_single_shows_the_active_image_with_the_rest_of_the_breast_at_hand() -> None:
    exam = make_exam(*four(), *four("DBT"), make_image("R-ML"))
    grid, slots = hang("single", exam, exam.images[2])
    assert grid == (1, 1)
    assert [image.sop_uid for image in slots[0].candidates] == [
        "R-MLO.FFDM", "R-MLO.DBT", "R-CC.FFDM", "R-ML.FFDM", "R-CC.DBT",
    ]  # fmt: skip


def test_the_active_image_is_the_focus_unless_another_is_named() -> None:
    exam = make_exam(*four())
    session = Session()
    session.open_exam(exam)
    session.hang("2x2", *arrange(PROTOCOLS["2x2"], exam, session))
    session.activate(3)
    _, slots = arrange(PROTOCOLS["single"], exam, session)
    assert shown(slots) == [(0, 0, "L-MLO.FFDM")]
    assert slots[0].state is session.slots[3].state  # slice and window come along


def test_an_exam_without_images_hangs_nothing() -> None:
    assert hang("2x2", make_exam()) == ((1, 1), [])


def test_reading_order() -> None:
    labels = ["L-?", "R-ML", "L-MLO", "?-CC", "R-CC", "R-MLO", "L-CC"]
    images = [make_image(label) for label in labels]
    assert [image.label for image in reading_order(images)] == ["R-CC", "L-CC", "?-CC", "R-MLO", "L-MLO", "R-ML", "L-?"]
    assert reading_order(images[::-1]) == reading_order(images)


def test_steps_of_an_exam_with_all_modalities() -> None:
    exam = make_exam(*four("DBT"), *four("S2D"), *four())
    steps = stages(exam)
    assert [step.label for step in steps] == [
        "four views, FFDM", "four views, S2D", "four views, DBT", "all modalities",
        "compare R-CC", "compare L-CC", "compare R-MLO", "compare L-MLO",
        "DBT R-CC", "DBT L-CC", "DBT R-MLO", "DBT L-MLO",
    ]  # fmt: skip
    assert [step.prefer for step in steps[:3]] == [Modality.FFDM, Modality.S2D, Modality.DBT]


def test_steps_of_an_exam_with_one_modality_end_with_single_images() -> None:
    steps = stages(make_exam(*four()))
    assert [(step.layout, step.label) for step in steps] == [
        ("2x2", "four views, FFDM"),
        ("single", "R-CC FFDM"),
        ("single", "L-CC FFDM"),
        ("single", "R-MLO FFDM"),
        ("single", "L-MLO FFDM"),
    ]


def test_steps_name_what_sets_an_image_apart_from_others_of_its_view() -> None:
    spot = make_image("R-MLO", uid="spot", view_modifiers=("spot compression",))
    raw = make_image("R-CC", uid="raw", for_processing=True)
    labels = [step.label for step in stages(make_exam(*four(), spot, raw))]
    assert "R-MLO spot compression FFDM" in labels
    assert "R-CC for processing FFDM" in labels


def test_every_image_is_on_screen_in_some_step() -> None:
    extra = make_image("R-CC", uid="again", acquisition_time="08")
    odd = make_image("?-?", uid="odd")
    film = make_image("R-MLO", "MG", uid="film")
    exam = make_exam(*four(), *four("DBT"), extra, odd, make_image("L-LM", uid="lm"), film)
    seen = set()
    for step in stages(exam):
        _, slots = hang(step.layout, exam, step.focus, step.prefer)
        seen |= {slot.state.image.sop_uid for slot in slots if slot.state}
    assert seen == {image.sop_uid for image in exam.images}


def test_the_step_on_screen_is_recognised() -> None:
    exam = make_exam(*four(), *four("DBT"))
    session = Session()
    session.open_exam(exam)
    steps = stages(exam)
    assert current_stage(steps, session) == 0  # nothing hangs yet: the standard layout is the nearest
    for index, step in enumerate(steps):
        grid, slots = arrange(PROTOCOLS[step.layout], exam, session, focus=step.focus, prefer=step.prefer)
        session.hang(step.layout, grid, slots)
        if step.focus:
            session.activate(next(i for i, slot in enumerate(slots) if slot.state and slot.state.image is step.focus))
        assert current_stage(steps, session) == index
    session.layout = "something of the user's own"
    assert current_stage(steps, session) == -1


def test_steps_do_not_depend_on_file_order() -> None:
    images = [*four(), *four("S2D"), make_image("L-CC", uid="x", acquisition_time="7")]
    assert stages(make_exam(*images)) == stages(replace(make_exam(), images=tuple(images[::-1])))


# -- other protocols -------------------------------------------------------------------------------------------------
def test_all_modalities_hang_in_rows_of_pairs() -> None:
    exam = make_exam(*four("DBT")[::-1], *four("S2D"), *four())
    grid, slots = hang("all", exam)
    assert grid == (3, 4)
    assert shown(slots) == [
        (row, column, f"{label}.{modality}")
        for row, modality in enumerate(("FFDM", "S2D", "DBT"))
        for column, label in enumerate(FOUR)
    ]


def test_all_modalities_have_no_row_for_what_the_exam_has_not() -> None:
    grid, slots = hang("all", make_exam(*four("DBT"), *four("S2D")[1:]))
    assert grid == (2, 4)
    assert shown(slots)[0] == (0, 0, "no S2D R-CC")


def test_the_dbt_stack_alone_follows_the_active_view() -> None:
    exam = make_exam(*four("DBT"), *four())
    grid, slots = hang("dbt", exam, exam.images[-1])
    assert (grid, shown(slots)) == ((1, 1), [(0, 0, "L-MLO.DBT")])


@pytest.mark.parametrize(
    ("layout", "images", "reason"),
    [
        ("dbt", four(), "this exam has no DBT image."),
        ("prior", four(), "no earlier exam of this patient is open; open its folder as well ({file.open_folder})."),
        ("dbt", four("DBT"), None),
        ("2x2", [], None),
    ],
)
def test_a_protocol_says_which_exams_it_is_for(layout: str, images: list[MammoImage], reason: str | None) -> None:
    assert PROTOCOLS[layout].match.reason(make_exam(*images), []) == reason


# -- earlier exams ---------------------------------------------------------------------------------------------------
def dated(date: str, *images: MammoImage) -> Exam:
    own = [replace(image, sop_uid=f"{image.sop_uid}@{date[:4]}") for image in images]
    return replace(make_exam(*own, study=f"2.25.{date}"), date=date, birth_date="19600102")


def hang_with(layout: str, now: Exam, *others: Exam, focus: MammoImage | None = None) -> list[tuple[int, int, str]]:
    session = Session()
    session.add_exams([*others, now], [])
    session.open_exam(now)
    return shown(arrange(PROTOCOLS[layout], now, session, focus=focus)[1])


NOW = dated("20240131", *four(), *four("DBT"))


def test_the_prior_hangs_beside_the_current_exam_each_view_where_it_stands_today() -> None:
    prior = dated("20220101", *four())
    assert hang_with("prior", NOW, prior) == [
        (0, 0, "R-CC.FFDM@2024"),
        (0, 1, "L-CC.FFDM@2024"),
        (1, 0, "R-MLO.FFDM@2024"),
        (1, 1, "L-MLO.FFDM@2024"),
        (0, 2, "R-CC.FFDM@2022"),
        (0, 3, "L-CC.FFDM@2022"),
        (1, 2, "R-MLO.FFDM@2022"),
        (1, 3, "L-MLO.FFDM@2022"),
    ]


def test_a_view_that_the_prior_lacks_comes_from_the_one_before() -> None:
    spot, oldest = dated("20230101", make_image("R-CC")), dated("20190101", *four())
    hung = hang_with("prior", NOW, oldest, spot)
    assert [name for _, column, name in hung if column > 1] == [
        "R-CC.FFDM@2023", "L-CC.FFDM@2019", "R-MLO.FFDM@2019", "L-MLO.FFDM@2019",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        replace(dated("20220101", *four()), patient_id="SIM-2"),
        replace(dated("20220101", *four()), birth_date="19610102"),
        replace(dated("20220101", *four()), patient_name="ANOTHER^Breast", birth_date=""),
        dated("20250101", *four()),
    ],
)
def test_nothing_of_another_patient_or_a_later_day_hangs_as_a_prior(other: Exam) -> None:
    names = [name for _, _, name in hang_with("prior", NOW, other)]
    assert [name for name in names if "@" in name] == [f"{label}.FFDM@2024" for label in FOUR]
    assert names[4:] == ["no prior R-CC", "no prior L-CC", "no prior R-MLO", "no prior L-MLO"]


def test_one_view_with_its_prior() -> None:
    focus = next(image for image in NOW.images if image.label == "L-MLO")
    hung = hang_with("prior-view", NOW, dated("20220101", *four("S2D")), focus=focus)
    assert hung == [(0, 0, "L-MLO.FFDM@2024"), (0, 1, "L-MLO.S2D@2022")]


def test_a_prior_that_is_active_is_compared_with_its_own_exam() -> None:
    prior = dated("20220101", *four(), *four("S2D"))
    focus = next(image for image in prior.images if image.sop_uid == "R-MLO.S2D@2022")
    assert hang_with("single", NOW, prior, focus=focus) == [(0, 0, "R-MLO.S2D@2022")]
    assert hang_with("compare", NOW, prior, focus=focus)[-1] == (0, 1, "R-MLO.S2D@2022")


def test_steps_of_a_patient_with_a_prior() -> None:
    labels = [step.label for step in stages(NOW, dated("20220101", *four()))]
    assert labels == [
        "four views, FFDM", "four views, DBT", "all modalities", "current and prior, FFDM", "current and prior, DBT",
        "compare R-CC", "compare L-CC", "compare R-MLO", "compare L-MLO",
        "R-CC with its prior", "L-CC with its prior", "R-MLO with its prior", "L-MLO with its prior",
        "DBT R-CC", "DBT L-CC", "DBT R-MLO", "DBT L-MLO",
    ]  # fmt: skip


# -- extra views -----------------------------------------------------------------------------------------------------
def test_extra_views_are_all_within_reach() -> None:
    """Spot, ML, LM, XCCL, implant displaced, repeated: candidates of a viewport, and each in a step."""
    extra = [
        make_image("R-CC", uid="spot", view_modifiers=("Spot Compression",)),
        make_image("R-CC", uid="displaced", view_modifiers=("Implant Displaced",)),
        make_image("R-CC", uid="again", acquisition_time="07"),
        make_image("R-XCCL", uid="xccl"),
        make_image("R-ML", uid="ml"),
        make_image("L-LM", uid="lm"),
        make_image("L-AT", uid="at"),
    ]
    exam = make_exam(*extra, *four())
    _, slots = hang("2x2", exam)
    assert unplaced(exam, slots) == []
    assert [image.sop_uid for image in slots[0].candidates] == ["again", "R-CC.FFDM", "xccl", "displaced", "spot"]
    assert {uid for step in stages(exam) for uid in step.shows} == {image.sop_uid for image in exam.images}


def test_a_slot_may_want_extra_views_only_or_none() -> None:
    spot = make_image("R-CC", uid="spot", view_modifiers=("Spot Compression",))
    exam = make_exam(*four(), spot)
    for extra, expected in (("none", ["R-CC.FFDM"]), ("only", ["spot"]), ("any", ["R-CC.FFDM", "spot"])):
        rule = replace(PROTOCOLS["2x2"].slots[0], extra=extra)
        protocol = replace(PROTOCOLS["2x2"], slots=(rule,))
        _, slots = arrange(protocol, exam, opened(exam))
        assert [image.sop_uid for image in slots[0].candidates] == expected


def opened(exam: Exam) -> Session:
    session = Session()
    session.open_exam(exam)
    return session

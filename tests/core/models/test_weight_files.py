"""Reading weight files of strangers."""

from __future__ import annotations

import functools
import hashlib
import os
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from gmic_core.errors import WeightsError
from gmic_core.models import weight_files
from gmic_core.models.weight_files import read_weight_file
from tests.helpers.weight_files import Bomb, save_new, save_old, save_plain

STATE = OrderedDict(a=torch.arange(6.0).reshape(2, 3), b=torch.tensor(3), c=torch.ones(4, dtype=torch.float64))

HEADS = (b"", b"PK\x03\x04", b"\x80\x02", b"\x10" + b"\0" * 7 + b"{")  # zip, pickle, safetensors


def assert_is_state(found: dict[str, torch.Tensor]) -> None:
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[key], STATE[key]) for key in STATE)


@pytest.mark.parametrize("save", [save_old, save_new])
@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"model": s}, lambda s: {"epoch": 3, "state_dict": s}])
def test_published_forms_are_read(tmp_path: Path, save, wrap) -> None:
    path = save(wrap(STATE), tmp_path / "weights.p")
    found, sha256 = read_weight_file(path)
    assert_is_state(found)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_safetensors_are_read_whatever_their_name(tmp_path: Path) -> None:
    save_file(dict(STATE), tmp_path / "weights.p")
    assert_is_state(read_weight_file(tmp_path / "weights.p")[0])


def test_the_prefix_of_parallel_training_is_taken_off(tmp_path: Path) -> None:
    save_new({f"module.{key}": value for key, value in STATE.items()}, tmp_path / "w.pt")
    assert_is_state(read_weight_file(tmp_path / "w.pt")[0])


@pytest.mark.parametrize(
    "save",
    [
        save_old,
        save_new,
        functools.partial(save_plain, protocol=0),
        functools.partial(save_plain, protocol=2),
        functools.partial(save_plain, protocol=5),
    ],
)
def test_code_is_refused_and_not_run(tmp_path: Path, save) -> None:
    trace = tmp_path / "it_ran"
    path = save({"epoch": 3, "model": Bomb(trace)}, tmp_path / "weights.p")
    with pytest.raises(WeightsError) as caught:
        read_weight_file(path)
    assert str(caught.value).startswith(f"weights.p is refused: besides numbers it carries code ({os.name}.mkdir) that")
    assert not trace.exists()


def test_code_in_any_pickle_of_an_archive_is_refused(tmp_path: Path) -> None:
    path = save_new(STATE, tmp_path / "weights.pt")
    save_plain(Bomb(tmp_path / "it_ran"), tmp_path / "bomb", protocol=2)
    with zipfile.ZipFile(path, "a") as archive:
        archive.write(tmp_path / "bomb", "weights/extra.pkl")
    with pytest.raises(WeightsError, match="carries code"):
        read_weight_file(path)
    assert not (tmp_path / "it_ran").exists()


def test_a_whole_network_is_refused(tmp_path: Path) -> None:
    path = save_new(torch.nn.Linear(2, 2), tmp_path / "network.pt")
    with pytest.raises(WeightsError, match=r"carries code \(torch\.nn\.modules\.linear\.Linear, .*\) that would run"):
        read_weight_file(path)


@pytest.mark.parametrize("save", [save_old, save_new])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.98])
def test_truncated_files_are_refused(tmp_path: Path, save, share: float) -> None:
    path = save({f"key{number}": torch.zeros(50) for number in range(20)}, tmp_path / "weights.p")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match=r"weights\.p (is|holds)"):
        read_weight_file(path)


def test_a_truncated_safetensors_file_is_refused(tmp_path: Path) -> None:
    save_file(dict(STATE), tmp_path / "w.safetensors")
    data = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(data[:-8])
    with pytest.raises(WeightsError, match="damaged safetensors"):
        read_weight_file(tmp_path / "w.safetensors")


@settings(deadline=None, max_examples=40)
@given(
    data=st.binary(max_size=300), head=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"\x10" + b"\0" * 7 + b"{"])
)
def test_noise_is_refused_with_a_message(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes) -> None:
    path = tmp_path_factory.mktemp("noise") / "noise.p"
    path.write_bytes(head + data)
    with pytest.raises(WeightsError, match="noise"):
        read_weight_file(path)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_damaged_files_end_as_weights_or_as_a_message(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "damaged.p"
    save_old(STATE, path) if data.draw(st.booleans()) else save_new(STATE, path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    message, found = "", {}
    try:
        found, _ = read_weight_file(path)
    except WeightsError as error:
        message = str(error)
    assert "damaged.p" in message if message else all(isinstance(value, torch.Tensor) for value in found.values())


def test_other_files_are_refused(tmp_path: Path) -> None:
    for name, content, message in (
        ("empty.p", b"", "empty.p is empty"),
        ("notes.p", b"hello\n" * 50, "notes.p is no PyTorch weight file"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match=message):
            read_weight_file(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "exam.p", "w") as archive:
        archive.writestr("image.dcm", "x")
    with pytest.raises(WeightsError, match="zip archive without PyTorch weights"):
        read_weight_file(tmp_path / "exam.p")
    with pytest.raises(WeightsError, match="There is no weight file"):
        read_weight_file(tmp_path)
    with pytest.raises(WeightsError, match="There is no weight file"):
        read_weight_file(tmp_path / "absent.p")


@pytest.mark.parametrize("content", [[1, 2], {}, {"a": 1.5}, {3: torch.ones(1)}, torch.ones(3)])
def test_other_content_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(WeightsError, match="state dictionary"):
        read_weight_file(save_new(content, tmp_path / "w.pt"))


def test_huge_files_are_refused_before_they_are_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.p").open("wb") as stream:
        stream.truncate(3 << 30)  # sparse: takes no room
    with pytest.raises(WeightsError, match=r"huge\.p has 3\.0 GiB"):
        read_weight_file(tmp_path / "huge.p")


def test_archives_that_unpack_to_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_files, "MAX_FILE_BYTES", 200_000)
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", b"\0" * 1000)
        archive.writestr("bomb/data/0", b"\0" * 300_000)
    assert (tmp_path / "bomb.pt").stat().st_size < 5000
    with pytest.raises(WeightsError, match="unpacks to more than"):
        read_weight_file(tmp_path / "bomb.pt")

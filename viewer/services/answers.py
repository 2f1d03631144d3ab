"""The readers' answers about side, view and orientation, kept between runs in one small JSON file."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path

from gmic_core.errors import StoreError
from gmic_core.exam.image_key import file_stamp
from gmic_core.exam.model import Exam, MammoImage
from gmic_core.paths import ensure_dir, user_data_dir
from gmic_core.types import Laterality
from viewer.model.answers import TURNS, Answer, answered

log = logging.getLogger(__name__)

FILE_NAME = "answers.json"


class AnswerStore:
    """Answers by image; an image whose file changed is asked about again.

    Parameters
    ----------
    folder : default: the user's data folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (folder or user_data_dir()) / FILE_NAME
        self._answers = self._load()

    def apply(self, exam: Exam) -> Exam:
        """Return the exam with the answers given earlier."""
        images = tuple(self._known(image) for image in exam.images)
        return Exam(**{**vars(exam), "images": images})

    def _known(self, image: MammoImage) -> MammoImage:
        answer = self._answers.get(_key(image))
        return image if answer is None else answered(image, answer)

    def record(self, image: MammoImage, answer: Answer) -> None:
        """Keep an answer; the key is made from the image as its file describes it.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        self._answers[_key(image)] = answer
        ensure_dir(self._path.parent)
        part = self._path.with_name(f"{FILE_NAME}.{os.getpid()}.part")
        data = {key: [a.laterality, a.view, a.turn] for key, a in self._answers.items()}
        try:
            part.write_text(json.dumps(data, indent=1), "utf-8")
            os.replace(part, self._path)
        except OSError as error:
            raise StoreError(
                f"The answer is in force but could not be kept ({error.strerror}); it will be asked for again. "
                f"Free space in {self._path.parent}."
            ) from error

    def _load(self) -> dict[str, Answer]:
        try:
            data = json.loads(self._path.read_text("utf-8"))
            return {str(key): _answer(*value) for key, value in data.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            # asked again rather than hung by an answer that may be another image's
            log.warning("kept answers could not be read (%s); they will be asked for again", type(error).__name__)
            return {}


def _answer(laterality: str, view: str, turn: str) -> Answer:
    for known in TURNS:
        if turn == known:
            return Answer(Laterality(laterality), str(view), known)
    raise ValueError(turn)


def _key(image: MammoImage) -> str:
    """Return what an answer is kept under: a digest of the UID and of size and time of the files."""
    return hashlib.sha256("\n".join([image.sop_uid, *map(file_stamp, image.files)]).encode()).hexdigest()

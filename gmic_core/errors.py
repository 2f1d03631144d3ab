"""The error tree: every message says what happened and what to do next.

Expected errors (subclasses of :class:`GmicError`) reach the status bar, a banner or the command line as one
sentence. Anything else is a bug and becomes a crash report.
"""


class GmicError(Exception):
    """Base of all expected errors; ``str(error)`` is fit to be shown to a user."""


class ExamError(GmicError):
    """A file or folder cannot be read as a breast image."""


class UnsupportedEncodingError(ExamError):
    """The pixels are stored in an encoding that this program does not decode; the message names it."""


class DecodeError(ExamError):
    """A frame is damaged, truncated, oversized, or took down the decoder process."""


class GeometryError(GmicError):
    """Side, view or orientation is missing or contradicts itself."""


class ModelError(GmicError):
    """A model name, hyperparameter or input does not fit the network."""


class WeightsError(ModelError):
    """A weight file is missing, unsafe, damaged, or does not fit the network."""


class InferenceError(GmicError):
    """An image cannot be taken by a model, or the run failed; the message gives the reason."""


class CancelledError(GmicError):
    """The user cancelled the operation."""


class ProtocolFileError(GmicError):
    """A hanging protocol or settings file is wrong; the message names file, line and field."""


class StoreError(GmicError):
    """The user's data folder (results database, settings, weights) cannot be read or written."""


class PhantomError(GmicError):
    """A simulated breast cannot be made as asked."""


class TrainingError(GmicError):
    """An experiment, its data or its run cannot go on; the message names what is wrong."""


class EvaluationError(GmicError):
    """Scores, labels or maps cannot be evaluated; the message names what is missing."""


class SegmentationError(GmicError):
    """A segmentation, a saliency file or a label description cannot be read, placed or written."""

"""The papers' tables of computation and memory beside our own counts for the same input.

Counted is what :mod:`counting` says, on tensors without contents. 3D-GMIC paper (Park et al. 2022), Table I: one volume
of 96 slices of 2116x1339; GMIC paper (Shen et al. 2021), Table 1: one exam, four images of 2944x1920.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from counting import GIGA, MEGA, Count, count_inference, count_training, empty, on_meta
from eager import EagerGmic
from eager_blocks import Basic, Bottleneck, ResNet, ResNet22
from torch import Tensor, nn

SLICES, SLICE = 96, (2116, 1339)
IMAGES, IMAGE = 4, (2944, 1920)
EXTRAPOLATED_FROM = (4, 8, 16)
R18, R34 = (2, 2, 2, 2), (3, 4, 6, 3)
PATCHES_3D, PATCHES_2D = 12, 6
GIB = 1 << 30


@dataclass(frozen=True)
class Line:
    """One network of a table.

    Attributes
    ----------
    gmac : of one forward pass.
    training, inference : bytes, see :class:`counting.Count`.
    paper_gmac, paper_memory : as printed; memory of training in the unit of its table, None where there is none.
    parameters : how many.
    """

    name: str
    parameters: int
    gmac: float
    training: float
    inference: float
    paper_gmac: float | None
    paper_memory: float | None


def _line(
    name: str,
    model: nn.Module,
    inputs: Sequence[Tensor],
    paper: tuple[float, float] | None,
    call: Callable[..., Tensor] | None = None,
) -> Line:
    once, step = count_inference(model, *inputs, call=call), count_training(model, *inputs, call=call)
    return _entered(name, model, once, step, paper)


def _entered(name: str, model: nn.Module, once: Count, step: Count, paper: tuple[float, float] | None) -> Line:
    memory, gmac = paper or (None, None)
    count = sum(p.numel() for p in model.parameters())
    return Line(name, count, once.macs / GIGA, step.training_bytes, once.peak_bytes, gmac, memory)


def table_of_3d() -> list[Line]:
    """Return Table I of the 3D-GMIC paper: memory in MB, GMACs."""
    lines = []
    for name, blocks, paper in (("ResNet-18", R18, (171_031, 9_932)), ("ResNet-34", R34, (223_235, 20_056))):
        model = on_meta(lambda blocks=blocks: ResNet(blocks, 3))
        lines.append(_line(name, model, [empty(SLICES, 3, *SLICE)], paper))
    for name, blocks, paper in (("3D ResNet-18", R18, (100_903, 9_104)), ("3D ResNet-34", R34, (111_650, 12_192))):
        for channels, words in ((1, "one channel"), (3, "three channels")):
            model = on_meta(lambda blocks=blocks, channels=channels: ResNet(blocks, channels, three_d=True))
            lines.append(_line(f"{name}, {words}", model, [empty(1, channels, SLICES, *SLICE)], paper))
            lines.append(_extrapolated(f"{name}, {words}, extrapolated", model, channels, paper))
    model, call = gmic_3d()
    inputs = empty(SLICES, 1, *SLICE), empty(PATCHES_3D, 256, 256)
    lines.append(_line("3D-GMIC", model, inputs, (22_219, 798), call))
    lines.append(_line("3D-GMIC, all in half precision", model.half(), [x.half() for x in inputs], None, call))
    return lines


def gmic_3d() -> tuple[EagerGmic, Callable[[Tensor, Tensor], Tensor]]:
    """Return 3D-GMIC without contents, and what runs slices (n, 1, H, W) and patches (K, 256, 256) through it."""
    model = on_meta(lambda: EagerGmic(True, 1.5, PATCHES_3D))

    def call(slices: Tensor, patches: Tensor) -> Tensor:
        maps, _ = model.global_pass(slices)
        return maps.sum() + model.local(patches)[0].sum()

    return model, call


def _extrapolated(name: str, model: nn.Module, channels: int, paper: tuple[float, float]) -> Line:
    """Return what a straight line through the counts of 4, 8 and 16 slices says of 96: the paper's way."""
    counts = []
    for slices in EXTRAPOLATED_FROM:
        x = empty(1, channels, slices, *SLICE)
        counts.append(_entered(name, model, count_inference(model, x), count_training(model, x), paper))
    values = [at_96([getattr(each, field) for each in counts]) for field in ("gmac", "training", "inference")]
    return Line(name, counts[0].parameters, *values, paper[1], paper[0])


def at_96(values: Sequence[float]) -> float:
    """Return the value at 96 slices of the least-squares line through those at 4, 8 and 16."""
    mean_x, mean_y = sum(EXTRAPOLATED_FROM) / len(EXTRAPOLATED_FROM), sum(values) / len(values)
    pairs = zip(EXTRAPOLATED_FROM, values, strict=True)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in pairs) / sum((x - mean_x) ** 2 for x in EXTRAPOLATED_FROM)
    return mean_y + slope * (SLICES - mean_x)


def table_of_2d() -> list[Line]:
    """Return Table 1 of the GMIC paper: memory in GB (2**30 bytes, as tools print it), GMAC of four images."""
    resnet = on_meta(lambda: ResNet(R34, 1))
    lines = [_line("ResNet-34", resnet, [empty(IMAGES, 1, *IMAGE)], (13.95, 1622))]
    dmv = on_meta(lambda: ResNet22("batch", padding=0))
    lines.append(_line("DMV-CNN, one of its two view networks", dmv, [empty(IMAGES, 1, *IMAGE)], (2.4, 65)))
    kinds = (
        ("GMIC-ResNet-18", R18, Basic, (3.01, 122)),
        ("GMIC-ResNet-34", R34, Basic, (3.45, 180)),
        ("GMIC-ResNet-50", R34, Bottleneck, (5.05, 194)),
    )
    for name, blocks, block, paper in kinds:
        model, call = gmic_2d(blocks, block)
        inputs = empty(IMAGES, 1, *IMAGE), empty(IMAGES, PATCHES_2D, 256, 256)
        lines.append(_line(name, model, inputs, paper, call))
    return lines


def gmic_2d(
    blocks: tuple[int, ...] = R18, block: type[Basic | Bottleneck] = Basic
) -> tuple[EagerGmic, Callable[[Tensor, Tensor], Tensor]]:
    """Return GMIC without contents, and what runs images (n, 1, H, W) and patches (n, K, 256, 256) through it."""
    model = on_meta(lambda: EagerGmic(False, 0.02, PATCHES_2D, local=ResNet(blocks, 3, block=block)))

    def call(images: Tensor, patches: Tensor) -> Tensor:
        maps, highest = model.global_pass(images)
        locals_ = [model.local(each) for each in patches]
        fused = [model.combined(y, y, row[None], z) for row, (y, z) in zip(highest, locals_, strict=True)]
        parts = [maps.sum(), *(y.sum() for y, _ in locals_), *(y.sum() for y in fused)]
        return sum(parts[1:], parts[0])

    return model, call


NOTES_3D = """\
The operations of ResNet-18, ResNet-34 and 3D-GMIC are the paper's within 1 %. Those of the 3D ResNets are not: the
paper names the work of Hara et al. but not its settings, and extrapolates from 4, 8 and 16 slices. No setting that
we tried (one or three channels, size and strides of the first convolution, pooling, kind of shortcut, counted whole
or extrapolated) gives both of its figures within 10 %. Memory: ours is what the tensors of one training step in
float32 with Adam hold. The paper's is a graphics card's maximum, extrapolated for the ResNets, with the allocator's
reserve and the scratch memory of convolutions: ours is 0.71 to 0.79 of it, while the difference between ResNet-34
and ResNet-18 agrees within 6 %. 3D-GMIC was trained in mixed precision; the paper's figure lies between ours in
float32 and in half precision."""

NOTES_2D = """\
Memory and operations of ResNet-34 and GMIC are the paper's within 4 %, its "FLOPs" being multiply-accumulates. Its
parameters of GMIC are 1.06 to 1.11 million more than those of the released networks, which ours match key by key.
DMV-CNN has two view networks, each of which sees two of the images: the operations are those of all four;
parameters and memory are those of one network run on four images. Its published windows (2677x1942 and 2974x1748)
would need 59 GMAC."""


def markdown_3d(lines: Sequence[Line]) -> str:
    """Return Table I as Markdown."""
    return _table(lines, "MB", MEGA, 0) + "\n\n" + NOTES_3D


def markdown_2d(lines: Sequence[Line]) -> str:
    """Return Table 1 as Markdown."""
    return _table(lines, "GB", GIB, 2) + "\n\n" + NOTES_2D


def _table(lines: Sequence[Line], unit: str, size: float, digits: int) -> str:
    heads = ["network", "parameters", "GMAC", "paper", "ratio"]
    heads += [f"training {unit}", "paper", "ratio", f"inference {unit}"]
    out = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for line in lines:
        gmac = _beside(line.gmac, line.paper_gmac, 0)
        training = _beside(line.training / size, line.paper_memory, digits)
        inference = f"{line.inference / size:,.{digits}f}"
        cells = (line.name, f"{line.parameters / MEGA:.2f} M", *gmac, *training, inference)
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out)


def _beside(ours: float, paper: float | None, digits: int) -> tuple[str, str, str]:
    """Return ours, the paper's and their ratio as text."""
    if paper is None:
        return f"{ours:,.{digits}f}", "", ""
    return f"{ours:,.{digits}f}", f"{paper:,}", f"{ours / paper:.2f}"

"""Seeds of digital breasts, so that no breast of one split can ever be in another.

A breast is drawn from its seed alone, so disjoint ranges of seeds are disjoint sets of women. Seeds below the first
range are left to people: demos, examples, ``gmic-core phantom --seed 7``.
"""

from __future__ import annotations

from collections.abc import Iterable

from gmic_core.errors import TrainingError

TRAINING = range(1_000_000, 2_000_000)
VALIDATION = range(2_000_000, 3_000_000)
TEST = range(3_000_000, 4_000_000)
SEED_RANGES = {"training": TRAINING, "validation": VALIDATION, "test": TEST}


def split_of(seed: int) -> str:
    """Return the split that a seed belongs to; ``demo`` outside all ranges."""
    return next((name for name, seeds in SEED_RANGES.items() if seed in seeds), "demo")


def only_split(seeds: Iterable[int]) -> str:
    """Return the one split that all seeds belong to.

    Raises
    ------
    TrainingError
        If they belong to several, or there are none.
    """
    splits = sorted({split_of(seed) for seed in seeds})
    if len(splits) == 1:
        return splits[0]
    if not splits:
        raise TrainingError("No seeds were given; give a range such as 1000000:1000200.")
    raise TrainingError(
        f"The seeds belong to {' and '.join(splits)}; make each split by itself "
        + "("
        + ", ".join(f"{name} {seeds.start}..{seeds.stop - 1}" for name, seeds in SEED_RANGES.items())
        + ")."
    )

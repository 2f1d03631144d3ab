"""Builds packages as pyproject.toml says; the user guide goes into the package of resources."""

from pathlib import Path
from shutil import copytree

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent


class BuildWithGuide(build_py):
    """Copies docs/guide and its pictures beside the other resources."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if not self.editable_mode:  # a checkout has the guide where it is written
            copytree(HERE / "docs" / "guide", Path(self.build_lib) / "resources" / "guide", dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithGuide})

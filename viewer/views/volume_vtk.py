"""VTK paints the volume off screen; only this module imports it, and only this module is imported late for it.

A render window of its own that is never shown (GLX, WGL, Cocoa, EGL or OSMesa, whichever VTK finds) instead of a
window inside Qt's: the same on every platform, under Wayland and without a screen, and everything happens in the one
thread that made it, so a slow driver never stops the window. What comes back are projected numbers; colours are laid
on them by :mod:`viewer.model.volume_paint`, so that they are those of the 2D overlay to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import vtkmodules.vtkRenderingOpenGL2
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401  # both register the classes that paint
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkLogger, vtkObject
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction
from vtkmodules.vtkRenderingCore import (
    vtkColorTransferFunction,
    vtkRenderer,
    vtkRenderWindow,
    vtkVolume,
    vtkVolumeProperty,
    vtkWindowToImageFilter,
)
from vtkmodules.vtkRenderingVolume import vtkGPUVolumeRayCastMapper

from gmic_core.errors import GmicError
from gmic_core.types import Finding
from viewer.model.volume import Engine
from viewer.model.volume_camera import View
from viewer.model.volume_paint import FINE, Pixels, Projection
from viewer.model.volume_project import Stack, Values

SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swiftshader", "software", "gdi generic", "basic render")
"""What renderers without a graphics card call themselves."""
OPACITY_MM = 2.0
"""Thickness that the opacities below are of."""
GLASS, DENSE = (40.0, 0.004, 0.25), (99.0, 0.45, 1.0)
"""Percentile of the tissue's grey values, its opacity and its brightness in the shaded volume: fat is glass, what is
dense is not. Relative, because windows differ."""
SAMPLED = 61
"""Every so many voxels are looked at to find these percentiles."""


class OpenGLError(GmicError):
    """OpenGL is not usable here."""


def quiet() -> None:
    """Keep VTK's own messages off the terminal: what matters comes back as an error with a sentence."""
    vtkObject.GlobalWarningDisplayOff()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)


def try_opengl() -> Engine:
    """Paint a small volume and say how that went. Meant for a process of its own: a driver may crash."""
    projector = VtkProjector()
    values = np.zeros((4, 8, 8), np.uint8)
    values[1:3, 2:6, 2:6] = 200
    stack = Stack(values, np.eye(4))
    matrix = np.array([[0.0, 4.0, 0.0, 2.0], [0.0, 0.0, 4.0, 2.0]])
    view = View(matrix, 4.0, np.eye(3), (1.5, 3.5, 3.5), 32, 32)
    gray = projector.project(stack, {}, view, shaded=False).gray
    if not (gray[16, 16] > 150 and gray[1, 1] == 0):
        return Engine("missing", "OpenGL paints volumes wrongly on this computer")
    name = projector.renderer_name()
    projector.close()
    return Engine("software" if any(word in name.lower() for word in SOFTWARE) else "hardware", name)


class VtkProjector:
    """Projects volumes with OpenGL; make, use and close it in one thread.

    Parameters
    ----------
    quick : look at every second pixel and at half as many places along each line of sight: without a graphics card.

    Raises
    ------
    OpenGLError
        If no window can be made.
    """

    def __init__(self, *, quick: bool = False) -> None:
        quiet()
        self.quick = quick
        self._window = vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._renderer = vtkRenderer()
        self._renderer.SetBackground(0.0, 0.0, 0.0)
        self._window.AddRenderer(self._renderer)
        self._volumes: dict[object, tuple[Values, vtkVolume]] = {}

    def renderer_name(self) -> str:
        """Return what the driver calls itself, once something was painted."""
        lines = str(self._window.ReportCapabilities()).splitlines()
        named = (line.partition(":")[2].strip() for line in lines if "renderer string" in line.lower())
        return next(named, "")

    def project(self, gray: Stack, findings: dict[Finding, Stack], view: View, *, shaded: bool) -> Projection:
        """Return what lies under every pixel of a view.

        Parameters
        ----------
        shaded : paint the grey volume translucent and lit, instead of its largest values.
        """
        self._forget_others({("gray", shaded), *findings})
        picture = self._paint(self._volume(("gray", shaded), gray, shaded=shaded), view)
        maps = {
            finding: picture_to_steps(self._paint(self._volume(finding, stack, shaded=False), view))
            for finding, stack in findings.items()
        }
        return Projection(picture, maps)

    def close(self) -> None:
        """Release the window and what lies in the card's memory."""
        self._renderer.RemoveAllViewProps()
        self._volumes.clear()
        self._window.Finalize()

    # -- volumes -------------------------------------------------------------------------------------------------
    def _forget_others(self, keys: set[object]) -> None:
        """Free what is not shown any more; a shaded and a plain volume of 20 MiB each need not lie in the card."""
        for key in [key for key in self._volumes if key not in keys]:
            self._renderer.RemoveVolume(self._volumes.pop(key)[1])

    def _volume(self, key: object, stack: Stack, *, shaded: bool) -> vtkVolume:
        known = self._volumes.get(key)
        if known is not None and known[0] is stack.values:
            return known[1]
        if known is not None:
            self._renderer.RemoveVolume(known[1])
        volume = _make_volume(stack.coarse if self.quick else stack, shaded=shaded, quick=self.quick)
        self._renderer.AddVolume(volume)
        self._volumes[key] = (stack.values, volume)
        return volume

    def _paint(self, volume: vtkVolume, view: View) -> Pixels:
        """Return the red channel of a picture with nothing but ``volume``, uint8 (height, width)."""
        for _, other in self._volumes.values():
            other.SetVisibility(other is volume)
        self._window.SetSize(view.width, view.height)
        self._look(view)
        self._window.Render()
        # a filter, because its update lets other threads run while a software driver paints
        grab = vtkWindowToImageFilter()
        grab.SetInput(self._window)
        grab.ReadFrontBufferOff()
        grab.ShouldRerenderOff()
        grab.SetInputBufferTypeToRGB()
        grab.Update()
        picture = grab.GetOutput()
        columns, rows, _ = picture.GetDimensions()
        if (rows, columns) != (view.height, view.width):
            raise OpenGLError("OpenGL painted a picture of another size; choose the maximum projection without it.")
        colours = vtk_to_numpy(picture.GetPointData().GetScalars()).reshape(rows, columns, -1)
        return np.ascontiguousarray(colours[::-1, :, 0])

    def _look(self, view: View) -> None:
        camera = self._renderer.GetActiveCamera()
        away, down = _xyz(view.rotation[0]), _xyz(view.rotation[1])
        center = _xyz(np.asarray(view.center))
        reach = 2000.0  # mm; a parallel projection does not care from how far it looks
        camera.ParallelProjectionOn()
        camera.SetFocalPoint(*center)
        camera.SetPosition(*(center - reach * away))
        camera.SetViewUp(*(-down))
        camera.SetParallelScale(view.height / 2.0 / view.scale)
        self._renderer.ResetCameraClippingRange()


def picture_to_steps(picture: Pixels) -> Values:
    """Return 8-bit shares of a saliency map as :data:`~viewer.model.volume_paint.FINE` steps."""
    return np.asarray(picture.astype(np.uint16) * (FINE // 255))


def _xyz(triple: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Turn (z, y, x) round: VTK counts x first."""
    return triple[::-1]


def _make_volume(stack: Stack, *, shaded: bool, quick: bool) -> vtkVolume:
    values, origin, spacing = upright(stack)
    data = vtkImageData()
    data.SetDimensions(*values.shape[::-1])
    data.SetSpacing(*spacing[::-1])
    data.SetOrigin(*origin[::-1])
    data.GetPointData().SetScalars(numpy_to_vtk(values.reshape(-1), deep=True))
    mapper = vtkGPUVolumeRayCastMapper()
    mapper.SetInputData(data)
    mapper.AutoAdjustSampleDistancesOff()
    mapper.SetSampleDistance(float(min(spacing)) * (2.0 if quick else 1.0))
    mapper.SetImageSampleDistance(2.0 if quick else 1.0)
    if shaded:
        mapper.SetBlendModeToComposite()
        mapper.UseJitteringOn()  # else the slices show as rings
    else:
        mapper.SetBlendModeToMaximumIntensity()
    volume = vtkVolume()
    volume.SetMapper(mapper)
    volume.SetProperty(_shaded_property(values) if shaded else _plain_property(float(np.iinfo(values.dtype).max)))
    return volume


def _plain_property(top: float) -> vtkVolumeProperty:
    """Return how values are painted that come back as numbers: their share of ``top`` as grey."""
    return _property(((0.0, 0.0), (top, 1.0)), ((0.0, 1.0), (top, 1.0)))


def _shaded_property(values: Values) -> vtkVolumeProperty:
    """Return how tissue is painted translucent and lit."""
    sample = values.reshape(-1)[::SAMPLED]
    tissue = sample[sample > 0]
    low, high = np.percentile(tissue, [GLASS[0], DENSE[0]]) if tissue.size else (60.0, 200.0)
    high = max(float(high), float(low) + 1.0)
    greys = ((0.0, 0.0), (float(low), GLASS[2]), (high, DENSE[2]))
    opacities = ((0.0, 0.0), (float(low), GLASS[1]), (high, DENSE[1]), (max(255.0, high + 1.0), 0.9))
    found = _property(greys, opacities)
    found.SetScalarOpacityUnitDistance(OPACITY_MM)
    found.ShadeOn()
    found.SetAmbient(0.65)
    found.SetDiffuse(0.6)
    found.SetSpecular(0.05)
    return found


Curve = tuple[tuple[float, float], ...]


def _property(greys: Curve, opacities: Curve) -> vtkVolumeProperty:
    """Return grey and opacity by value, linear in between."""
    colour, opacity = vtkColorTransferFunction(), vtkPiecewiseFunction()
    for value, share in greys:
        colour.AddRGBPoint(value, share, share, share)
    for value, share in opacities:
        opacity.AddPoint(value, share)
    found = vtkVolumeProperty()
    found.SetColor(colour)
    found.SetScalarOpacity(opacity)
    found.SetInterpolationTypeToLinear()
    return found


def upright(stack: Stack) -> tuple[Values, tuple[float, ...], tuple[float, ...]]:
    """Return (values, origin, spacing) with the axes along growing (z, y, x): VTK wants neither flips nor turns.

    Raises
    ------
    OpenGLError
        If the stack lies askew in the world, which no image of this program does.
    """
    linear = stack.to_world[:3, :3]
    order = [int(np.argmax(np.abs(row))) for row in linear]
    if sorted(order) != [0, 1, 2] or np.count_nonzero(np.abs(linear) > 1e-6 * np.abs(linear).max()) != 3:
        raise OpenGLError("This volume lies askew and cannot be painted with OpenGL; choose the projection without it.")
    values = np.transpose(stack.values, order)
    steps = linear[[0, 1, 2], order]
    last = np.asarray(values.shape) - 1
    origin = stack.to_world[:3, 3] + np.where(steps < 0, steps * last, 0.0)
    values = values[tuple(slice(None, None, -1 if step < 0 else 1) for step in steps)]
    return np.ascontiguousarray(values), tuple(float(v) for v in origin), tuple(float(v) for v in np.abs(steps))

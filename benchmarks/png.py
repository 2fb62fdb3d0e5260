"""Pictures of 512 x 512 pixels in 16 bits: from the DICOM file to the PNG on disk, beside what others do.

Half of the images are like CT (smooth, some noise), half are noise; half have a narrow window, half show
everything. OpenCV's way is dcmread, slope, intercept and window in numpy, imwrite at level 1. Upstream's is
dcmread, scaling by the largest value, and pypng's writer, whose work on each row (struct.pack, zlib at
level 6) is repeated here. Each works in two processes.
"""

import io
import multiprocessing
import os
import resource
import shutil
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.data import get_testdata_file

from benchmarks.rows import Row, alternately, by_limit, by_ratio
from benchmarks.setting import Setting, settle
from niffler_ops.png import Rendering, frames, frames_of
from niffler_ops.png.encoding import encoded

NAME = "png"
TITLE = "Pictures of 512 x 512, 16 bits, in two processes"
SIDE, WORKERS = 512, 2
LARGEST = 65535
FRAMES = 2000
Convert = Callable[[Path, Path], object]


def missing(_setting: Setting) -> str:
    """Nothing is needed."""
    return ""


def measure(setting: Setting) -> Iterator[Row]:
    """Rates and sizes beside the others', milliseconds by step, memory."""
    rounds, number = (1, 24) if setting.quick else (5, 120)
    paths = _images(setting.new_folder("png-images"), number)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        run = _Run(setting=setting, pool=pool, paths=paths)
        for convert in (ours, opencv, upstream):
            run.rate(convert, paths[: 2 * WORKERS])  # so that nobody pays for imports
        pairs = alternately(rounds, lambda: run.rate(ours), lambda: run.rate(opencv))
        yield by_ratio("end to end, to OpenCV at level 1", "images/s", pairs, at_least=6)
        few = paths[: number // 3]
        pairs = alternately(rounds, lambda: run.rate(ours), lambda: run.rate(upstream, few))
        yield by_ratio("end to end, to upstream's way", "images/s", pairs, at_least=15)
        yield _sizes(run)
        yield from _peers(run, few)
    yield from _steps(paths)
    yield _memory(setting, context)


class _Run:
    """Files converted by a pool, each time into a new folder."""

    def __init__(self, *, setting: Setting, pool: ProcessPoolExecutor, paths: Sequence[Path]) -> None:
        self._setting = setting
        self._pool = pool
        self.paths = paths
        self.folders: dict[str, Path] = {}

    def rate(self, convert: Convert, paths: Sequence[Path] | None = None) -> float:
        """Images a second."""
        paths = self.paths if paths is None else paths
        folder = self.folders[convert.__name__] = self._setting.new_folder(f"png-{convert.__name__}")
        settle()
        begun = time.perf_counter()
        tasks = [
            self._pool.submit(_convert, convert, paths[part::WORKERS], folder) for part in range(WORKERS)
        ]
        for task in tasks:
            task.result()
        return len(paths) / (time.perf_counter() - begun)


def _convert(convert: Convert, paths: Sequence[Path], folder: Path) -> None:
    cv2.setNumThreads(1)
    for path in paths:
        convert(path, folder / f"{path.stem}.png")


def ours(path: Path, target: Path) -> None:
    """The room's."""
    for frame in frames(path, Rendering(bits=16)):
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.writev(descriptor, frame.parts)
        os.close(descriptor)


def opencv(path: Path, target: Path) -> None:
    """A careful script with OpenCV."""
    cv2.imwrite(str(target), _windowed(pydicom.dcmread(path)), [cv2.IMWRITE_PNG_COMPRESSION, 1])


def pillow(path: Path, target: Path) -> None:
    """The same script with Pillow."""
    Image.fromarray(_windowed(pydicom.dcmread(path))).save(target, compress_level=1)


def dcm2pnm(path: Path, target: Path) -> None:
    """DCMTK, one process an image."""
    subprocess.run(["dcm2pnm", "-q", "+Wi", "1", "+on2", str(path), str(target)], check=True)


def upstream(path: Path, target: Path) -> None:
    """Upstream's way."""
    pixels = pydicom.dcmread(path, force=True).pixel_array.astype(float)
    scaled = (np.maximum(pixels, 0) / pixels.max() * LARGEST).astype(np.uint16)
    compressor, content = zlib.compressobj(), io.BytesIO()
    for row in scaled.reshape(SIDE, SIDE):
        content.write(compressor.compress(b"\0" + struct.pack(f"!{len(row)}H", *row)))
    content.write(compressor.flush())
    header = struct.pack(">LLBBBBB", SIDE, SIDE, 16, 0, 0, 0, 0)
    with target.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for name, chunk in ((b"IHDR", header), (b"IDAT", content.getvalue()), (b"IEND", b"")):
            file.write(struct.pack(">L", len(chunk)) + name + chunk)
            file.write(struct.pack(">L", zlib.crc32(name + chunk)))


def _windowed(dataset: pydicom.Dataset) -> NDArray[np.uint16]:
    values = dataset.pixel_array * np.float32(dataset.RescaleSlope) + np.float32(dataset.RescaleIntercept)
    shares = (values - np.float32(dataset.WindowCenter - 0.5)) / np.float32(dataset.WindowWidth - 1)
    levels: NDArray[np.uint16] = np.clip((shares + np.float32(0.5)) * LARGEST, 0, LARGEST).astype(np.uint16)
    return levels


def _sizes(run: _Run) -> Row:
    """Bytes beside OpenCV's."""
    own, other = (
        sum(file.stat().st_size for file in run.folders[name].iterdir()) / len(run.paths)
        for name in ("ours", "opencv")
    )
    return Row(
        what="size, to OpenCV at level 1",
        unit="KB/image",
        ours=own / 1000,
        reference=other / 1000,
        ratio=own / other,
        goal="≤ 1.1 x",
        reached=own / other <= 1.1,
    )


def _peers(run: _Run, few: Sequence[Path]) -> Iterator[Row]:
    """Who else is asked now and then."""
    yield by_ratio("end to end, to Pillow at level 1", "images/s", [(run.rate(ours), run.rate(pillow, few))])
    if shutil.which("dcm2pnm"):
        yield by_ratio("end to end, to dcm2pnm", "images/s", [(run.rate(ours), run.rate(dcm2pnm, few))])


def _steps(paths: Sequence[Path]) -> Iterator[Row]:
    """CPU by step in one process, and how fast stored pixels become pictures."""
    some = paths[:24]
    target = paths[0].with_name("step.png")
    whole = _cpu(lambda: _convert(ours, some, target.parent)) / len(some)
    opened = [_opened(path) for path in some]
    begun = [stream.tell() for _, stream in opened]

    def render() -> None:
        for (header, stream), position in zip(opened, begun, strict=True):
            stream.seek(position)
            list(frames_of(header, stream, Rendering(bits=16)))

    rendering = _cpu(render) / len(some)
    levels = [_windowed(pydicom.dcmread(path)).astype(">u2") for path in some]
    encoding = _cpu(lambda: [encoded(each) for each in levels]) / len(some)
    yield by_limit("header and file", "ms CPU", [(whole - rendering) * 1000])
    yield by_limit("pixels, window", "ms CPU", [(rendering - encoding) * 1000])
    yield by_limit("filter, compression, checksum", "ms CPU", [encoding * 1000])
    yield by_limit("stored pixels to PNG, one process", "MB/s CPU", [SIDE * SIDE * 2 / whole / 1e6])


def _opened(path: Path) -> tuple[pydicom.Dataset, io.BufferedReader]:
    stream = path.open("rb")
    return pydicom.dcmread(stream, stop_before_pixels=True), stream


def _cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU, the least of several times."""
    seconds = []
    for _ in range(4):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def _memory(setting: Setting, context: Any) -> Row:
    """The most that a process takes for an object of many frames."""
    path = setting.new_folder("png-frames") / "frames.dcm"
    dataset = _described()
    dataset.NumberOfFrames, dataset.PixelData = FRAMES, bytes(2)
    dataset.save_as(path)
    length, header = SIDE * SIDE * 2 * FRAMES, path.stat().st_size - 2
    with path.open("r+b") as file:  # of zeros that cost no disk
        file.seek(header - 4)
        file.write(length.to_bytes(4, "little"))
        file.truncate(header + length)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        taken = pool.submit(_most_memory, path).result()
    return by_limit(f"memory with {FRAMES} frames", "MB", [taken], at_most=400)


def _most_memory(path: Path) -> float:
    for frame in frames(path, Rendering(bits=16)):
        assert frame.parts
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _images(folder: Path, number: int) -> list[Path]:
    """Files that are like CT and like noise in turn, their windows narrow and wide by twos."""
    random = np.random.default_rng(7)
    dataset = _described()
    paths = []
    for index in range(number):
        smooth = index % 2 == 0
        pixels = _slice(random) if smooth else random.integers(0, 4096, (SIDE, SIDE))
        dataset.WindowCenter, dataset.WindowWidth = (40, 400) if index % 4 < 2 else (1024, 4096)
        dataset.PixelData = pixels.astype("<u2").tobytes()
        paths.append(folder / f"{index:04}.dcm")
        dataset.save_as(paths[-1])
    return paths


def _described() -> pydicom.Dataset:
    """The header of a CT image that pydicom ships, without its private elements: 80 elements."""
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm", download=False)))
    dataset.remove_private_tags()
    del dataset[0xFFFCFFFC]
    dataset.Rows = dataset.Columns = SIDE
    dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 0, 12, 11
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    return dataset


def _slice(random: np.random.Generator) -> NDArray[Any]:
    """Something like a body with organs in air, in stored values."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    tissue = 40 + 60 * np.sin(columns / 40) * np.cos(rows / 30)
    values = np.where(np.hypot(columns - SIDE / 2, (rows - SIDE / 2) * 1.3) < SIDE * 0.42, tissue, -1000)
    for _ in range(12):
        column, row, radius = random.integers(150, 360, 3)
        organ = np.hypot(columns - column, rows - row) < radius / 8
        values = np.where(organ, values + random.integers(-300, 800), values)
    return (values + random.normal(0, 12, values.shape) + 1024).clip(0, 4095)

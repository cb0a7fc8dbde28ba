"""Kinds of pixels that pictures are stored in, each as a set of two made-up files, with the levels to be read.

Expected levels are worked out here from the values that were written, without the code under test.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

SIDE = 16
RAMP = np.arange(256, dtype=np.uint8).reshape(SIDE, SIDE)
DARK = RAMP // 4
COLOUR = np.stack([RAMP // 64 * 64, RAMP[::-1] // 64 * 64, RAMP // 128 * 128], axis=2)
SOFT = np.stack([RAMP, RAMP.T, 255 - RAMP], axis=2)
NOISE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
HALF = np.where(np.arange(256).reshape(SIDE, SIDE) % 2, 255, 0).astype(np.uint8)
"""Alpha: every other pixel is clear."""


@dataclass(frozen=True)
class PixelKind:
    """Two files of one kind.

    Attributes:
        name: of the kind.
        make: the files' bytes.
        levels: (h, w) or (h, w, 3) that are expected of each file; None where the set is refused.
        said: part of what is said of it, or of the refusal.
        tolerance: levels that may differ, of formats that lose something.
    """

    name: str
    make: Callable[[], tuple[bytes, bytes]]
    levels: tuple[np.ndarray, np.ndarray] | None
    said: str = ""
    tolerance: int = 0


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png16(values: np.ndarray, transparent: tuple[int, ...] = ()) -> bytes:
    """A PNG of 16 bits of (h, w, 1 to 4) values, written by hand because Pillow writes grey ones alone."""
    height, width, channels = values.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
    clear = chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)) if transparent else b""
    return b"\x89PNG\r\n\x1a\n" + head + clear + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def tiff(values: np.ndarray, bits: int, sample_format: int = 1, photometric: int = 1, order: str = "<") -> bytes:
    """An uncompressed TIFF of (h, w, channels) values in one strip, for kinds that Pillow does not write."""
    height, width, channels = values.shape
    content = values.astype(values.dtype.newbyteorder(order)).tobytes()
    entries: list[tuple[int, int, tuple[int, ...]]] = [
        (256, 4, (width,)),
        (257, 4, (height,)),
        (258, 3, (bits,) * channels),
        (259, 3, (1,)),
        (262, 3, (photometric,)),
        (273, 4, (8,)),
        (277, 3, (channels,)),
        (278, 4, (height,)),
        (279, 4, (len(content),)),
        (339, 3, (sample_format,) * channels),
    ]
    where = 8 + len(content) + len(content) % 2
    table = struct.pack(f"{order}H", len(entries))
    extra, at = b"", where + 2 + 12 * len(entries) + 4
    for tag, kind, numbers in entries:
        packed = struct.pack(f"{order}{len(numbers)}{'I' if kind == 4 else 'H'}", *numbers)
        if len(packed) > 4:
            table += struct.pack(f"{order}HHII", tag, kind, len(numbers), at + len(extra))
            extra += packed
        else:
            table += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0")
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", where)
    return start + content + b"\0" * (len(content) % 2) + table + b"\0\0\0\0" + extra


def of(*arrays: np.ndarray, kind: str = "PNG", mode: str = "", **options: object) -> Callable[[], tuple[bytes, bytes]]:
    """Files of pictures that Pillow makes."""

    def make() -> tuple[bytes, bytes]:
        images = [Image.fromarray(array) for array in arrays]
        files = [saved(image.convert(mode) if mode else image, kind, **options) for image in images]
        return files[0], files[1]

    return make


def both(write: Callable[[np.ndarray], bytes], arrays: Iterable[np.ndarray]) -> Callable[[], tuple[bytes, bytes]]:
    first, second = arrays
    return lambda: (write(first), write(second))


def scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """The nearest level of each value."""
    return np.clip(np.rint(255 * (values.astype(np.float64) - low) / (high - low)), 0, 255).astype(np.uint8)


def on(level: int, colours: np.ndarray) -> np.ndarray:
    """Where `HALF` is clear, the background."""
    clear = HALF == 0
    return np.where(clear[:, :, None] if colours.ndim == 3 else clear, level, colours).astype(np.uint8)


WIDE = np.linspace(0, 65535, 256).astype(np.uint16).reshape(SIDE, SIDE)
TWELVE = np.linspace(0, 4095, 256).astype(np.uint16).reshape(SIDE, SIDE)
WIDE_RGB = np.stack([WIDE, WIDE.T, WIDE[::-1]], axis=2)
TWELVE_RGB = np.stack([TWELVE, TWELVE.T, TWELVE[::-1]], axis=2)
UNIT = np.linspace(0, 1, 256, dtype=np.float32).reshape(SIDE, SIDE)
FLOAT_RGB = np.stack([UNIT, UNIT.T, UNIT[::-1]], axis=2)
SIGNED = np.linspace(-1000, 1000, 256).astype(np.int16).reshape(SIDE, SIDE)
ALPHA16 = HALF.astype(np.uint16) * 257


def halves(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture and a darker one, whose range would be another by itself."""
    return values, (values / 2).astype(values.dtype)


def span(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    first, second = halves(values)
    return scaled(first, low, high), scaled(second, low, high)


def as_tiff(bits: int, sample_format: int = 1, photometric: int = 1, order: str = "<") -> Callable[[np.ndarray], bytes]:
    return lambda values: tiff(
        values if values.ndim == 3 else values[:, :, None], bits, sample_format, photometric, order
    )


def with_alpha(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.concatenate([colours if colours.ndim == 3 else colours[:, :, None], alpha[:, :, None]], axis=2)


def clear_png(colours: np.ndarray) -> bytes:
    return saved(Image.fromarray(with_alpha(colours, HALF)))


def palette_with_clear_entry(colours: np.ndarray) -> bytes:
    image = Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE, colors=32)
    return saved(image, transparency=int(np.asarray(image)[0, 0]))


def clear_entry_levels(colours: np.ndarray) -> np.ndarray:
    image = Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE, colors=32)
    places = np.asarray(image)
    return np.where((places == places[0, 0])[:, :, None], 255, np.asarray(image.convert("RGB"))).astype(np.uint8)


def turned(orientation: int, values: np.ndarray) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(Image.fromarray(values), exif=exif)


def animation(first: np.ndarray, kind: str) -> bytes:
    frames = [Image.fromarray(first), Image.fromarray(255 - first)]
    return saved(
        frames[0], kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WEBP" else {})
    )


def lab(colours: np.ndarray) -> bytes:
    made = ImageCms.profileToProfile(
        Image.fromarray(colours), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    return saved(made, "TIFF")


def pgm(values: np.ndarray, most: int) -> bytes:
    return f"P5 {SIDE} {SIDE} {most}\n".encode() + values.astype(">u2").tobytes()


def pfm(values: np.ndarray) -> bytes:
    return f"Pf\n{SIDE} {SIDE}\n-1.0\n".encode() + values[::-1].astype("<f4").tobytes()


PAIR = (RAMP, DARK)
COLOURS = (COLOUR, 255 - COLOUR)
CUT = tuple(on(0, colours // 2 + 9) for colours in COLOURS)
SMOOTH = (np.full((SIDE, SIDE, 3), (200, 40, 90), np.uint8), np.full((SIDE, SIDE, 3), (30, 160, 220), np.uint8))

PIXEL_KINDS: tuple[PixelKind, ...] = (
    PixelKind("grey PNG, 8 bits", of(*PAIR), PAIR, "grey, 8 bits"),
    PixelKind("colour PNG, 8 bits", of(*COLOURS), COLOURS, "RGB, 8 bits"),
    PixelKind("BMP", of(*COLOURS, kind="BMP"), COLOURS),
    PixelKind("GIF", of(*COLOURS, kind="GIF"), COLOURS),
    PixelKind("TIFF, 8 bits, LZW", of(*COLOURS, kind="TIFF", compression="tiff_lzw"), COLOURS),
    PixelKind("WebP, lossless", of(*COLOURS, kind="WEBP", lossless=True), COLOURS),
    PixelKind("PPM", of(*COLOURS, kind="PPM"), COLOURS),
    PixelKind("JPEG", of(*SMOOTH, kind="JPEG", quality=95), SMOOTH, tolerance=3),
    PixelKind("JPEG, CMYK", of(*SMOOTH, kind="JPEG", mode="CMYK", quality=95), SMOOTH, "CMYK", 6),
    PixelKind("TIFF, CMYK", of(*SMOOTH, kind="TIFF", mode="CMYK"), SMOOTH, "CMYK", 1),
    PixelKind("TIFF, YCbCr", of(*SMOOTH, kind="TIFF", mode="YCbCr"), SMOOTH, "YCbCr", 4),
    PixelKind("TIFF, Lab", both(lab, SMOOTH), SMOOTH, "Lab", 9),
    PixelKind("1 bit", of(*(HALF, 255 - HALF), mode="1"), (HALF, 255 - HALF), "1 bit"),
    PixelKind("palette", of(*COLOURS, mode="P"), COLOURS, "palette", 60),
    PixelKind(
        "palette with a clear entry",
        both(palette_with_clear_entry, (SOFT, SOFT[::-1].copy())),
        (clear_entry_levels(SOFT), clear_entry_levels(SOFT[::-1].copy())),
        "laid on white",
    ),
    PixelKind("RGBA", both(clear_png, COLOURS), (on(255, COLOURS[0]), on(255, COLOURS[1])), "laid on white"),
    PixelKind("grey with alpha", both(clear_png, PAIR), (on(255, RAMP), on(255, DARK)), "grey with alpha"),
    PixelKind(
        "RGB with a clear colour", of(*CUT, transparency=(0, 0, 0)), (on(255, CUT[0]), on(255, CUT[1])), "on white"
    ),
    PixelKind(
        "WebP with alpha",
        lambda: tuple(saved(Image.fromarray(with_alpha(c, HALF)), "WEBP", lossless=True, exact=True) for c in COLOURS),
        (on(255, COLOURS[0]), on(255, COLOURS[1])),
        "laid on white",
    ),
    PixelKind("EXIF, upside down", both(lambda v: turned(3, v), PAIR), (RAMP[::-1, ::-1], DARK[::-1, ::-1])),
    PixelKind(
        "EXIF, 16 bits, upside down",
        both(lambda v: turned(3, v), halves(WIDE)),
        tuple(level[::-1, ::-1] for level in span(WIDE, 0, 65535)),
        "16 bits",
    ),
    PixelKind("GIF, animated", both(lambda v: animation(v, "GIF"), PAIR), (RAMP, DARK), "more than one picture"),
    PixelKind("WebP, animated", both(lambda v: animation(v, "WEBP"), COLOURS), COLOURS, "more than one picture"),
    PixelKind("grey PNG, 16 bits", of(*halves(WIDE)), span(WIDE, 0, 65535), "0 to 65535 (16 bits)"),
    PixelKind("grey PNG, 12 of 16 bits", of(*halves(TWELVE)), span(TWELVE, 0, 4095), "0 to 4095 (12 bits)"),
    PixelKind("grey PNG, 8 of 16 bits", of(RAMP.astype(np.uint16), DARK.astype(np.uint16)), PAIR, "0 to 255 (8 bits)"),
    PixelKind("colour PNG, 16 bits", both(png16, halves(WIDE_RGB)), span(WIDE_RGB, 0, 65535), "RGB, 16 bits"),
    PixelKind("colour PNG, 12 of 16 bits", both(png16, halves(TWELVE_RGB)), span(TWELVE_RGB, 0, 4095), "(12 bits)"),
    PixelKind(
        "RGBA PNG, 16 bits",
        both(lambda v: png16(with_alpha(v, ALPHA16)), halves(WIDE_RGB)),
        tuple(on(255, level) for level in span(WIDE_RGB, 0, 65535)),
        "RGB with alpha, 16 bits",
    ),
    PixelKind(
        "grey with alpha PNG, 16 bits",
        both(lambda v: png16(with_alpha(v, ALPHA16)), halves(TWELVE)),
        tuple(on(255, level) for level in span(TWELVE, 0, 4095)),
        "grey with alpha, 16 bits",
    ),
    PixelKind(
        "grey PNG, 16 bits, a clear value",
        both(lambda v: png16(v[:, :, None], (65535,)), (WIDE, WIDE[::-1])),
        (scaled(WIDE, 0, 65535), scaled(WIDE[::-1], 0, 65535)),
        "16 bits",
    ),
    PixelKind("TIFF, 16 bits", both(as_tiff(16), halves(WIDE)), span(WIDE, 0, 65535), "16 bits"),
    PixelKind("TIFF, 16 bits, big-endian", both(as_tiff(16, order=">"), halves(TWELVE)), span(TWELVE, 0, 4095), "12"),
    PixelKind(
        "TIFF, 16 bits, small is bright",
        both(as_tiff(16, photometric=0), halves(WIDE)),
        tuple(255 - level for level in span(WIDE, 0, 65535)),
        "16 bits",
    ),
    PixelKind("TIFF, colour, 16 bits", both(as_tiff(16, photometric=2), halves(WIDE_RGB)), span(WIDE_RGB, 0, 65535)),
    PixelKind(
        "TIFF, colour, 12 of 16 bits, big-endian",
        both(as_tiff(16, photometric=2, order=">"), halves(TWELVE_RGB)),
        span(TWELVE_RGB, 0, 4095),
        "12 bits",
    ),
    PixelKind(
        "TIFF, 16 bits with sign", both(as_tiff(16, 2), halves(SIGNED)), span(SIGNED, -1000, 1000), "-1000 to 1000"
    ),
    PixelKind(
        "TIFF, 8 bits with sign",
        both(as_tiff(8, 2), ((RAMP.astype(int) - 128).astype(np.int8), (DARK.astype(int) - 128).astype(np.int8))),
        PAIR,
        "-128 to 127",
    ),
    PixelKind(
        "TIFF, 32 bits",
        both(as_tiff(32), (WIDE.astype(np.uint32) * 60000, WIDE.astype(np.uint32) * 30000)),
        (
            scaled(WIDE.astype(np.uint32) * 60000, 0, 65535 * 60000.0),
            scaled(WIDE.astype(np.uint32) * 30000, 0, 65535 * 60000.0),
        ),
        "32 bits",
        1,
    ),
    PixelKind("TIFF, floats, 0 to 1", of(*halves(UNIT), kind="TIFF"), span(UNIT, 0, 1), "0 to 1"),
    PixelKind("TIFF, floats, 0 to 0.5", of(*halves(UNIT / 2), kind="TIFF"), span(UNIT / 2, 0, 1), "0 to 1"),
    PixelKind("TIFF, floats, 0 to 255", of(*halves(UNIT * 255), kind="TIFF"), span(UNIT * 255, 0, 255), "0 to 255"),
    PixelKind("TIFF, floats, -1 to 1", of(*halves(UNIT * 2 - 1), kind="TIFF"), span(UNIT * 2 - 1, -1, 1), "-1 to 1"),
    PixelKind(
        "TIFF, floats, any range",
        of(*halves(UNIT * 3000 - 1000), kind="TIFF"),
        span(UNIT * 3000 - 1000, -1000, 2000),
        "-1000 to 2000 (smallest and largest value of the set)",
    ),
    PixelKind(
        "PGM, up to 1000",
        both(lambda v: pgm(v, 1000), halves((UNIT * 1000).astype(np.uint16))),
        span((UNIT * 1000).astype(np.uint16), 0, 1000),
        tolerance=1,
    ),
    PixelKind("PFM", both(pfm, halves(UNIT)), span(UNIT, 0, 1), "floating point"),
    PixelKind("a PNG by the name of a JPEG", of(*COLOURS), COLOURS),
    PixelKind("black all over", of(*(np.zeros_like(RAMP),) * 2), None, "has the value 0, so there is nothing"),
    PixelKind("floats that are all the same", of(*(np.full_like(UNIT, 7),) * 2, kind="TIFF"), None, "7 to 8"),
    PixelKind("floats that are no numbers", of(*(np.full_like(UNIT, np.nan),) * 2, kind="TIFF"), None, "no finite"),
    PixelKind("empty files", lambda: (b"", b""), None, "it is empty (0 bytes)"),
    PixelKind("zeros", lambda: (bytes(100), bytes(100)), None, "all of its 100 bytes are zero"),
    PixelKind("web pages", lambda: (b"<!DOCTYPE html><html>404</html>",) * 2, None, "it is a web page (HTML)"),
    PixelKind("Git LFS", lambda: (b"version https://git-lfs.github.com/spec/v1\n",) * 2, None, "git lfs pull"),
    PixelKind("PNG, cut off", lambda: (saved(Image.fromarray(NOISE))[:-99],) * 2, None, "PNG that is cut off"),
    PixelKind("JPEG, cut off", lambda: (saved(Image.fromarray(SOFT), "JPEG")[:-99],) * 2, None, "JPEG that is cut"),
    PixelKind("TIFF, doubles", both(as_tiff(64, 3), halves(UNIT.astype(np.float64))), span(UNIT, 0, 1), "64 bits"),
    PixelKind("TIFF, half floats", both(as_tiff(16, 3), halves(UNIT.astype(np.float16))), span(UNIT, 0, 1), "", 1),
    PixelKind("TIFF, colour floats", both(as_tiff(32, 3, 2), halves(FLOAT_RGB)), span(FLOAT_RGB, 0, 1), "0 to 1"),
    PixelKind(
        "TIFF, colour floats, big-endian",
        both(as_tiff(32, 3, 2, ">"), halves(FLOAT_RGB)),
        span(FLOAT_RGB, 0, 1),
        "RGB, floating point of 32 bits",
    ),
    PixelKind(
        "TIFF, colour, 32 bits",
        both(as_tiff(32, 1, 2), halves(WIDE_RGB.astype(np.uint32) * 9)),
        span(WIDE_RGB.astype(np.uint32) * 9, 0, 9 * 65535),
        "numbers of 32 bits",
        1,
    ),
    PixelKind(
        "TIFF, four floats a pixel",
        both(as_tiff(32, 3, 2), (np.dstack([FLOAT_RGB, UNIT]),) * 2),
        None,
        "TIFF of 4 × 32 bits, floating point, which is not read",
    ),
    PixelKind("TIFF, cut off", lambda: (as_tiff(64, 3)(UNIT)[:-400],) * 2, None, "TIFF that is damaged"),
    PixelKind("SVG", lambda: (b'<?xml version="1.0"?><svg xmlns="x"/>',) * 2, None, "it is a drawing in SVG"),
)

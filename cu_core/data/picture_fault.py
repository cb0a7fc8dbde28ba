"""Why a file is no readable picture, in words, told from its first bytes."""

from __future__ import annotations

import re

from PIL import Image, UnidentifiedImageError

_HEAD = 1024
# What people have under the name of a picture, by how it begins.
_KINDS: tuple[tuple[bytes, str], ...] = (
    (rb"\s*(<!--.*?-->\s*)?<(!doctype html|html|head|body)", "it is a web page (HTML), as a failed download leaves it"),
    (rb"\s*(<\?xml.*?\?>\s*)?(<!--.*?-->\s*)?(<!doctype svg.*?>\s*)?<svg", "it is a drawing in SVG; save it as PNG"),
    (rb"\s*<\?xml", "it is XML"),
    (rb"version https://git-lfs", "it is a pointer of Git LFS; fetch the files themselves with git lfs pull"),
    (rb"....ftyp(heic|heix|hevc|mif1|msf1)", "it is in HEIC; save it as JPEG or PNG"),
    (rb"....ftyp(avif|avis)", "it is in AVIF; save it as JPEG or PNG"),
    (rb"....ftyp", "it is a film"),
    (rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51", "it is in JPEG 2000; save it as PNG"),
    (rb"\xff\x0a|\x00\x00\x00\x0cJXL ", "it is in JPEG XL; save it as PNG"),
    (rb"8BPS", "it is a Photoshop document; save it as PNG"),
    (rb"%PDF", "it is a PDF"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "it is PostScript"),
    (rb"PK\x03\x04", "it is a zip file"),
    (rb"\x1f\x8b", "it is a gzip file"),
    (rb"\x93NUMPY", "it is a NumPy array"),
    (rb"#\?(RADIANCE|RGBE)", "it is in Radiance HDR; save it as PNG or TIFF"),
    (rb"\x76\x2f\x31\x01", "it is in OpenEXR; save it as PNG or TIFF"),
    (rb"\s*[\[{]", "it is text (JSON)"),
)
_PICTURES: tuple[tuple[bytes, str], ...] = (
    (rb"\x89PNG", "PNG"),
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"GIF8", "GIF"),
    (rb"RIFF....WEBP", "WebP"),
    (rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+", "TIFF"),
    (rb"BM", "BMP"),
    (rb"P[1-7fF]\s", "PNM"),
)


def fault_of(content: bytes, error: Exception) -> str:
    """What is wrong with a file.

    Args:
        content: the file's bytes.
        error: what the decoder raised.
    """
    if not content:
        return "it is empty (0 bytes)"
    if not content.strip(b"\0"):
        return f"all of its {len(content):,} bytes are zero"
    if isinstance(error, Image.DecompressionBombError):
        return "it has far more pixels than a picture of a dataset"
    for pattern, kind in _PICTURES:
        if re.match(pattern, content[:_HEAD], re.DOTALL):
            cut_off = "truncated" in str(error).lower()
            return (
                f"{kind} that is cut off" if cut_off else f"{kind} that is damaged or of an unusual kind{_told(error)}"
            )
    for pattern, words in _KINDS:
        if re.match(pattern, content[:_HEAD], re.DOTALL | re.IGNORECASE):
            return words
    if _is_text(content[:_HEAD]):
        return "it is text"
    return "it is no picture in a known format"


def _told(error: Exception) -> str:
    # Pillow names the object that it was given, which tells nobody which file that is.
    text = str(error)
    if isinstance(error, UnidentifiedImageError) or not text or "<_io" in text:
        return ""
    return f": {text[:200]}"


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        # Cut within a character, which is still text.
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode()
    return all(letter.isprintable() or letter.isspace() for letter in text)

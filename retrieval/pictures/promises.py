"""Whether a file has the bytes that its picture needs: said before memory is taken for it."""

from __future__ import annotations

import math

from PIL import ImageFile, TiffImagePlugin

MAX_WHOLE_BYTES = 1 << 28  # of HEIC, AVIF and WebP, whose decoders read files whole

# The most bytes of a picture, or pixels, that a byte of a file can hold. Without a bound are
# WebP, HEIC and AVIF, JPEG in arithmetic coding, ZSTD and LZMA in TIFF.
DEFLATE = 1032  # bytes; zlib's documentation
LZW = 2730  # bytes: 4,095 in a code of 12 bits
PACKBITS = 64  # bytes: 128 in two
JPEG = 512  # pixels: a progressive picture has 8 x 8 of them in a bit
BMP_RLE = 16_256  # pixels: a jump of four bytes passes over 255 x 255
_OF_TIFF = {
    "raw": 1,
    "packbits": PACKBITS,
    "tiff_lzw": LZW,
    "tiff_deflate": DEFLATE,
    "tiff_adobe_deflate": DEFLATE,
}
_FAX = ("group3", "group4", "tiff_ccitt", "tiff_raw_16")  # a blank row is a bit
_FILE_BITS, _PHOTOMETRIC, _SAMPLES = 258, 262, 277
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_YCBCR = 6  # of which two samples may be subsampled


def too_large(head: bytes, size_bytes: int) -> str | None:
    """Why a file that begins with `head` cannot be opened for its size; None if it can."""
    whole = head[4:8] == b"ftyp" or (head[:4], head[8:12]) == (b"RIFF", b"WEBP")
    if whole and size_bytes > MAX_WHOLE_BYTES:
        wanted = f"wanted up to {MAX_WHOLE_BYTES >> 20} MiB of HEIC, AVIF or WebP"
        return f"{wanted}; got {size_bytes} bytes"
    return None


def takes_memory(head: bytes) -> bool:
    """Whether memory for the picture of a file that begins so is taken as soon as it is opened:
    for what a GIF's first picture leaves behind, for a WebP's canvas.
    """
    return head[:4] == b"GIF8" or head[8:12] == b"WEBP"


def most_pixels(head: bytes, size_bytes: int, used_from: float) -> float:
    """Of a file that begins so, of which a share has to be there; infinite without a bound."""
    return size_bytes / used_from * LZW if head[:4] == b"GIF8" else math.inf


def refusal(image: ImageFile.ImageFile, size_bytes: int, used_from: float) -> str | None:
    """Why the file cannot hold the picture that its header promises; None if it may.

    size_bytes  of the file
    used_from   the share of a picture that has to be there
    """
    needed = math.ceil(_needed_bytes(image))
    if needed * used_from <= size_bytes:
        return None
    width, height = decoded_size(image)
    return (
        f"damaged: {width} x {height} pixels take {needed} bytes at least; "
        f"the file has {size_bytes}"
    )


def decoded_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Width and height in pixels of what is decoded: of a TIFF in tiles, all of these."""
    width, height = image.size
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        width = _filled(width, image.tag_v2.get(_TILE_WIDTH))
        height = _filled(height, image.tag_v2.get(_TILE_HEIGHT))
    return width, height


def _filled(length: int, tile: object) -> int:
    """A length, or that of the tiles which cover it."""
    return math.ceil(length / tile) * tile if isinstance(tile, int) and tile > 0 else length


def _needed_bytes(image: ImageFile.ImageFile) -> float:
    """The fewest bytes that hold such a picture; 0 where there is no bound."""
    width, height = decoded_size(image)
    match image.format:
        case "BMP" if image.tile:
            tile = image.tile[0]
            if tile.codec_name == "raw" and isinstance(tile.args, tuple):
                return height * int(tile.args[1])  # bytes of a row
            return width * height / BMP_RLE
        case "PNG":
            # Grey and colours of a palette may have one bit.
            bits = {"RGB": 24, "RGBA": 32, "LA": 16, "I;16": 16}.get(image.mode, 1)
            return height * (1 + width * bits / 8) / DEFLATE
        case "GIF":
            return width * height / LZW
        case "JPEG" | "MPO":
            return width * height / JPEG
        case "TIFF" if isinstance(image, TiffImagePlugin.TiffImageFile):
            packing = str(image.info.get("compression"))
            if packing in _FAX:
                return height / 8
            if packing in ("jpeg", "tiff_jpeg"):
                return width * height / JPEG
            ratio = _OF_TIFF.get(packing)
            return 0 if ratio is None else height * (width * _tiff_bits(image) // 8) / ratio
    return 0


def _tiff_bits(image: TiffImagePlugin.TiffImageFile) -> int:
    """Of a pixel, at least."""
    bits = image.tag_v2.get(_FILE_BITS, 1)
    depths = bits if isinstance(bits, tuple) else (bits,)
    samples = max(int(image.tag_v2.get(_SAMPLES, 1)), 1)
    if image.tag_v2.get(_PHOTOMETRIC) == _YCBCR:
        samples = 1
    return sum(depths) if len(depths) == samples else int(min(depths)) * samples

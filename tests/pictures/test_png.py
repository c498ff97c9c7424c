import struct
import zlib

from gramarye.pictures import rows as bands
from gramarye.pictures.picture import load_picture
from tests.pictures.making import noise


def test_png_is_one_zlib_stream_over_bounded_chunks(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(bands, "PIXELS_AT_ONCE", 400)
    data = load_picture(noise(101, 40)).save(tmp_path / "a.png").path.read_bytes()
    place, stream, sizes = 8, b"", []
    while place < len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + size]
        assert zlib.crc32(name + body) == struct.unpack_from(">I", data, place + 8 + size)[0]
        if name == b"IDAT":
            stream += body
            sizes.append(size)
        place += 12 + size
    assert len(zlib.decompress(stream)) == 101 * (1 + 3 * 40)
    assert len(sizes) == 11 + 1  # bands of ten rows, and the end of the stream
    assert max(sizes) < 10 * (1 + 3 * 40) + 50

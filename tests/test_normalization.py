"""Which characters join what stands before them."""

from charrnn.text.normalization import is_joined, joins


def test_one_character_is_joined_as_the_table_says() -> None:
    table = joins()
    for code in (*range(0x3500), *range(0x9F00, 0xB000), *range(0xD700, 0xD7FF), *range(0xF900, 0x11000)):
        assert is_joined(chr(code)) == bool(table[code])

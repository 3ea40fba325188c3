"""docs/cuda.md has the numbers of docs/cuda."""

import page


def test_tables_are_those_of_the_results():
    assert page.page() == page.PAGE.read_text()


def test_results_are_of_equal_bits():
    for kept in page.KEPT.values():
        assert kept["bits_small"]["different"] == kept["bits_long"]["different"] == 0
        assert kept["bits_small"]["calls"] > 1000 and kept["bits_long"]["calls"] > 400
        assert kept["every_bit_equal"]
    assert not page.IN_TORCH["failed"]

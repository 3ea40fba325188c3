"""docs/cuda.md has the numbers of docs/cuda."""

import page


def test_tables_are_those_of_the_results():
    assert page.page() == page.PAGE.read_text()


def test_results_are_of_equal_bits():
    """Where the whole is not equal, what is not is a call of boxgrad.cuda, and the page says so."""
    for kept in page.KEPT.values():
        assert kept["bits_small"]["different"] == kept["bits_long"]["different"] == 0
        assert kept["bits_small"]["calls"] > 1000 and kept["bits_long"]["calls"] > 400
        unequal = [name for found, value in kept.items() if found.startswith("python") and found.endswith("differs") for name in value]
        assert kept["every_bit_equal"] or unequal and all(f"`{name}` differed" in page.PAGE.read_text() for name in unequal)

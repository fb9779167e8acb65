"""The name of a size in the warehouse."""

from __future__ import annotations

import pytest

from tests.support.frames import plain_list, staged
from tests.support.shop import size
from transforms.name import warehouse_name


def _name(**fields: object) -> object:
    sizes, _ = staged(size(1, **fields))
    return plain_list(warehouse_name(sizes))[0]


@pytest.mark.parametrize(
    ("name", "variant", "label", "expected"),
    [
        pytest.param("Parka", "Blue", "S", "Parka Blue S", id="all three"),
        pytest.param("Parka Blue", "Blue", "S", "Parka Blue S", id="variant is in the name"),
        pytest.param("PARKA BLUE", "blue", "S", "PARKA BLUE S", id="variant is in the name, case aside"),
        pytest.param("Bluebell Dress", "Blue", "S", "Bluebell Dress Blue S", id="variant is only part of a word"),
        pytest.param("Parka Navy Blue", "Navy Blue", "S", "Parka Navy Blue S", id="variant of two words"),
        pytest.param("Parka", "", "S", "Parka S", id="no variant"),
        pytest.param("Parka", None, None, "Parka", id="name only"),
        pytest.param("Parka", " ", " ", "Parka", id="blanks add nothing"),
        pytest.param("Scarf", "Red", "One Size", "Scarf Red", id="One Size"),
        pytest.param("Scarf", "Red", "ONE SIZE", "Scarf Red", id="ONE SIZE"),
        pytest.param("Scarf", "Red", "One  Size", "Scarf Red", id="One Size with two blanks"),
        pytest.param("Scarf", "Red", "os", "Scarf Red", id="os"),
        pytest.param("Scarf", "Red", "-", "Scarf Red", id="dash"),
        pytest.param("Jeans", "Red", "One Size Plus", "Jeans Red One Size Plus", id="more than One Size"),
        pytest.param("<b>Parka</b>", "Blue&nbsp;&amp;<br>Red", "S", "Parka Blue & Red S", id="HTML"),
        pytest.param("  Parka ", " Blue ", " S ", "Parka Blue S", id="trimmed"),
        pytest.param("Sock", "Blue", 42, "Sock Blue 42", id="size as a number"),
    ],
)
def test_variant_and_size_are_added_to_the_name_if_they_add_information(
    name: object, variant: object, label: object, expected: str
) -> None:
    """Not if the name contains the variant, and not for sizes like "One Size"."""
    assert _name(name=name, variant=variant, size=label) == expected


@pytest.mark.parametrize("empty", [None, "", "  ", "<p><br></p>"], ids=["null", "empty", "blank", "only HTML"])
def test_product_is_used_if_the_name_is_empty(empty: object) -> None:
    assert _name(name=empty, product="parka int", variant="", size="") == "parka int"


def test_without_name_and_product_there_is_no_name() -> None:
    """Variant and size alone are not a name."""
    assert _name(name="", product=None) is None


def test_names_keep_the_index_of_their_sizes() -> None:
    """Sizes with the same parts have the same name."""
    sizes, _ = staged(size(1), size(2, name=None, product=None), size(3, variant="Red"), size(4))
    names = warehouse_name(sizes.set_axis([40, 30, 20, 10]))
    assert (names.name, list(names.index)) == ("name", [40, 30, 20, 10])
    assert plain_list(names) == ["Parka Blue S", None, "Parka Red S", "Parka Blue S"]

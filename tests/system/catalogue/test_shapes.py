"""The shape of a stored event: its paths with the types of what stands there."""

import pytest

from system.catalogue.shapes import name_of, shape_of


def test_a_shape_names_each_path_with_its_type() -> None:
    state = {
        "order_ref": None,
        "total": {"_type_": "decimal_str", "_data_": "41.50"},
        "items": [{"_type_": "order_line", "_data_": ["TEAPOT", 2, "20.75"]}],
        "attempt": 1,
    }
    assert shape_of(state) == {
        ".order_ref: null",
        ".total<decimal_str>",
        ".items[]<order_line>.0: str",
        ".items[]<order_line>.1: int",
        ".items[]<order_line>.2: str",
        ".attempt: int",
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"reason": None}, {"reason": "too dear"}),
        ({"reason": "too dear"}, {}),
        ({"lines": []}, {"lines": ["a"]}),
        ({"times": 1}, {"times": "1"}),
        ({"times": 1}, {"times": True}),
        ({"lines": ["a"]}, {"lines": ["a", 1]}),
    ],
)
def test_what_differs_in_shape_is_told_apart(one: object, other: object) -> None:
    assert name_of(shape_of(one)) != name_of(shape_of(other))


def test_other_values_and_more_elements_have_the_same_shape() -> None:
    assert shape_of({"lines": ["a"], "n": 1}) == shape_of({"n": 2, "lines": ["b", "c"]})

"""What names somebody or something can be seen as a whole; a reason may use what its script needs."""

import pytest

from application.limits import InvalidText, check_name, check_text

INVISIBLE = [
    *("\u200b", "\u200d", "\u200e", "\u2060", "\ufeff", "\u00ad", "\u061c"),
    *("\u034f", "\u115f", "\u1160", "\u17b4", "\u180e", "\u2800", "\u3164", "\uffa0"),
    *("\ufe0f", "\U000e0041", "\U000e0100"),
    *("\ue000", "\u0378", "\U0003fffe", "\U00100000", "\ufff9"),
]


@pytest.mark.parametrize("character", INVISIBLE, ids=lambda one: f"U+{ord(one):04X}")
@pytest.mark.parametrize("text", ["a{}b", "{}ab", "ab{}"])
def test_a_character_that_cannot_be_seen_is_in_no_name(text: str, character: str) -> None:
    with pytest.raises(InvalidText, match=f"U\\+{ord(character):04X}"):
        check_name(text.format(character), 10)


@pytest.mark.parametrize("name", ["ada", "Zoë", "Ελένη", "李雷", "हिन्दी", "order 7", "Ü/7-a", "🍵"])
def test_names_in_any_script_are_fine(name: str) -> None:
    assert check_name(name, 20) == name


def test_a_reason_may_have_what_its_script_needs() -> None:
    assert check_text("می\u200cخواهم", 20)


@pytest.mark.parametrize("text", ["a\x00", "a\u202eb", " a", ""])
def test_what_is_in_no_text_is_in_no_name_either(text: str) -> None:
    for rule in (check_text, check_name):
        with pytest.raises(Exception, match=r"^(has|is|begins)"):
            rule(text, 10)

"""One name in several spellings, and what is left of two names."""

from __future__ import annotations

import pytest

from pipeline.core.spelling import canonical, person, plain, shown, visible


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna", "Anna"),
        ("anna", "anna\u200b"),
        ("anna", "\ufeffanna"),
        ("anna", "an\u00adna"),
        ("anna", "anna\ufe0f"),
        ("anna k", "anna\u00a0 k"),
        ("josé", "jose\u0301"),
        ("straße", "STRASSE"),
        ("３", "3"),
        ("3", "3.0"),
        ("3", "3,00"),
        ("3", "003"),
        ("anna-k", "anna–k"),
        ("o'neil", "O’Neil"),
        ("anna", "anna."),
        ("“anna”", "anna"),
        ("Dr. K", "dr k"),
        ("anna_k", "Anna K"),
        ("s1", "s01"),
        ("spk_07", "SPK 7"),
        ("3", "\u0663"),
        ("3", "\uff13"),
        ("3", "3.000"),
        ("3", "+3"),
        ("anna", "\u0430nna"),
        ("José", "JosÃ©"),
        ("ipek", "İpek"),
        ("anna", "an\u3164na"),
    ],
)
def test_one_person(one: str, other: str) -> None:
    assert person(one) == person(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3", "30"),
        ("1.1", "1.10"),
        ("anna", "ann"),
        ("jose", "josé"),
        ("s1_1", "s11"),
        ("3", "3.5"),
        ("s10", "s01"),
        ("анна", "ана"),
    ],
)
def test_two_people(one: str, other: str) -> None:
    assert person(one) != person(other)


def test_numbers_are_one_only_where_they_name_people() -> None:
    assert plain("1.0") != plain("1")
    assert person("0.0") == person("0") == "0"


def test_names_are_shown_by_what_sets_them_apart() -> None:
    assert visible("a\u2060b\u3164".replace("\u3164", "")) == "ab"
    assert shown("Anna", "anna") == "'Anna'"
    assert shown("josé", "jose\u0301") == r"'jos\xe9'"
    assert canonical(["3.0", "3"]) == "3"
    assert canonical(["anna", "Anna"]) == "Anna"

"""The customer's address as myOGO takes it, and what a carrier would miss in it."""

from __future__ import annotations

import unicodedata

import pandas as pd

from schemas.countries import COUNTRIES, LIKELY
from transforms.text import first_filled

# Countries to which carriers deliver only with a state or province.
NEED_A_STATE = ("US", "CA", "AU")
_JOINERS = "\u200c\u200d"  # parts of words in Persian and in the languages of India


def one_line(texts: pd.Series) -> pd.Series:
    """Texts that fit on a label: line breaks and tabs become blanks, other control characters and invisible ones (such
    as those that turn the direction of writing) go, and several blanks become one. Null stays null."""
    distinct = {text: _one_line(text) for text in texts.dropna().unique()}
    return texts.map(distinct).astype("str")


def _one_line(text: str) -> str:
    kept = []
    for letter in text:
        category = unicodedata.category(letter)
        if letter.isspace():
            kept.append(" ")
        elif category not in ("Cc", "Cf") or letter in _JOINERS:
            kept.append(letter)
    return " ".join("".join(kept).split())


def phone_of(rows: pd.DataFrame) -> pd.DataFrame:
    """`phone` (the first of `cell` and `tele` that has a digit, else null) and `phone_problem` ("" for none)."""
    cell, tele = first_filled(rows["cell"]), first_filled(rows["tele"])
    with_digits = [phone.where(phone.str.contains("[0-9]")) for phone in (cell, tele)]
    phone = with_digits[0].fillna(with_digits[1])
    problem = pd.Series("", index=rows.index).mask(phone.isna(), "It has no phone number.")
    written = cell.notna() | tele.notna()
    return pd.DataFrame(
        {"phone": phone, "phone_problem": problem.mask(phone.isna() & written, "Its phone number has no digits.")}
    )


def missing_fields(rows: pd.DataFrame, country: pd.Series) -> pd.Series:
    """What myOGO requires in an address and does not find there, in words; "" for nothing. `country` is in capitals."""
    filled = {
        "name": first_filled(rows["name"], rows["company"]).notna(),
        "address": first_filled(rows["address"]).notna(),
        "city": first_filled(rows["city"]).notna(),
    }
    countries = country.map(_missing_country, na_action="ignore").astype("str").fillna("two-letter country")
    missing = pd.Series("", index=rows.index)
    for name, is_filled in filled.items():
        missing = missing.where(is_filled, missing + ", " + name)
    missing = missing.where(countries == "", missing + ", " + countries)
    return missing.str.removeprefix(", ")


def _missing_country(country: str) -> str:
    if country in COUNTRIES:
        return ""
    if len(country) != 2 or not country.isalpha():
        return "two-letter country"
    likely = f"; {LIKELY[country]} probably is" if country in LIKELY else ""
    return f"country code of ISO 3166-1 ({country} is none{likely})"


def needs_a_state(rows: pd.DataFrame, country: pd.Series) -> pd.Series:
    """Whether each address lacks the state that its country needs."""
    return country.isin(NEED_A_STATE) & first_filled(rows["state"]).isna()

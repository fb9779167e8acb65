"""The lines of an order to pick, for every way in which Centra's plugin lists bundles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from schemas.fields.centra_orders import CONTENTS_KEY
from transforms.select import matches
from transforms.sku import code_in_myogo, combined_code
from transforms.stock_location import here, quantity_here
from transforms.type_mismatch import mismatches_in

ORDER = "source_id"
_FIELDS = ("lineId", "sku", "variantSku", "sizeSku", "qty", "isPartOfBundle", CONTENTS_KEY)
_FLAGS = ("", "0", "1", "true", "false")

# The role of a line. All lines are picked except bundles whose contents are listed, and contents that are listed twice.
GOODS = "goods"
BUNDLE = "bundle with contents"
EMPTY_BUNDLE = "bundle without contents"
UNCLEAR_BUNDLE = "bundle that may or may not have contents"
CONTENT = "content inside its bundle"
COMPONENT = "component next to its bundle"
LISTED_TWICE = "content that is also listed next to its bundle"
PICKED = (GOODS, EMPTY_BUNDLE, UNCLEAR_BUNDLE, CONTENT, COMPONENT)


# Why a line is left out of the order.
NO_GOODS = "no goods"
ELSEWHERE = "another warehouse"


@dataclass(frozen=True)
class PickRules:
    """Which lines myOGO's warehouse picks.

    `contents_are` is explained at `pickable_lines`. A line is no goods if its code matches one of the shell-like
    patterns `not_goods` or is one of `not_goods_codes` (those whose category matches). `warehouses` are the names of
    our warehouse in Centra; () if all lines are ours. `kept_codes` has the code in myOGO by the code in Centra, where
    they differ.
    """

    contents_are: str | None = None
    not_goods: tuple[str, ...] = ()
    not_goods_codes: frozenset[str] = field(default_factory=frozenset)
    warehouses: tuple[str, ...] = ()
    kept_codes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PickedLines:
    """`lines` are to be picked: `source_id`, `line_id`, `code` in myOGO, `quantity` (units), `price` and `tax_percent`
    (texts as sent). `problems` are texts by `source_id`, for orders with problems. `left_out` has `source_id`, `code`
    and `reason` (NO_GOODS or ELSEWHERE) of the lines that are not sent."""

    lines: pd.DataFrame
    problems: pd.Series
    left_out: pd.DataFrame


def pickable_lines(lines: pd.DataFrame, rules: PickRules) -> PickedLines:
    """The lines to pick, the problems in the lines of an order, and the lines that are left out.

    `lines` has `source_id` (the shipment or order), `position`, `inside` (the position of the bundle line that contains
    the line, else null) and the staged columns of a line.

    The plugin has four ways to list a bundle:

        contents only                        they are ordinary lines
        contents inside the bundle line      they are picked, the bundle is not
        components next to the bundle line   they are picked, the bundle is not
        the bundle line only                 it is picked itself

    Centra does not document which id a component names for its bundle. If it is not the id of a line, the order must
    have as many sets of components as bundles without contents; anything else is a problem. Centra does not document
    either whether the quantities of contents are per bundle or for all bundles: `contents_are` is "each" or "total"; if
    it is None, a bundle ordered more than once is a problem.

    A line of which a part lies in another warehouse has the units of ours. A line that names no warehouse is a problem
    if the rules name ours: Centra documents `warehouses` for every line.
    """
    lines = lines.sort_values([ORDER, "position"], ignore_index=True)
    lines["quantity"] = lines["quantity"].astype("Int64")
    lines = lines.assign(
        code=combined_code(lines),
        bundle_id=_bundle_id(lines["part_of_bundle"]),
        ordered_bundles=_units_of_enclosing_bundle(lines),
    )
    lines = lines.assign(role=_roles(lines))
    in_bundles = lines["role"].isin([CONTENT, LISTED_TWICE])
    location = here(_with_warehouses_of_bundle(lines), rules.warehouses)
    lines["quantity"] = quantity_here(lines["quantity"], location)
    if rules.contents_are == "each":
        lines["quantity"] = lines["quantity"] * lines["ordered_bundles"]
    reason = _reasons_to_leave_out(lines, location, rules)
    lines = lines.assign(unclear_location=location["problem"])
    picked, left_out = (lines[lines["role"].isin(PICKED) & chosen] for chosen in (reason == "", reason != ""))
    picked = picked.assign(code=code_in_myogo(picked["code"], rules.kept_codes))
    in_bundles &= reason == ""
    unreadable = mismatches_in(lines["extra"], _FIELDS)
    unclear_flag = lines["inside"].isna() & ~plain(lines["is_bundle"]).isin(_FLAGS)
    uncounted = in_bundles & (lines["ordered_bundles"] > 1) & (rules.contents_are is None)
    problems = pd.concat(
        [
            _problem(
                lines[uncounted], "a bundle ordered more than once lists its contents, and contents_are is not set"
            ),
            _problem(
                lines[lines["role"] == UNCLEAR_BUNDLE],
                "a bundle is listed next to items that may or may not be its contents",
            ),
            _problem(lines[unclear_flag], "isBundle of a line is neither 0 nor 1"),
            _first_of_each_order("a line cannot be read: " + unreadable[unreadable.notna()], lines),
            _problem(picked[~(picked["quantity"] > 0).fillna(False)], "a line's quantity is not a number above zero"),
            _problem(picked[picked["code"] == ""], "a line has no code"),
            _problem(picked[picked["unclear_location"]], "a line does not say how many units lie in which warehouse"),
        ]
    )
    columns = [ORDER, "line_id", "code", "quantity", "price", "tax_percent"]
    return PickedLines(
        picked[columns].reset_index(drop=True),
        problems.groupby(level=0).agg("; ".join),
        left_out.assign(reason=reason)[[ORDER, "code", "reason"]].reset_index(drop=True),
    )


def is_no_goods(codes: pd.Series, rules: PickRules) -> pd.Series:
    """Whether each code stands for something that no warehouse keeps."""
    listed = codes.isin(rules.not_goods_codes)
    return listed | matches([codes], rules.not_goods) if rules.not_goods else listed


def _reasons_to_leave_out(lines: pd.DataFrame, location: pd.DataFrame, rules: PickRules) -> pd.Series:
    """NO_GOODS, ELSEWHERE or "" for each line."""
    reason = pd.Series("", index=lines.index).mask(location["elsewhere"], ELSEWHERE)
    return reason.mask(is_no_goods(lines["code"], rules), NO_GOODS)


def _with_warehouses_of_bundle(lines: pd.DataFrame) -> pd.Series:
    """The warehouses of each line; those of its bundle for a content without its own."""
    on_top = lines[lines["inside"].isna()]
    of_bundle = on_top["warehouses"].set_axis(_index(on_top, "position"))
    of_bundle = of_bundle[~of_bundle.index.duplicated()]
    own = lines["warehouses"]
    return own.where(own.notna(), of_bundle.reindex(_index(lines, "inside")).set_axis(lines.index))


def _roles(lines: pd.DataFrame) -> pd.Series:
    """The role of each line: the first role in the list below that applies, else GOODS."""
    on_top = lines["inside"].isna()
    has_contents = _is_among(lines, "position", lines[~on_top], "inside")
    bundle = on_top & (has_contents | is_true(lines["is_bundle"]))
    component = on_top & ~bundle & lines["bundle_id"].notna()
    is_named = _is_among(lines, "line_id", lines[component], "bundle_id")
    orphan = component & ~_is_among(lines, "bundle_id", lines[bundle], "line_id")
    empty = bundle & ~has_contents & ~is_named

    orphan_sets = _per_order(lines, lines[orphan].groupby(ORDER)["bundle_id"].nunique())
    empty_bundles = _per_order(lines, lines[empty].groupby(ORDER).size())
    explained_by_orphans = empty & (orphan_sets == empty_bundles)
    others_have_contents = lines[ORDER].isin(lines.loc[(bundle & ~empty) | orphan, ORDER])
    has_components = lines[ORDER].isin(lines.loc[component, ORDER])

    role = pd.Series(GOODS, index=lines.index)
    for name, applies in reversed(  # the first role in this list that applies is set last, so it wins
        [
            (BUNDLE, bundle & (~empty | explained_by_orphans)),
            (UNCLEAR_BUNDLE, empty & others_have_contents),
            (EMPTY_BUNDLE, empty),
            (COMPONENT, component),
            (LISTED_TWICE, ~on_top & has_components),
            (CONTENT, ~on_top),
        ]
    ):
        role = role.mask(applies, name)
    return role


def _units_of_enclosing_bundle(lines: pd.DataFrame) -> pd.Series:
    """The ordered quantity of the bundle that contains each line; 1 for lines outside bundles."""
    on_top = lines[lines["inside"].isna()]
    units = on_top["quantity"].set_axis(_index(on_top, "position"))
    units = units[~units.index.duplicated()]
    return units.reindex(_index(lines, "inside")).set_axis(lines.index).fillna(1)


def _is_among(lines: pd.DataFrame, column: str, others: pd.DataFrame, other: str) -> pd.Series:
    """Whether one of `others`, in the same order, has each line's value of `column` in its column `other`."""
    return pd.Series(_index(lines, column).isin(_index(others, other)), index=lines.index)


def _index(lines: pd.DataFrame, column: str) -> pd.MultiIndex:
    """Pairs of order and value, because ids and positions are unique within one order only."""
    return pd.MultiIndex.from_arrays([lines[ORDER], lines[column]])


def _per_order(lines: pd.DataFrame, counts: pd.Series) -> pd.Series:
    return lines[ORDER].map(counts)


def _bundle_id(part_of_bundle: pd.Series) -> pd.Series:
    """The id that a component names for its bundle; null if it names none."""
    named = plain(part_of_bundle)
    return named.mask(named.isin(["", "0", "false"]))


def _problem(lines: pd.DataFrame, message: str) -> pd.Series:
    return pd.Series(message, index=lines[ORDER].unique())


def _first_of_each_order(messages: pd.Series, lines: pd.DataFrame) -> pd.Series:
    by_order = messages.set_axis(lines.loc[messages.index, ORDER])
    return by_order[~by_order.index.duplicated()].rename_axis(None)


def plain(flags: pd.Series) -> pd.Series:
    """Values staged as JSON, without quotes and in small letters; "" for null."""
    return flags.fillna("").str.strip('" ').str.casefold()


def is_true(flags: pd.Series) -> pd.Series:
    """Whether a flag, staged as JSON, is 1 or true (number, boolean or text)."""
    return plain(flags).isin(["1", "true"])


def payment_due(shipments: pd.DataFrame) -> pd.Series:
    """Whether a shipment's payment is still to be captured: not paid, and `should_capture` is not false."""
    return ~is_true(shipments["paid"]) & ~plain(shipments["should_capture"]).isin(["0", "false"])

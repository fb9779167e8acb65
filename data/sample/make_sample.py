"""Writes the sample catalogue: centra.json, myogo.json and planted.json, the same bytes every time.

python data/sample/make_sample.py [FOLDER]
"""

import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path

import words
from faults import plant_faults
from oddities import plant_oddities
from planter import Planter
from shop import Json, clean_shop
from warehouse import fill

SEED = 20260


def main(folder: Path) -> None:
    """The three files, in `folder`."""
    rng = random.Random(SEED)
    products = clean_shop(rng)
    planter = Planter(rng, products)
    plant_faults(planter)
    plant_oddities(planter)
    held = fill(planter)
    pricelists = [{"id": id_, "name": name, "currency": currency} for id_, name, currency in words.PRICELISTS]
    write(folder / "centra.json", f'{{"pricelists":{compact(pricelists)},\n"products":[', products, "]}")
    write(folder / "myogo.json", '{"products":[', held, "]}")
    planted = sorted(planter.planted, key=lambda entry: entry["rule"])
    write(folder / "planted.json", "[", planted, "]")


def write(path: Path, head: str, records: Iterable[Json], tail: str) -> None:
    """One record per line, so that a change of one record is a change of one line."""
    text = f"{head}\n" + ",\n".join(map(compact, records)) + f"\n{tail}\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def compact(value: object) -> str:
    """JSON without blanks and with letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)

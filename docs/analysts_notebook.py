"""The state of a channel as a marimo notebook: `marimo edit docs/analysts_notebook.py`.

Needs `pip install marimo "duckdb>=2.0" pandas`. Without marimo, take the queries from here.
"""

import marimo

app = marimo.App(width="medium", app_title="Centra and myOGO")


@app.cell
def _():
    import os

    import duckdb
    import marimo as mo

    return duckdb, mo, os


@app.cell
def _(mo):
    mo.md("""
    # Centra and myOGO

    Choose the file of a channel. A run may go on meanwhile: it replaces the file when it ends, and *Open* then shows
    what it found.
    """)
    return


@app.cell
def _(mo, os):
    file = mo.ui.text(os.environ.get("ANALYTICS", "data/demo/analytics.duckdb"), label="File", full_width=True)
    opened = mo.ui.run_button(label="Open")
    mo.hstack([file, opened], widths=[4, 1])
    return file, opened


@app.cell
def _(duckdb, file, opened):
    _clicked = opened.value  # a click opens the file again
    db = duckdb.connect()
    db.execute(f"attach '{file.value.replace(chr(39), chr(39) * 2)}' as channel (read_only)")
    db.execute("use channel")
    return (db,)


@app.cell
def _(db, mo):
    last = db.sql("""
        select verb, outcome, started_at, rows_read, withheld, creates, updates, unchanged, applied from v_latest_run
    """).df()
    mo.vstack([mo.md("## The newest run"), mo.ui.table(last, selection=None)])
    return


@app.cell
def _(db, mo):
    issues = db.sql("""
        select rule, code, message, fix, fix_in, since, open_days from v_open_issues
    """).df()
    mo.vstack([mo.md("## To fix, the oldest first"), mo.ui.table(issues, page_size=10)])
    return


@app.cell
def _(db, mo):
    fixes = db.sql("""
        select rule, count(*) as fixed, median(hours_to_fix) as median_hours from v_time_to_fix
        group by all order by rule
    """).df()
    mo.vstack([mo.md("## How long fixes take"), mo.ui.table(fixes, selection=None)])
    return


@app.cell
def _(db, mo):
    names = db.sql("select distinct brand from v_products where brand is not null order by brand").fetchall()
    brand = mo.ui.dropdown([name for (name,) in names], label="Brand", value=names[0][0] if names else None)
    mo.hstack([brand], justify="start")
    return (brand,)


@app.cell
def _(brand, db, mo):
    products = db.sql(
        """
        select code, name, variant, size, active, eur_price, myogo_price, centra_available, myogo_available, difference,
               withheld_by
        from v_products where brand = $brand order by code
        """,
        params={"brand": brand.value},
    ).df()
    mo.vstack([mo.md("## Products of both sides"), mo.ui.table(products, page_size=10)])
    return


@app.cell
def _(brand, db, mo):
    by_day = db.sql(
        """
        select d.on_day, d.system, sum(d.available) as available
        from v_stock_by_day d join v_stock_side_by_side s using (code) where s.brand = $brand
        group by all order by d.on_day, d.system
        """,
        params={"brand": brand.value},
    ).df()
    mo.vstack([mo.md("## Stock by day"), mo.ui.table(by_day, selection=None)])
    return


@app.cell
def _(db, mo):
    prices = db.sql("""
        select on_day, system, code, brand, name, old_price, new_price, change_percent from v_price_changes
        order by on_day desc, code
    """).df()
    mo.vstack([mo.md("## Price changes"), mo.ui.table(prices, page_size=10)])
    return


if __name__ == "__main__":
    app.run()

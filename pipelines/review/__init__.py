"""The last run again, from the published tables: facts, and the views of them."""

"""`make fleet`: six channels on two machines under Dagster, one of which is killed in mid-push."""

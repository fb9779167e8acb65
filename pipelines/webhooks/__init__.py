"""The `listen` service: receive, verify, deduplicate, debounce, launch a push. A message is only a hint."""

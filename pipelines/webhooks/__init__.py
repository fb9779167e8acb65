"""The `listen` service: receive, verify, de-duplicate, debounce, launch a push. A message is only a hint."""

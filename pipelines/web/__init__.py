"""The pages, the schedule and the webhooks of all channels, in one process."""

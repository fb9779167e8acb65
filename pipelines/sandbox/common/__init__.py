"""What both stand-ins share."""

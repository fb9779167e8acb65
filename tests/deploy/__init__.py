"""The files in deploy/, as far as this machine can check them."""

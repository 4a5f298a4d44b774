"""What the `python` guest is made of."""

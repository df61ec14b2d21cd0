"""Which images there are and what is in them."""

"""The benchmark: what is measured, and on what. Nothing in the product imports it but its command."""

"""The use-cases: what can be asked of orders, payments and inventory, and what is answered."""

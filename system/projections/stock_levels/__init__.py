"""The stock levels: on hand, reserved and available of every product."""

"""The runner, the gateways, the settings and the operations."""

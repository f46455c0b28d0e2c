"""What every context shares: money, derived ids, causes, the aggregate base and the errors."""

"""Stories about the domain's fulfilment context."""

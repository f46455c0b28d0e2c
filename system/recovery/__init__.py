"""What a person does about what does not go on by itself. Each act has a reason, and can be looked at
before it is done."""

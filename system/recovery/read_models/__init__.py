"""What a person does about the versions of a read model: builds one, has it served, and drops one."""

"""How people and tools look in and act."""

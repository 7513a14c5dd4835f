"""The verbs, for administrators, services and tests."""

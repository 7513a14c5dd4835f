"""Who may do what: identities, roles, permits, and the audit record."""

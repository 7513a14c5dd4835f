"""Shows frames and turns clicks into requests; all Qt lives here."""

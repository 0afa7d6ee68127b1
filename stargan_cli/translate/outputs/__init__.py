"""Names, atomic writes, locks, contact sheets and galleries of results."""

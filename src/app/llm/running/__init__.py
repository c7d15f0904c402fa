"""Running a plan: its budget, what comes after a failed attempt, and the record of it."""

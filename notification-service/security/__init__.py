"""Risk control: policies, assessments, and the reviewer's decision about a held payment."""

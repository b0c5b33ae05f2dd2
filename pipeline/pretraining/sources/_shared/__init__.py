"""What several source tasks share: reading their material, and dealing it into parts."""

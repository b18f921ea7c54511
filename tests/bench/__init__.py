"""`make bench`: where the time goes, side by side with what users would have otherwise."""

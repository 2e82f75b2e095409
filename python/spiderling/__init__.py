"""What comes with spiderling for those who write its plugins in Python: spiderling.testing."""

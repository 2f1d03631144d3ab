"""Tests of what make bench computes; none of them looks at a clock."""

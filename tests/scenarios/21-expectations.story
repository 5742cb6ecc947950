# The expectation table is full, not the main one: connections announced by a helper are refused.

table max=262144 count=100
poll at 1s
log expect=4
poll at 2s
alerts expect_full begin level=ok
poll until 30s
alerts expect_full end
alerts nothing

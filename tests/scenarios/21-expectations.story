# The expectation table is full, not the main one: connections a helper announced are refused.

table max=262144 count=100
look at 1s
log expect=4
look at 2s
says expect_full begin level=ok
look until 30s
says expect_full end
says nothing

# A calm table is looked at four times a second, a filling one as often as it could matter.

settings levels: { forecast = 0; };
table max=262144 count=1000
look at 1s
look until 11s
looked at_most 42
next at_least 250ms

# 100,000 a second: never further apart than a quarter of the time to the next threshold.
look until 12s count=101000
next at_most 250ms
look until 13500ms count=198000
next at_most 150ms
says usage begin level=warning
looked at_least 20

# A calm table is polled once a second; a filling one sooner, by a quarter of the time to the next
# threshold.

settings levels: { forecast = 0; };
table max=262144 count=1000
poll at 1s
poll until 11s
polls at_most 11
next at_least 1s

# 100,000 entries a second
poll until 12s count=101000
next at_most 250ms
poll until 13500ms count=198000
next at_most 150ms
alerts usage begin level=warning
polls at_least 20

# The walk fails (no permission, a closed socket): the alert is sent without talkers, and its remedy
# is a larger table.

settings levels: { forecast = 0; };
talkers unknown
table max=10000 buckets=10000 count=8000
poll at 1s
alerts usage begin level=warning top_source=- assured_percent=- remedy*=from~10000~to~20000

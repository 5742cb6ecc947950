# The walk fails (no permission, a closed socket): the alert is said all the same, and advises to
# grow the table.

settings levels: { forecast = 0; };
who nobody
table max=10000 buckets=10000 count=8000
look at 1s
says usage begin level=warning top_source=- assured_percent=- remedy*=nf_conntrack_max=20000

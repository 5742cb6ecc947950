# The former ctwatchd could not read the counters: how much of what they show now was lost since is
# not known, so no alert says so.

settings levels: { forecast = 0; };
table max=10000 count=100 buckets=10240 drop=500 nocounters
former at 5s
table counters
poll at 8s
alerts nothing
poll until 60s
alerts nothing

# max 0 means no limit, up to Linux 6.18: there is nothing to fill.

table max=0 count=1000000
poll at 1s
poll until 60s count=5000000
alerts nothing

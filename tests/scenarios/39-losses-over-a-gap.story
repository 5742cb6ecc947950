# ctwatchd is killed while the table is full, and started three seconds later: what was lost meanwhile
# is one alert of its kind. The kernel's lines about it are no second one.

settings levels: { forecast = 0; };
table max=10000 count=10000 buckets=10240 drop=500 early_drop=7
former at 5s
table drop+=50000
past full=30
poll at 8s
alerts table_full past drops=50000 early_drops=0 log_lines=0 duration_seconds=3 age_seconds=- count=10000
alerts usage begin level=warning
alerts usage begin level=critical
alerts usage begin level=full

# They do not count again.
poll until 20s
alerts nothing
table drop+=3
poll at 21s
alerts table_full begin drops=3
poll until 40s
alerts table_full end drops=3

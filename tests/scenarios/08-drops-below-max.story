# Counters of a calm table are read every ten seconds.
# The kernel drops new connections though the table has room: no memory, or a helper.

settings levels: { forecast = 0; };
table max=100000 count=20000
look at 1s
table drop+=7
look until 11s
says dropped_below_max begin level=ok drops=7 usage_percent=20.0
look until 30s
says dropped_below_max end drops=7

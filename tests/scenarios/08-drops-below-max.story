# The kernel drops new connections though the table has room: no memory, or a helper. The counters
# of a calm table are read every ten seconds.

settings levels: { forecast = 0; };
table max=100000 count=20000
poll at 1s
table drop+=7
poll until 11s
alerts dropped_below_max begin level=ok drops=7 usage_percent=20.0
poll until 30s
alerts dropped_below_max end drops=7

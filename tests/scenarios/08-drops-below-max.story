# The kernel drops new connections though the table has room: no memory, or a helper. The counters
# of an idle table are read every ten seconds, those of a table with traffic every second.

settings levels: { forecast = 0; };
table max=100000 count=20000
poll at 1s
table drop+=7
poll until 11s
alerts dropped_below_max begin level=ok drops=7 usage_percent=20.0
poll until 30s
alerts dropped_below_max end drops=7

poll every 1s until 120s
alerts nothing
poll every 1s until 121s count+=1 drop+=3
alerts dropped_below_max begin drops=3 at=121s

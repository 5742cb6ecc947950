# What lasts is told again every alerts.remind, with the numbers of then.

settings alerts: { remind = "15min"; };
settings levels: { forecast = 0; };
table max=10000 count=9100
look at 1s
says usage begin level=warning
says usage begin level=critical
look every 1s until 890s
says nothing
table count=9200
look every 1s until 1000s
says usage reminder level=critical count=9200 at=901s
look every 1s until 2000s
says usage reminder at=1801s
says nothing

# Dropping is reminded of by itself: one record per quarter of an hour, not two.
table count=10000
look every 1s until 3801s drop+=1
says table_full begin at=2001s
says table_full reminder at=2901s
says table_full reminder at=3801s
says nothing

# And never, where the administrator says so.
settings alerts: { remind = 0; };
settings levels: { forecast = 0; };
look every 1s until 9000s drop+=1
says nothing

# The warning says who. The walk is asked for when the level rises, once a minute at the most, and
# what it came to goes with later alerts while it is fresh.

settings levels: { forecast = 0; };
who entries=5000 margin=138 assured=8000 risk=280 source=192.0.2.7/6020 source=198.51.100.1/2010 port=udp/53/3000 state=udp/unreplied/4000
table max=10000 buckets=10000 count=1000
look at 1s
walked at_most 0
table count=8000
look at 2s
says usage begin level=warning top_source=192.0.2.7~60.2% top_port=udp/53~30.0% top_state=udp/unreplied~40.0% assured_percent=80.0 drop_risk_percent=2.8 margin_percent=1.3 remedy*=192.0.2.7
walked at_most 1
table count=9500
look at 3s
says usage begin level=critical top_source=192.0.2.7~60.2%
walked at_most 0
look every 1s until 200s
table count=10000 drop+=1
look at 201s
says table_full begin top_source=-
says nothing
# What is over has no culprit, however fresh the sample is.
table count=0
look every 250ms until 230s
says table_full end top_source=-
says usage end level=ok top_source=-

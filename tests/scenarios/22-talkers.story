# The warning names the talkers. A risen level asks for a walk, at most once a minute, and its result
# goes with later alerts while it is fresh.

settings levels: { forecast = 0; };
talkers entries=5000 margin=138 assured=8000 risk=280 source=192.0.2.7/6020 source=198.51.100.1/2010 port=udp/53/3000 state=udp/unreplied/4000
table max=10000 buckets=10000 count=1000
poll at 1s
walks at_most 0
table count=8000
poll at 2s
alerts usage begin level=warning top_source=192.0.2.7~60.2% top_port=udp/53~30.0% top_state=udp/unreplied~40.0% assured_percent=80.0 drop_risk_percent=2.8 margin_percent=1.3 remedy*=192.0.2.7
walks at_most 1
table count=9500
poll at 3s
alerts usage begin level=critical top_source=192.0.2.7~60.2%
walks at_most 0
poll every 1s until 200s
table count=10000 drop+=1
poll at 201s
alerts table_full begin top_source=-
alerts nothing
# An alert that a condition is over names no culprit, however fresh the result is.
table count=0
poll every 250ms until 230s
alerts table_full end top_source=-
alerts usage end level=ok top_source=-

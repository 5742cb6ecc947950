# Records come in the order of what happened. The walk takes a while: a warning that waits for it is
# sent before a more urgent alert, without culprits, which come as a reminder when the walk ends.
settings levels: { forecast = 0; };
walk takes 300ms
talkers entries=5000 margin=138 source=192.0.2.7/6020
table max=10000 count=8000
poll at 2s
alerts nothing
table count=9500
poll at 2100ms
alerts usage begin level=warning top_source=- at=2100ms
alerts usage begin level=critical top_source=- at=2100ms
poll at 3s
alerts usage reminder level=critical top_source=192.0.2.7~60.2% count=9500 at=2300ms
alerts nothing
table count=100
poll every 1s until 60s
alerts usage end level=ok top_source=-

# A less urgent alert waits behind the warning.
table count=8000
poll at 100s
table max=9000
poll at 100100ms
alerts nothing
poll at 101s
alerts usage begin level=warning top_source=192.0.2.7~60.2% at=100300ms
alerts limit_changed begin at=100300ms
table count=100
poll every 1s until 150s
alerts usage end

# The level is ok again before the walk ends: no reminder.
settings levels: { forecast = 0; hold = 0; };
table count=7000
poll at 300s
table count=8900
poll at 300100ms
alerts usage begin level=warning top_source=-
alerts usage begin level=critical top_source=-
table count=100
poll at 300200ms
alerts usage end level=ok top_source=-
poll at 301s
alerts nothing

# The walk fails: the alert is sent when it does, and there is no reminder.
talkers unknown
table count=7000
poll at 500s
poll at 500200ms
alerts nothing
poll at 501s
alerts usage begin level=warning top_source=- at=500300ms
table count=100
poll at 502s
alerts usage end

# ctwatchd stops while an alert waits.
talkers entries=5000 margin=138 source=192.0.2.7/6020
table count=7000
poll at 700s
alerts nothing
stop
alerts usage begin level=warning top_source=- at=700s

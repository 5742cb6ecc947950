# Events cost every new flow half as much again: a calm table goes without.

table max=100000 buckets=100000 count=1000
look at 1s
wants no_events
look until 10s count=1200
wants no_events

# Half full: subscribed, and the rates go with what is said.
table count=50000
look at 11s
wants events
events created=250 destroyed=50
settings levels: { forecast = 0; };
look every 250ms until 15s
table count=76000
look at 15250ms
says forecast begin
says usage begin level=warning new_rate=1000 destroy_rate=200 sampled=- rate_bound=-

# Calm again: left after half a minute of it.
events created=0 destroyed=0
table count=1000
look every 250ms until 40s
says forecast end
says usage end level=ok
wants events
look every 250ms until 70s
wants no_events
events off

# As configured otherwise.
settings levels: { forecast = 0; };
settings events: { mode = "always"; };
look at 71s
wants events
settings levels: { forecast = 0; };
settings events: { mode = "never"; };
table count=99000
look at 72s
wants no_events
says usage begin level=warning
says usage begin level=critical

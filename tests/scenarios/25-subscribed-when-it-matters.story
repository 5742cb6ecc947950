# Events cost every new flow half as much again: a calm table has no subscription.

table max=100000 buckets=100000 count=1000
poll at 1s
wants no_events
poll until 10s count=1200
wants no_events

# Half full: subscribed, and alerts carry the rates.
table count=50000
poll at 11s
wants events
events created=250 destroyed=50
settings levels: { forecast = 0; };
poll every 250ms until 15s
table count=76000
poll at 15250ms
alerts forecast begin
alerts usage begin level=warning new_rate=1000 destroy_rate=200 sampled=- rate_bound=-

# Calm again: left after half a minute.
events created=0 destroyed=0
table count=1000
poll every 250ms until 40s
alerts forecast end
alerts usage end level=ok
wants events
poll every 250ms until 70s
wants no_events
events off

# events.mode
settings levels: { forecast = 0; };
settings events: { mode = "always"; };
poll at 71s
wants events
settings levels: { forecast = 0; };
settings events: { mode = "never"; };
table count=99000
poll at 72s
wants no_events
alerts usage begin level=warning
alerts usage begin level=critical

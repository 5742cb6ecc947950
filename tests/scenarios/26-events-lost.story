# More events than can be read: one alert in an episode, and rates are marked as lower bounds.

settings levels: { forecast = 0; };
settings events: { mode = "always"; };
table max=1000000 count=100000
poll at 1s
events created=25000
poll every 250ms until 5s
alerts nothing
events created=25000 overruns=1 lost=9000
poll every 250ms until 10s
alerts events_lost begin rate_bound=lower
table count=760000
poll at 10250ms
alerts usage begin level=warning rate_bound=lower
events created=25000 overruns=0 lost=0
poll every 250ms until 30s
alerts events_lost end events_lost=189000

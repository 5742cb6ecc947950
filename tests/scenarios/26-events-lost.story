# More events than can be read: told once per episode, and rates are marked as lower bounds.

settings levels: { forecast = 0; };
settings events: { mode = "always"; };
table max=1000000 count=100000
look at 1s
events created=25000
look every 250ms until 5s
says nothing
events created=25000 overruns=1 lost=9000
look every 250ms until 10s
says events_lost begin rate_bound=lower
table count=760000
look at 10250ms
says usage begin level=warning rate_bound=lower
events created=25000 overruns=0 lost=0
look every 250ms until 30s
says events_lost end events_lost=189000

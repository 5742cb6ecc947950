# Reading every event would cost more than the budget: one in four is read, and alerts say so.

settings levels: { forecast = 0; };
settings events: { mode = "always"; };
table max=1000000 count=100000
poll at 1s
events created=100000 sampling=4
poll every 250ms until 5s
table count=760000
poll at 5250ms
alerts usage begin level=warning new_rate=400000 sampled=1/4
